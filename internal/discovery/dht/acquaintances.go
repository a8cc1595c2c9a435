package dht

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"time"
)

// generation is how long an acquaintance is remembered at least, and half of how long at most. Once is more than NATs leave a
// way open that nobody takes (RFC 4787 has five minutes), and twice is less than the 15 minutes after which nodes of a quiet DHT
// ask each other again.
const generation = 7 * time.Minute

// acquaintances are the hosts that we wrote to, or heard from, lately: from them a NAT may let in what it lets in from nobody
// else. However many they are, they take 64 KiB; then a stranger may be taken for one of them, but none of them for a stranger.
type acquaintances struct {
	key        uint64 // so that nobody can choose addresses that look alike
	young, old *filter
	begun      time.Time
}

func newAcquaintances(rng *rand.Rand) acquaintances {
	return acquaintances{key: rng.Uint64(), young: new(filter), old: new(filter)}
}

func (a *acquaintances) add(now time.Time, host netip.Addr) {
	a.turn(now)
	for _, bit := range a.bits(host) {
		a.young[bit/64] |= 1 << (bit % 64)
	}
}

func (a *acquaintances) has(now time.Time, host netip.Addr) bool {
	a.turn(now)
	bits := a.bits(host)
	return a.young.holds(bits) || a.old.holds(bits)
}

// turn begins another generation if it is time.
func (a *acquaintances) turn(now time.Time) {
	for range 2 {
		if now.Sub(a.begun) < generation {
			return
		}
		a.young, a.old = a.old, a.young
		*a.young = filter{}
		a.begun = a.begun.Add(generation)
	}
	if now.Sub(a.begun) >= generation {
		a.begun = now
	}
}

// bits are those of a host.
func (a *acquaintances) bits(host netip.Addr) (bits [filterHashes]uint32) {
	h := fnv.New64a()
	ip := host.As16()
	h.Write(binary.BigEndian.AppendUint64(ip[:], a.key))
	sum := h.Sum64()
	first, step := uint32(sum), uint32(sum>>32)|1
	for i := range bits {
		bits[i] = (first + uint32(i)*step) % filterBits
	}
	return bits
}

const (
	filterBits   = 1 << 18
	filterHashes = 4
)

// filter is a Bloom filter.
type filter [filterBits / 64]uint64

func (f *filter) holds(bits [filterHashes]uint32) bool {
	for _, bit := range bits {
		if f[bit/64]>>(bit%64)&1 == 0 {
			return false
		}
	}
	return true
}
