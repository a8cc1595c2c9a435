package storage

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

const (
	// peerAge is how long a peer is told of after it announced itself. Clients announce every 15 to 30 minutes.
	peerAge = 45 * time.Minute
	// maxHashes, maxPeers and maxPeersOfHash bound what is kept; maxPeersOfNetwork is an eighth of the first.
	maxHashes         = 4000
	maxPeers          = 40_000
	maxPeersOfHash    = 500
	maxPeersOfNetwork = 500
	// sampleAge is how long a sample of info-hashes stays the same. BEP 51: "nodes may occasionally precompute a subset and
	// return that instead of calculating it upon each request"; it may be 0 to 21,600 s.
	sampleAge = 6 * time.Hour
	// maxSample is how many info-hashes are in a sample.
	maxSample = 20
)

// ErrFull is why something is not kept: here is no room, or its network has too much here already.
var ErrFull = errors.New("no room")

// Peers are the peers that announced themselves, by info-hash.
type Peers struct {
	rng    *rand.Rand
	hashes map[krpc.ID]*swarm
	total  int
	owners ledger
	sample krpc.Samples
	drawn  time.Time // when the sample was; zero: not yet
	swept  time.Time
}

// swarm are the peers of one info-hash, the one that announced itself last at the end. BEP 33: "Nodes must store peer
// information as sets of unique IPs for each infohash."
type swarm struct {
	peers []announced
}

type announced struct {
	addr netip.AddrPort
	seed bool
	at   time.Time
}

func (a announced) expired(now time.Time) bool { return now.Sub(a.at) >= peerAge }

// same reports whether two addresses are one peer's. On our own machine several peers share the address.
func same(a, b netip.AddrPort) bool {
	return a == b || a.Addr() == b.Addr() && !a.Addr().IsLoopback()
}

// NewPeers makes an empty store; rng decides which peers are told of when there are too many.
func NewPeers(rng *rand.Rand) *Peers {
	return &Peers{rng: rng, hashes: make(map[krpc.ID]*swarm), owners: make(ledger)}
}

// Announce keeps a peer of an info-hash, or says ErrFull.
func (p *Peers) Announce(now time.Time, hash krpc.ID, addr netip.AddrPort, seed bool) error {
	s := p.hashes[hash]
	if s != nil {
		if i := slices.IndexFunc(s.peers, func(a announced) bool { return same(a.addr, addr) }); i >= 0 {
			s.peers = append(slices.Delete(s.peers, i, i+1), announced{addr, seed, now})
			return nil
		}
	}
	if p.crowded(s, addr.Addr()) {
		p.Expire(now)
		if s = p.hashes[hash]; p.crowded(s, addr.Addr()) {
			return ErrFull
		}
	}
	if s == nil {
		s = &swarm{}
		p.hashes[hash] = s
	}
	s.peers = append(s.peers, announced{addr, seed, now})
	p.total++
	p.owners.add(addr.Addr())
	return nil
}

func (p *Peers) crowded(s *swarm, from netip.Addr) bool {
	return p.total >= maxPeers || p.owners.has(from) >= maxPeersOfNetwork ||
		s == nil && len(p.hashes) >= maxHashes || s != nil && len(s.peers) >= maxPeersOfHash
}

// Takes reports whether an announce of the info-hash by this address would be kept; if not, no token need be given for it.
//
// BEP 33: "If a node does not return a token it indicates that it currently cannot accept announces for this infohash."
func (p *Peers) Takes(now time.Time, hash krpc.ID, from netip.Addr) bool {
	s := p.hashes[hash]
	if !p.crowded(s, from) || s != nil && slices.ContainsFunc(s.peers, func(a announced) bool { return a.addr.Addr() == from }) {
		return true
	}
	p.Expire(now)
	return !p.crowded(p.hashes[hash], from)
}

// Of returns up to most peers of an info-hash in one family, drawn at random; without seeds if those are not wanted.
func (p *Peers) Of(now time.Time, hash krpc.ID, family krpc.Families, most int, noSeed bool) []netip.AddrPort {
	s := p.hashes[hash]
	if s == nil {
		return nil
	}
	var list []netip.AddrPort
	for _, i := range p.rng.Perm(len(s.peers)) {
		if len(list) == most {
			break
		}
		if a := s.peers[i]; !a.expired(now) && krpc.FamilyOf(a.addr.Addr()) == family && !(noSeed && a.seed) {
			list = append(list, a.addr)
		}
	}
	return list
}

// Scrape returns the addresses of the seeds and of the other peers of an info-hash as Bloom filters (BEP 33); nil if none is
// known.
func (p *Peers) Scrape(now time.Time, hash krpc.ID) (seeds, peers *krpc.Bloom) {
	s := p.hashes[hash]
	if s == nil {
		return nil, nil
	}
	seeds, peers = &krpc.Bloom{}, &krpc.Bloom{}
	for _, a := range s.peers {
		switch {
		case a.expired(now):
		case a.seed:
			seeds.Insert(a.addr.Addr())
		default:
			peers.Insert(a.addr.Addr())
		}
	}
	return seeds, peers
}

// Sample returns some of the info-hashes (BEP 51), the same ones for six hours if there are more than fit into it.
func (p *Peers) Sample(now time.Time) krpc.Samples {
	if len(p.hashes) <= maxSample || len(p.sample.Hashes) < maxSample || now.Sub(p.drawn) >= sampleAge {
		all := slices.SortedFunc(maps.Keys(p.hashes), krpc.ID.Compare) // so that the seed alone decides
		p.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		p.sample.Hashes = all[:min(len(all), maxSample)]
		p.drawn = now
	}
	s := krpc.Samples{Hashes: p.sample.Hashes, Total: len(p.hashes)}
	if len(p.hashes) > maxSample {
		s.Interval = int(p.drawn.Add(sampleAge).Sub(now).Seconds())
	}
	return s
}

// Expire forgets the peers that have not announced themselves for long. It looks at all of them, once a minute at most.
func (p *Peers) Expire(now time.Time) {
	if now.Sub(p.swept) < sweepPause {
		return
	}
	p.swept = now
	for hash, s := range p.hashes {
		s.peers = slices.DeleteFunc(s.peers, func(a announced) bool {
			if a.expired(now) {
				p.total--
				p.owners.drop(a.addr.Addr())
			}
			return a.expired(now)
		})
		if len(s.peers) == 0 {
			delete(p.hashes, hash)
		}
	}
}

// Len is how many info-hashes and how many peers are kept.
func (p *Peers) Len() (hashes, peers int) { return len(p.hashes), p.total }
