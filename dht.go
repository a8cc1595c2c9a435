package potluck

import (
	"net/netip"
	"time"

	discovery "github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/reach"
	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Reach is whether others find a share by its link in the distributed hash table. That they find an address does not say that
// they can connect to it.
type Reach struct {
	Found bool
	As    netip.AddrPort // what they find; the zero value: nothing
	Took  time.Duration  // the search, until it was found or else until it was over
	Nodes int            // nodes that answered
	// Seeders and Leechers are about how many there are, as far as these nodes said (BEP 33); -1 if none did.
	Seeders, Leechers int
	Checked           time.Time // zero if there was nothing to check: offline, switched off, private
	Why               *Error    // why they do not find it, or find it and cannot connect perhaps; nil if all is well
}

// DHT is what we are in the distributed hash table.
type DHT struct {
	Nodes  []DHTNode // ours, for each socket and family; none if we take no part
	Hashes int       // info-hashes of which others told us peers
	Peers  int       // these peers
	Items  int       // items that others put here
	// Refused counts what came in and was not done, by the reason; reasons that did not occur are left out.
	Refused map[string]int64
	// Unreached says what to do, if strangers do not reach one of Nodes; else it is nil.
	Unreached *Error
}

// DHTNode is one node of ours.
type DHTNode struct {
	Family   string // "ipv4" or "ipv6", which have a table each
	ID       string // in hex; it depends on our address
	External netip.Addr
	State    string // "alone", "contacting", "joining" or "joined"
	ReadOnly bool   // it serves nobody, for strangers do not reach it
	Known    int    // nodes in its table
	Good     int    // of these have answered of late
	Network  int64  // about how many nodes there are in all; -1 while that is not known
	// Standing is "reached" if strangers have asked it something, "unreached" if none does though it is known, or "unknown";
	// StandingAt when one did last, or since when it is unreached; Strangers is how many have, since its address is the one it is.
	Standing   string
	StandingAt time.Time
	Strangers  int
}

func reachOf(r *news.Reach) *Reach {
	if r == nil {
		return nil
	}
	p := &Reach{Found: r.Found, As: r.As, Took: r.Took, Nodes: r.Nodes, Seeders: r.Seeders, Leechers: r.Leechers, Checked: r.Checked}
	if r.Why != nil {
		p.Why = publicError(r.Why)
	}
	return p
}

func dhtOf(list []discovery.Stats) (d DHT) {
	for _, st := range list {
		// What others store with us, all sockets have in common.
		d.Hashes, d.Peers, d.Items = st.Hashes, st.Peers, st.Items
		for why, count := range st.Refused {
			if count == 0 {
				continue
			}
			if d.Refused == nil {
				d.Refused = make(map[string]int64)
			}
			d.Refused[dht.Refusal(why).String()] += count
		}
		for i, s := range st.Sides {
			n := DHTNode{
				Family: "ipv4", ID: s.ID.String(), External: s.External, State: s.State.String(), ReadOnly: s.Mode == dht.ReadOnly,
				Known: s.Nodes, Good: s.Good, Network: -1,
			}
			at := st.Reachability[i]
			n.Standing, n.StandingAt, n.Strangers = at.Standing.String(), at.At, at.Strangers
			if at.Standing == discovery.Unreached {
				d.Unreached = publicError(reach.Unreached())
			}
			if s.Family == krpc.IPv6 {
				n.Family = "ipv6"
			}
			if s.Network > 0 {
				n.Network = int64(s.Network)
			}
			d.Nodes = append(d.Nodes, n)
		}
	}
	return d
}
