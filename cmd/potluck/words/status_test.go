package words

import (
	"testing"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

func TestDHTText(t *testing.T) {
	network := int64(1200)
	in := v1.Status{DHT: &v1.DHT{
		Nodes: []v1.DHTNode{
			{Family: "ipv4", ID: "ab12", State: "joined", Known: 47, Network: &network},
			{Family: "ipv6", ID: "cd34", State: "alone", Known: 1},
		},
		Refused: map[string]int64{"malformed": 3, "bad_token": 1},
	}}
	unreached := v1.Status{DHT: &v1.DHT{Nodes: []v1.DHTNode{{Family: "ipv4", ID: "ab12", State: "joined", ReadOnly: true, Known: 40, Standing: "unreached"}}, Hint: "open the port"}}
	plain := "\nDHT      joined (ipv4), knows 47 nodes of about 1200, id ab12\nDHT      alone (ipv6), knows 1 node, id cd34"
	for _, c := range []struct {
		name    string
		status  v1.Status
		verbose bool
		want    string
	}{
		{"in it", in, false, plain},
		{"in it, verbose", in, true, plain + "\nRefused  bad token 1, malformed 3"},
		{"read-only", unreached, false, "\nDHT      joined (ipv4), knows 40 nodes, id ab12, read-only: nobody reaches us\nFix      open the port"},
		{"off", v1.Status{}, false, "\nDHT      off"},
		{"offline", v1.Status{Offline: true}, true, ""},
	} {
		if got := dht(c.status, c.verbose); got != c.want {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
