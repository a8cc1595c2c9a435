package guard

import (
	"net/netip"
	"time"
)

// A Rate is how many queries a second are allowed in the long run, and how many at once.
type Rate struct {
	PerSecond float64
	Burst     float64
}

// Rates of an address and of a network. A look-up sends one query to a node; a client that starts and announces many objects
// may send a hundred within a moment.
var (
	AddressRate = Rate{PerSecond: 10, Burst: 100}
	NetworkRate = Rate{PerSecond: 50, Burst: 500}
)

const (
	// maxTracked bounds the addresses, and the networks, of which the rate is known. Beyond that the others share one rate.
	maxTracked = 4096
	// sweepPause is the time between two searches for those that need not be remembered.
	sweepPause = 10 * time.Second
)

// A Verdict says whether a query may be answered.
type Verdict uint8

// Verdicts.
const (
	Allowed Verdict = iota
	AddressTooFast
	NetworkTooFast
)

// Limits bounds how much addresses and networks may ask. The zero value is ready.
type Limits struct {
	addresses meter[netip.AddrPort]
	networks  meter[netip.Prefix]
}

// Ask counts a query from an address and says whether it may be answered. What is refused does not count against the rate.
func (l *Limits) Ask(now time.Time, from netip.AddrPort) Verdict {
	ip := from.Addr().Unmap()
	// On one machine many nodes share an address, and need not be kept apart from their neighbours.
	key := netip.AddrPortFrom(ip, 0)
	if ip.IsLoopback() {
		key = from
	}
	address := l.addresses.bucket(now, key, AddressRate)
	if address.tokens < 1 {
		return AddressTooFast
	}
	if !IsLocal(ip) {
		network := l.networks.bucket(now, NetworkOf(ip), NetworkRate)
		if network.tokens < 1 {
			return NetworkTooFast
		}
		network.tokens--
	}
	address.tokens--
	return Allowed
}

// bucket is a token bucket: tokens is how many queries are allowed now.
type bucket struct {
	tokens float64
	filled time.Time
}

func (b *bucket) fill(now time.Time, r Rate) {
	if passed := now.Sub(b.filled); passed > 0 {
		b.tokens = min(b.tokens+passed.Seconds()*r.PerSecond, r.Burst)
		b.filled = now
	}
}

// meter has a bucket for each of a bounded number of keys, and one for all others.
type meter[K comparable] struct {
	buckets map[K]*bucket
	others  bucket
	swept   time.Time
}

func (m *meter[K]) bucket(now time.Time, key K, r Rate) *bucket {
	b := m.buckets[key]
	if b == nil {
		if len(m.buckets) >= maxTracked {
			m.sweep(now, r)
		}
		switch {
		case len(m.buckets) < maxTracked:
			if m.buckets == nil {
				m.buckets = make(map[K]*bucket)
			}
			b = &bucket{tokens: r.Burst, filled: now}
			m.buckets[key] = b
		default:
			b = &m.others
		}
	}
	b.fill(now, r)
	return b
}

// sweep forgets the buckets that are full again: they are as good as new ones.
func (m *meter[K]) sweep(now time.Time, r Rate) {
	if now.Sub(m.swept) < sweepPause {
		return
	}
	m.swept = now
	for key, b := range m.buckets {
		if b.fill(now, r); b.tokens >= r.Burst {
			delete(m.buckets, key)
		}
	}
}
