package guard

import (
	"net/netip"
	"time"
)

const (
	// Amplification is how many times as long as the request a reply may be, to an address that may be forged.
	Amplification = 3
	// MaxReply bounds every reply, in bytes of UDP payload: what crosses every path in one piece, as BEP 44 needs it.
	MaxReply = 1400
	// proofAge is how long an address stays proven.
	proofAge = 15 * time.Minute
	// maxProven bounds the addresses that are remembered as proven.
	maxProven = 4096
)

// Proof remembers which addresses have proven that they receive what we send there: they have echoed a token or the
// unguessable number of a query of ours. The zero value is ready.
type Proof struct {
	proven map[netip.AddrPort]time.Time // and when they were
	swept  time.Time
}

// Prove remembers an address. If too many are known, and all proved themselves lately, it is not remembered: it gets shorter
// replies.
func (p *Proof) Prove(now time.Time, a netip.AddrPort) {
	if _, known := p.proven[a]; !known && len(p.proven) >= maxProven {
		if p.sweep(now); len(p.proven) >= maxProven {
			return
		}
	}
	if p.proven == nil {
		p.proven = make(map[netip.AddrPort]time.Time)
	}
	p.proven[a] = now
}

func (p *Proof) sweep(now time.Time) {
	if now.Sub(p.swept) < sweepPause {
		return
	}
	p.swept = now
	for a, at := range p.proven {
		if now.Sub(at) >= proofAge {
			delete(p.proven, a)
		}
	}
}

// Proven reports whether the address has proven itself lately.
func (p *Proof) Proven(now time.Time, a netip.AddrPort) bool {
	at, ok := p.proven[a]
	return ok && now.Sub(at) < proofAge
}

// ReplyLimit is how many bytes may be sent in answer to a request of so many bytes.
func (p *Proof) ReplyLimit(now time.Time, a netip.AddrPort, request int) int {
	if p.Proven(now, a) {
		return MaxReply
	}
	return min(Amplification*request, MaxReply)
}
