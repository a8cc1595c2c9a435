package potluck

import (
	"reflect"
	"testing"
	"time"

	discovery "github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// What all sockets have in common is counted once, what each refused is added up, and what is not known is no number. Of those
// that nobody reaches it is said what to do.
func TestDHTOf(t *testing.T) {
	at := time.Unix(1e9, 0)
	four := discovery.Stats{
		Stats: dht.Stats{
			Sides:  []dht.SideStats{{Family: krpc.IPv4, State: dht.Joined, Mode: dht.ReadOnly, Nodes: 9, Good: 7, Network: 1234.5}},
			Hashes: 1, Peers: 2, Items: 3,
		},
		Reachability: []discovery.Reachability{{Standing: discovery.Unreached, At: at, Strangers: 3}},
	}
	six := discovery.Stats{
		Stats:        dht.Stats{Sides: []dht.SideStats{{Family: krpc.IPv6}}, Hashes: 1, Peers: 2, Items: 3},
		Reachability: []discovery.Reachability{{}},
	}
	four.Refused[dht.Malformed], six.Refused[dht.Malformed], six.Refused[dht.BadToken] = 1, 2, 4
	id := krpc.ID{}.String()
	want := DHT{
		Nodes: []DHTNode{
			{Family: "ipv4", ID: id, State: "joined", ReadOnly: true, Known: 9, Good: 7, Network: 1234, Standing: "unreached", StandingAt: at, Strangers: 3},
			{Family: "ipv6", ID: id, State: "alone", Network: -1, Standing: "unknown"},
		},
		Hashes: 1, Peers: 2, Items: 3, Refused: map[string]int64{"malformed": 3, "bad token": 4},
	}
	got := dhtOf([]discovery.Stats{four, six})
	if got.Unreached == nil || got.Unreached.Code != "dht-unreached" || got.Unreached.Hint == "" {
		t.Errorf("nothing is to be done: %+v", got.Unreached)
	}
	got.Unreached = nil
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := dhtOf(nil); !reflect.DeepEqual(got, DHT{}) {
		t.Errorf("no part in it: %+v", got)
	}
}
