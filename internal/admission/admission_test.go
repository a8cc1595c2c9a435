package admission

import (
	"net/netip"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func network(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(20 + i), 1, 0, 0}), 16)
}

// crowd is n peers of one network that last for an hour and moved as many bytes as their index.
func crowd(of, n int) (peers []Peer) {
	for i := range n {
		peers = append(peers, Peer{Network: network(of), Moved: int64(i), Lasted: time.Hour, Rank: uint32(100 - i)})
	}
	return peers
}

func TestTurnOver(t *testing.T) {
	even := []Peer{{Network: network(1), Moved: 100, Lasted: time.Hour}, {Network: network(2), Moved: 100, Lasted: time.Hour}}
	with := func(p Peer) []Peer { return append(even[:2:2], p) }
	for _, tt := range []struct {
		name   string
		peers  []Peer
		leaves int // -1: nobody
	}{
		{"all are of use", even, -1},
		{"one did nothing for long", with(Peer{Network: network(3), Lasted: time.Hour}), 2},
		{"one did little", with(Peer{Network: network(3), Moved: 8, Lasted: time.Hour}), 2},
		{"one did less than the others", with(Peer{Network: network(3), Moved: 20, Lasted: time.Hour}), -1},
		{"one is new", with(Peer{Network: network(3), Lasted: trialFor - 1}), -1},
		{"one was named", with(Peer{Network: network(3), Lasted: time.Hour, Stays: true}), -1},
		{"nobody did anything", []Peer{{Network: network(1), Lasted: time.Hour}, {Network: network(2), Lasted: time.Minute}}, 0},
		{"a crowd has too many, though they are new", []Peer{
			{Network: network(1), Moved: 5}, {Network: network(1), Stays: true}, {Network: network(1), Moved: 3}, {Network: network(2), Moved: 1},
		}, 2},
		{"the crowd's own network wants one more", []Peer{{Network: network(9), Moved: 1}, {Network: network(9)}, {Network: network(9)}}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := NewTable(8)
			i, ok := table.TurnOver(epoch, network(9), tt.peers)
			if ok != (tt.leaves >= 0) || ok && i != tt.leaves {
				t.Errorf("%d leaves: %v", i, ok)
			}
			if table.MayTurn(epoch.Add(turnedEvery-1)) || !table.MayTurn(epoch.Add(turnedEvery)) {
				t.Error("asked again at another time")
			}
		})
	}
}

// TestJudgedNowAndThen: a crowd makes room once a second, those of little use once a minute.
func TestJudgedNowAndThen(t *testing.T) {
	table := NewTable(8)
	useless := []Peer{{Network: network(1), Lasted: time.Hour}}
	if _, ok := table.TurnOver(epoch, network(9), useless); !ok {
		t.Error("not judged")
	}
	if _, ok := table.TurnOver(epoch.Add(judgedEvery-1), network(9), useless); ok {
		t.Error("judged twice in a minute")
	}
	if _, ok := table.TurnOver(epoch.Add(turnedEvery), network(9), crowd(1, 3)); !ok {
		t.Error("the crowd was spared")
	}
	if _, ok := table.TurnOver(epoch.Add(judgedEvery), network(9), useless); !ok {
		t.Error("not judged again")
	}
}

func TestMakeRoom(t *testing.T) {
	peers := append(crowd(1, 2), Peer{Network: network(2), Rank: 7}, Peer{Network: network(3), Rank: 1, Stays: true})
	for _, tt := range []struct {
		name             string
		newcomer         Peer
		hasShare, ranked bool
		most, leaves     int
	}{
		{"by priority", Peer{Network: network(4), Rank: 50}, false, true, 8, 2},
		{"of a low priority", Peer{Network: network(4), Rank: 6}, false, true, 8, -1},
		{"priorities are not known", Peer{Network: network(4), Rank: 50}, false, false, 8, -1},
		{"its network may replace its own", Peer{Network: network(1), Rank: 200}, true, true, 8, 1},
		{"and only those", Peer{Network: network(1), Rank: 50}, true, true, 8, -1},
		{"a crowd has too many", Peer{Network: network(4)}, false, false, 4, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i, ok := NewTable(tt.most).MakeRoom(tt.newcomer, tt.hasShare, tt.ranked, peers)
			if ok != (tt.leaves >= 0) || ok && i != tt.leaves {
				t.Errorf("%d leaves: %v", i, ok)
			}
		})
	}
	if table := NewTable(80); table.HasShare(19) || !table.HasShare(20) {
		t.Error("a share of 80 is not 20")
	}
}
