package dht

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"net/netip"
	"time"
)

// What the Internet is like here.
const (
	providers  = 400                    // networks of 65,536 addresses each, some far more used than others
	continents = 6                      // where providers are
	across     = 120 * time.Millisecond // from one end of the world to the other, one way
	jitter     = 4 * time.Millisecond   // in the mean
	slowShare  = 0.02                   // of hosts whose line is full
	slowLine   = 700 * time.Millisecond
)

// places give out addresses as they lie on the Internet: in the networks of providers, which are somewhere, so that hosts of
// one network are near each other and some share a /24.
type places struct {
	rng       *rand.Rand
	providers []provider
	use       *rand.Zipf
	taken     map[netip.Addr]site
}

type provider struct {
	network uint16
	x, y    float64 // 0 to 1
}

// site is where a host is, and how long its own line takes.
type site struct {
	x, y float64
	line time.Duration
}

func newPlaces(rng *rand.Rand) places {
	p := places{rng: rng, use: rand.NewZipf(rng, 1.2, 20, providers-1), taken: make(map[netip.Addr]site)}
	centers := make([][2]float64, continents)
	for i := range centers {
		centers[i] = [2]float64{rng.Float64(), rng.Float64()}
	}
	seen := map[uint16]bool{}
	for len(p.providers) < providers {
		first := byte(11 + rng.IntN(89)) // 11 to 99 are public
		network := uint16(first)<<8 | uint16(rng.IntN(256))
		if seen[network] {
			continue
		}
		seen[network] = true
		c := centers[rng.IntN(continents)]
		p.providers = append(p.providers, provider{network, c[0] + 0.05*rng.NormFloat64(), c[1] + 0.05*rng.NormFloat64()})
	}
	return p
}

// draw picks an address, which somebody may have.
func (p *places) draw() (netip.Addr, provider) {
	of := p.providers[p.use.Uint64()]
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(of.network)<<16|uint32(p.rng.IntN(1<<16)))
	return netip.AddrFrom4(b), of
}

// address gives out an address that nobody has.
func (p *places) address() netip.Addr {
	for {
		if a, of := p.draw(); p.settle(a, of) {
			return a
		}
	}
}

// settle places a host at an address of a provider, unless somebody is there.
func (p *places) settle(a netip.Addr, of provider) bool {
	if _, ok := p.taken[a]; ok {
		return false
	}
	s := site{x: of.x, y: of.y, line: time.Duration((2 + 15*p.rng.ExpFloat64()) * float64(time.Millisecond))}
	if p.rng.Float64() < slowShare {
		s.line = slowLine
	}
	p.taken[a] = s
	return true
}

// delay is how long a datagram takes from one address to another, without jitter.
func (p *places) delay(from, to netip.Addr) time.Duration {
	a, b := p.taken[from], p.taken[to]
	return a.line + b.line + time.Duration(math.Hypot(a.x-b.x, a.y-b.y)*float64(across))
}
