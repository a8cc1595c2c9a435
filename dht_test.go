package potluck

import (
	"reflect"
	"testing"

	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// What all sockets have in common is counted once, what each refused is added up, and what is not known is no number.
func TestDHTOf(t *testing.T) {
	four := dht.Stats{Sides: []dht.SideStats{{Family: krpc.IPv4, State: dht.Joined, Nodes: 9, Good: 7, Network: 1234.5}}, Hashes: 1, Peers: 2, Items: 3}
	six := dht.Stats{Sides: []dht.SideStats{{Family: krpc.IPv6}}, Hashes: 1, Peers: 2, Items: 3}
	four.Refused[dht.Malformed], six.Refused[dht.Malformed], six.Refused[dht.BadToken] = 1, 2, 4
	id := krpc.ID{}.String()
	want := DHT{
		Nodes: []DHTNode{
			{Family: "ipv4", ID: id, State: "joined", Known: 9, Good: 7, Network: 1234},
			{Family: "ipv6", ID: id, State: "alone", Network: -1},
		},
		Hashes: 1, Peers: 2, Items: 3, Refused: map[string]int64{"malformed": 3, "bad token": 4},
	}
	if got := dhtOf([]dht.Stats{four, six}); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got := dhtOf(nil); !reflect.DeepEqual(got, DHT{}) {
		t.Errorf("no part in it: %+v", got)
	}
}
