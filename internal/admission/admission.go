// Package admission decides who has a connection when there are enough: who makes room for somebody else, and how many
// connections all objects may have together. It knows no protocol and does no I/O.
//
// Two rules keep the connections useful and spread. Who moves much less than the others, for long, makes room for somebody
// new. And a crowd, all that comes from one network, holds more than its share only as long as nobody else wants a place.
package admission

import (
	"net/netip"
	"time"
)

// Peer is one connection of an object, as far as it matters here.
type Peer struct {
	Network netip.Prefix  // the crowd that it may belong to
	Moved   int64         // payload to and fro, in bytes
	Lasted  time.Duration // since it began
	Rank    uint32        // its canonical priority (BEP 40)
	Stays   bool          // whatever happens: the user named it
}

const (
	// crowdShare is the part of the connections that one network keeps when others want some too: a fourth.
	crowdShare = 4
	// trialFor is how long nobody is judged by what he gives.
	trialFor = 5 * time.Minute
	// muchLess is how many times less than the mean somebody moves who makes room.
	muchLess = 8
	// judgedEvery is the pace at which those who move least make room, and turnedEvery that at which a crowd does.
	judgedEvery = time.Minute
	turnedEvery = time.Second
)

// Table is about the connections of one object.
type Table struct {
	most           int
	turned, judged time.Time // before which nobody makes room: at all, and for what he gave
}

// NewTable is for at most so many connections.
func NewTable(most int) *Table { return &Table{most: most} }

// share is how many connections one network keeps when others want some.
func (t *Table) share() int { return max(1, t.most/crowdShare) }

// HasShare reports whether a network with so many connections, and attempts at some, has its share.
func (t *Table) HasShare(load int) bool { return load >= t.share() }

// MayTurn reports whether TurnOver could say anything now.
func (t *Table) MayTurn(now time.Time) bool { return !now.Before(t.turned) }

// TurnOver is for when all places are taken and somebody of a network could be dialled: it picks the peer that makes room for
// him, if one is worth less.
func (t *Table) TurnOver(now time.Time, newcomer netip.Prefix, peers []Peer) (leaves int, ok bool) {
	t.turned = now.Add(turnedEvery)
	if i, ok := t.crowded(newcomer, peers); ok {
		return i, true
	}
	if now.Before(t.judged) {
		return 0, false
	}
	t.judged = now.Add(judgedEvery)
	return leastUseful(peers)
}

// MakeRoom is for when all places are taken and a newcomer is there already. A network that has its share may replace only
// its own, and does so by canonical priority, as all do while nobody is too many. While priorities are not known (ranked is
// false) nobody is replaced by them.
func (t *Table) MakeRoom(newcomer Peer, hasShare, ranked bool, peers []Peer) (leaves int, ok bool) {
	if !hasShare {
		if i, ok := t.crowded(newcomer.Network, peers); ok {
			return i, true
		}
	}
	if !ranked {
		return 0, false
	}
	return lowest(newcomer, hasShare, peers)
}

// crowded is the peer that makes room for one of another network: of that with which there are the most connections, and more
// than its share, the one that moved least.
func (t *Table) crowded(other netip.Prefix, peers []Peer) (least int, ok bool) {
	held := make(map[netip.Prefix]int)
	most := other
	for i := range peers {
		n := peers[i].Network
		if held[n]++; held[n] > held[most] {
			most = n
		}
	}
	if most == other || held[most] <= t.share() {
		return 0, false
	}
	for i := range peers {
		p := &peers[i]
		if p.Network == most && !p.Stays && (!ok || p.Moved <= peers[least].Moved) {
			least, ok = i, true
		}
	}
	return least, ok
}

// leastUseful is the peer that moved least for its time, among those whose trial is over, if that is much less than the
// others did.
func leastUseful(peers []Peer) (least int, ok bool) {
	var sum, slowest float64
	count := 0
	for i := range peers {
		p := &peers[i]
		if p.Lasted < trialFor {
			continue
		}
		pace := float64(p.Moved) / p.Lasted.Seconds()
		sum += pace
		count++
		if !p.Stays && (!ok || pace < slowest) {
			least, slowest, ok = i, pace, true
		}
	}
	return least, ok && slowest*muchLess*float64(count) <= sum
}

// lowest is the peer of the lowest canonical priority, if that of the newcomer is higher.
func lowest(newcomer Peer, ofItsNetwork bool, peers []Peer) (least int, ok bool) {
	rank := newcomer.Rank
	for i := range peers {
		p := &peers[i]
		if !p.Stays && p.Rank < rank && (!ofItsNetwork || p.Network == newcomer.Network) {
			least, rank, ok = i, p.Rank, true
		}
	}
	return least, ok
}
