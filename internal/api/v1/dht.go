package v1

import (
	"strings"
	"time"

	"github.com/potluck-p2p/potluck"
)

// Reach is whether others find a share by its link, as far as its network tells. That they find an address does not say that
// they can connect to it.
type Reach struct {
	Network string   `json:"network" enum:"dht"`
	Found   bool     `json:"found"`
	Seconds *float64 `json:"seconds,omitzero" doc:"of the search, until it was found or else until it was over"`
	Nodes   int      `json:"nodes" doc:"nodes that answered"`
	Address string   `json:"address,omitzero" doc:"what they find"`
	// As far as these nodes say (BEP 33).
	Seeders  *int       `json:"seeders,omitzero" doc:"about how many there are"`
	Leechers *int       `json:"leechers,omitzero" doc:"about how many there are"`
	Code     string     `json:"code,omitzero" doc:"why they do not, or why some that find it may not connect, for programs"`
	Why      string     `json:"why,omitzero" doc:"the same for people"`
	Hint     string     `json:"hint,omitzero" doc:"what to do"`
	Checked  *time.Time `json:"checked,omitzero" doc:"left out if there was nothing to check"`
}

// DHT is what the node is in the distributed hash table.
type DHT struct {
	Nodes   []DHTNode        `json:"nodes" doc:"the node's own, for each socket and family"`
	Hashes  int              `json:"hashes" doc:"info-hashes of which others told peers"`
	Peers   int              `json:"peers" doc:"these peers"`
	Items   int              `json:"items" doc:"items that others put here"`
	Refused map[string]int64 `json:"refused,omitzero" doc:"what came in and was not done, by the reason"`
	Why     string           `json:"why,omitzero" doc:"why a node is unreached, if one is"`
	Hint    string           `json:"hint,omitzero" doc:"what to do about it"`
}

// DHTNode is one node of ours in the distributed hash table.
type DHTNode struct {
	Family   string `json:"family" enum:"ipv4,ipv6"`
	ID       string `json:"id"`
	External string `json:"external,omitzero" doc:"our address as most others see it"`
	State    string `json:"state" enum:"alone,contacting,joining,joined"`
	ReadOnly bool   `json:"read_only,omitzero" doc:"it serves nobody, for strangers do not reach it (BEP 43)"`
	Known    int    `json:"known" doc:"nodes in its table"`
	Good     int    `json:"good" doc:"of these have answered of late"`
	Network  *int64 `json:"network,omitzero" doc:"about how many nodes there are in all"`

	Standing   string     `json:"standing" enum:"unknown,reached,unreached" doc:"whether strangers reach it over UDP"`
	StandingAt *time.Time `json:"standing_at,omitzero" doc:"when one did last, or since when it is unreached"`
	Strangers  int        `json:"strangers" doc:"how many have, since its address is the one it is"`
}

func reachOf(r *potluck.Reach) *Reach {
	if r == nil {
		return nil
	}
	out := &Reach{Network: "dht", Found: r.Found, Nodes: r.Nodes, Seeders: known(r.Seeders), Leechers: known(r.Leechers), Checked: at(r.Checked)}
	if r.Found || r.Took > 0 {
		out.Seconds = seconds(r.Took)
	}
	if r.As.IsValid() {
		out.Address = r.As.String()
	}
	if r.Why != nil {
		out.Code, out.Why, out.Hint = r.Why.Code, r.Why.Message, r.Why.Hint
	}
	return out
}

func dhtOf(d potluck.DHT) *DHT {
	if len(d.Nodes) == 0 {
		return nil
	}
	out := &DHT{Hashes: d.Hashes, Peers: d.Peers, Items: d.Items}
	if d.Unreached != nil {
		out.Why, out.Hint = d.Unreached.Message, d.Unreached.Hint
	}
	for why, count := range d.Refused {
		if out.Refused == nil {
			out.Refused = make(map[string]int64)
		}
		out.Refused[strings.ReplaceAll(why, " ", "_")] = count
	}
	for _, n := range d.Nodes {
		own := DHTNode{
			Family: n.Family, ID: n.ID, State: n.State, ReadOnly: n.ReadOnly, Known: n.Known, Good: n.Good, Network: known(n.Network),
			Standing: n.Standing, StandingAt: at(n.StandingAt), Strangers: n.Strangers,
		}
		if n.External.IsValid() {
			own.External = n.External.String()
		}
		out.Nodes = append(out.Nodes, own)
	}
	return out
}
