package dht

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// maxFound bounds the peers of one search.
const maxFound = 4000

// Announcement is what others are to be told: that there is a peer of an info-hash at the address we send from.
type Announcement struct {
	Port uint16
	// Implied says that the port the datagrams come from counts, as others see it: for who is behind a NAT. Port is for those
	// who do not know of this.
	Implied bool
	Seed    bool
}

// PeerOptions say what a search for peers is for.
type PeerOptions struct {
	// Announce is told to the nodes nearest to the info-hash when the search has arrived; nil: nothing.
	Announce *Announcement
	// NoSeed asks for peers that are no seeds, as a seed would.
	NoSeed bool
	// Scrape asks how many peers there are (BEP 33).
	Scrape bool
	// Seeds are nodes to begin with instead of our own table, which shows what others find.
	Seeds []krpc.Node
}

// PeerSearch is a search for the peers of an info-hash.
type PeerSearch struct {
	progress
	opt      PeerOptions
	found    map[netip.AddrPort]bool
	fresh    []netip.AddrPort
	tokens   map[krpc.Node][]byte
	seeders  krpc.Bloom
	leechers krpc.Bloom
	scraped  bool
}

// progress is what every search tells of itself.
type progress struct {
	open     int // walks that are not over
	answered int
	written  int
	refused  []krpc.Error
}

// Done reports whether the search is over.
func (p *progress) Done() bool { return p.open == 0 }

// Answered is how many nodes have answered.
func (p *progress) Answered() int { return p.answered }

// Written is how many nodes have taken what was to be announced or put.
func (p *progress) Written() int { return p.written }

// Refused are the errors of nodes that did not take it, the first few. Their messages are hostile.
func (p *progress) Refused() []krpc.Error { return p.refused }

const maxRefused = 16

func (p *progress) settle(r *krpc.Response, refusal *krpc.Error) {
	if r != nil {
		p.written++
	} else if refusal != nil && len(p.refused) < maxRefused {
		p.refused = append(p.refused, *refusal)
	}
}

func (p *progress) ended(_ time.Time, _ *side, answered int) {
	p.open--
	p.answered += answered
}

// FindPeers begins a search for the peers of an info-hash, in all families.
func (n *Node) FindPeers(now time.Time, hash krpc.ID, opt PeerOptions) *PeerSearch {
	search := &PeerSearch{opt: opt, found: make(map[netip.AddrPort]bool), tokens: make(map[krpc.Node][]byte)}
	n.search(now, hash, search, &search.progress, opt.Seeds)
	return search
}

// search begins a walk on every side.
func (n *Node) search(now time.Time, target krpc.ID, t task, p *progress, seeds []krpc.Node) {
	p.open = len(n.sides)
	for _, s := range n.sides {
		var own []krpc.Node
		for _, k := range seeds {
			if n.side(k.Addr.Addr()) == s {
				own = append(own, k)
			}
		}
		n.walk(now, s, target, t, wanted, own)
	}
}

// Take returns the peers found since the last call.
func (s *PeerSearch) Take() []netip.AddrPort {
	fresh := s.fresh
	s.fresh = nil
	return fresh
}

// Scrape is about how many seeds and other peers there are, as far as the nodes that answered know. It is not ok if none said
// it, or none was asked.
func (s *PeerSearch) Scrape() (seeds, peers float64, ok bool) {
	return s.seeders.Estimate(), s.leechers.Estimate(), s.scraped
}

func (s *PeerSearch) query(hash krpc.ID) krpc.Query {
	return krpc.Query{Method: krpc.GetPeers, Target: hash, NoSeed: s.opt.NoSeed, Scrape: s.opt.Scrape}
}

func (s *PeerSearch) heard(from krpc.Node, r *krpc.Response) bool {
	for _, p := range r.Peers {
		if !s.found[p] && len(s.found) < maxFound {
			s.found[p] = true
			s.fresh = append(s.fresh, p)
		}
	}
	if r.Seeders != nil && r.Leechers != nil {
		s.seeders.Union(r.Seeders)
		s.leechers.Union(r.Leechers)
		s.scraped = true
	}
	if r.Token != nil {
		s.tokens[from] = append([]byte(nil), r.Token...)
	}
	return true
}

func (s *PeerSearch) arrived(hash krpc.ID, closest []krpc.Node) (list []message) {
	a := s.opt.Announce
	if a == nil {
		return nil
	}
	for _, k := range closest {
		// BEP 33: "only announce to the K nodes which are the the closest to the target and have returned a token".
		if token := s.tokens[k]; token != nil {
			delete(s.tokens, k)
			list = append(list, message{k, krpc.Query{
				Method: krpc.AnnouncePeer, Target: hash, Port: a.Port, ImpliedPort: a.Implied, Seed: a.Seed, Token: token,
			}})
		}
	}
	return list
}

func (s *PeerSearch) settled(_ krpc.Node, r *krpc.Response, refusal *krpc.Error) bool {
	s.settle(r, refusal)
	return true
}
