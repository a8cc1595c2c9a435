package bench

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

const (
	// neighbours is how many nodes the DHT has beside the one that is measured.
	neighbours = 32
	// resting is how long a node without anything to do is watched, after it was left alone for calming.
	calming, resting = 10 * time.Second, 30 * time.Second

	datagrams, trafficBytes = "packets an hour", "KiB an hour"
)

// IdleNode is a client that was just installed, and knows nobody.
func IdleNode(p Programs) Scenario {
	return Scenario{
		Name: "idle-node", Title: "one fresh idle node, offline", By: idleShare, Rounds: 1,
		About: fmt.Sprintf("A client with nothing to do and nobody to speak with: potluck with `--offline`, libtorrent without DHT. It is left alone for %v "+
			"and watched for %v. *packets* and *KiB* are what came from its address and went to it, with the headers of IP, reckoned to an hour.", calming, resting),
		Prepare: func(t *testing.T) []Contender {
			return []Contender{
				{Name: "potluck", Kind: Ours, Goals: idleGoals(), Run: rested(Potluck{path: p.Potluck}.fresh)},
				{Name: "libtorrent", Kind: Other, Run: rested(libtorrentFresh)},
			}
		},
	}
}

// IdleNodeInDHT is a client that was just installed, and takes part in a DHT.
func IdleNodeInDHT(p Programs) Scenario {
	return Scenario{
		Name: "idle-node-dht", Title: fmt.Sprintf("one fresh idle node in a DHT of %d", neighbours), By: idleShare, Rounds: 1,
		About: fmt.Sprintf("As idle-node, but it takes part in a DHT of %d other nodes, all of them libtorrent, and is told of one of them. It has joined before it is "+
			"watched. An hour is reckoned from %v, in which no bucket is refreshed; both refresh each of theirs every quarter of an hour. What they do after look-ups and "+
			"announces of others is not in it: nobody looks anything up here.", neighbours, resting),
		Prepare: func(t *testing.T) []Contender {
			var at []netip.AddrPort
			for n := range neighbours {
				at = append(at, peers.At(netns.Public(n+1)))
			}
			door := peers.StartDHT(t, nil, at...).Addrs()[0].String()
			inDHT := Potluck{p.Potluck, []string{"POTLUCK_OFFLINE=false", "POTLUCK_DHT=true", "POTLUCK_DHT_ROUTERS=" + door}}
			return []Contender{
				{Name: "potluck", Kind: Ours, Goals: idleGoals(), Run: rested(inDHT.joined)},
				{Name: "libtorrent", Kind: Other, Run: rested(func(t *testing.T, m *Meter, at string) (*peers.Process, error) {
					return libtorrentUp(t, m, "idle", at, door)
				})},
			}
		},
	}
}

func idleGoals() []Goal {
	return []Goal{AtMost(60, RSS, Absolute), AtMost(0.2, idleShare, Absolute), AtMost(1, idleShare, OfOthers)}
}

// rested is how a client is measured that has nothing to do.
func rested(start seeder) func(t *testing.T) (Run, error) {
	return func(t *testing.T) (Run, error) {
		at := peers.At(netns.Public(netns.Publics))
		count := Tap(t, at.Addr())
		m := Watch()
		process, err := start(t, m, at.String())
		if err != nil {
			m.Stop()
			return Run{}, err
		}
		time.Sleep(calming)
		sentBefore, receivedBefore := count()
		share := shareOver(process, resting)
		sent, received := count()
		hourly := func(now, before int64) float64 { return float64(now-before) * float64(time.Hour/resting) }
		used := m.Stop()
		used[0].CPU = 0
		return Run{Sides: used, Figures: []Figure{
			{idleShare, share},
			{datagrams + " sent", hourly(sent.Packets, sentBefore.Packets)}, {datagrams + " received", hourly(received.Packets, receivedBefore.Packets)},
			{trafficBytes + " sent", hourly(sent.Bytes, sentBefore.Bytes) / 1024}, {trafficBytes + " received", hourly(received.Bytes, receivedBefore.Bytes) / 1024},
		}}, nil
	}
}

// fresh is potluck with nothing.
func (p Potluck) fresh(t *testing.T, m *Meter, at string) (*peers.Process, error) {
	n, err := p.up(t, m, filepath.Join(t.TempDir(), "home"), at)
	if err != nil {
		return nil, err
	}
	return n.Process, nil
}

// joined is potluck with nothing, once it is in the DHT.
func (p Potluck) joined(t *testing.T, m *Meter, at string) (*peers.Process, error) {
	n, err := p.up(t, m, filepath.Join(t.TempDir(), "home"), at)
	if err == nil {
		err = n.await(func(s nodeStatus) bool { return len(s.DHT.Nodes) == 1 && s.DHT.Nodes[0].Good >= neighbours/4 })
	}
	return n.Process, err
}

// libtorrentFresh is libtorrent with nothing.
func libtorrentFresh(t *testing.T, m *Meter, at string) (*peers.Process, error) {
	return libtorrentUp(t, m, "idle", at)
}
