package dht

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// outsiders is how many nodes a look-up begins with that is to see what others see.
const outsiders = 8

// Reach is whether others find us in the DHT as a peer of an info-hash.
type Reach struct {
	Found bool
	// As is the address they find; its host is the one that nodes of the DHT see.
	As netip.AddrPort
	// Took is how long it was until we were found, or else until the search was over.
	Took time.Duration
	// Nodes is how many nodes answered. None: we are not in the DHT.
	Nodes int
	// Peers is how many others were found.
	Peers int
	// Seeders and Leechers are about how many there are in all, as far as nodes said (BEP 33); -1 if none did.
	Seeders, Leechers int
	// Alike is one of these who may be us behind a NAT: it has our port, and we do not know our address of its family.
	Alike netip.AddrPort
}

// Check looks up an info-hash as a stranger would: beginning with nodes as far from it as we know any, which have not been told
// of us, and going on with what these say. Own lists our addresses as far as we know them.
func (r *Runner) Check(ctx context.Context, hash [20]byte, own []netip.AddrPort) (Reach, error) {
	var reach Reach
	var searches []*dht.PeerSearch
	began := time.Now()
	err := r.await(ctx, func(now time.Time) func() bool {
		for _, m := range r.members {
			if seeds := farthest(m.node.Table(), hash); len(seeds) > 0 {
				searches = append(searches, m.node.FindPeers(now, hash, dht.PeerOptions{Seeds: seeds, Scrape: true}))
			}
		}
		mine := append(slices.Clone(own), r.external()...)
		return func() bool {
			over := true
			for _, s := range searches {
				for _, p := range s.Take() {
					switch {
					case !slices.Contains(mine, p):
						reach.Peers++
						if p.Port() == r.cfg.Port() && !knowsOwn(mine, p.Addr()) {
							reach.Alike = p
						}
					case !reach.Found:
						reach.Found, reach.As, reach.Took = true, p, time.Since(began)
					}
				}
				over = over && s.Done()
			}
			return over
		}
	})
	if err != nil {
		return Reach{}, err
	}
	reach.Seeders, reach.Leechers = -1, -1
	for _, s := range searches {
		reach.Nodes += s.Answered()
		if seeds, peers, ok := s.Scrape(); ok { // at all our addresses about the same is asked
			reach.Seeders, reach.Leechers = max(reach.Seeders, int(math.Round(seeds))), max(reach.Leechers, int(math.Round(peers)))
		}
	}
	if !reach.Found {
		reach.Took = time.Since(began)
	}
	return reach, nil
}

// knowsOwn reports whether there is an address among ours that the internet knows, of the family of another.
func knowsOwn(mine []netip.AddrPort, other netip.Addr) bool {
	return slices.ContainsFunc(mine, func(a netip.AddrPort) bool {
		return a.Addr().Is4() == other.Is4() && netx.ScopeOf(a.Addr()) == netx.Global
	})
}

// external are our addresses as the DHT sees them.
func (r *Runner) external() (list []netip.AddrPort) {
	for _, m := range r.members {
		for _, s := range m.node.Stats(time.Now()).Sides {
			if s.External.IsValid() {
				list = append(list, netip.AddrPortFrom(s.External, r.cfg.Port()))
			}
		}
		if local := m.conn.LocalAddr().Addr(); !local.IsUnspecified() && netx.ScopeOf(local) != netx.Never {
			list = append(list, netip.AddrPortFrom(local, r.cfg.Port()))
		}
	}
	return list
}

// farthest picks the nodes of a table that have least to do with an info-hash.
func farthest(table []krpc.Node, hash krpc.ID) []krpc.Node {
	slices.SortFunc(table, func(a, b krpc.Node) int { return krpc.Closer(hash, b.ID, a.ID) })
	return table[:min(len(table), outsiders)]
}
