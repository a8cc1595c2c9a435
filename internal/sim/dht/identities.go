package dht

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// basePort is the port of honest nodes, and the first of an attacker's.
const basePort = 6881

// idsOf is how many prefixes BEP 42 allows one address.
const idsOf = 8

// identities are nodes, found by how near they are to a target. Invariant: sorted by ID.
type identities []krpc.Node

func (ids identities) sort() {
	slices.SortFunc(ids, func(a, b krpc.Node) int { return a.ID.Compare(b.ID) })
}

// nearest are the n identities nearest to a target, each at another address.
func (ids identities) nearest(target krpc.ID, n int) []krpc.Node {
	// Among those that share the longest prefix that enough of them share with the target are the nearest.
	within := ids
	for bit := 0; bit < 32; bit++ {
		side := within.sharing(target, bit)
		if len(side) < 4*n {
			break
		}
		within = side
	}
	near := slices.Clone(within)
	slices.SortFunc(near, func(a, b krpc.Node) int { return krpc.Closer(target, a.ID, b.ID) })
	seen := make(map[netip.Addr]bool, n)
	near = slices.DeleteFunc(near, func(node krpc.Node) bool {
		known := seen[node.Addr.Addr()] || len(seen) == n
		seen[node.Addr.Addr()] = true
		return known
	})
	return near[:min(n, len(near)):len(near)]
}

// sharing are those whose bit is the target's, of identities that share all bits before it with each other.
func (ids identities) sharing(target krpc.ID, bit int) identities {
	of := func(id krpc.ID) int { return int(id[bit/8] >> (7 - bit%8) & 1) }
	split, _ := slices.BinarySearchFunc(ids, 1, func(n krpc.Node, want int) int { return of(n.ID) - want })
	if of(target) == 0 {
		return ids[:split]
	}
	return ids[split:]
}

// invented are many nodes that do not exist, with IDs that are valid for their addresses: whoever makes up addresses can have
// any ID.
func invented(rng *rand.Rand, count int) identities {
	ids := make(identities, count)
	for i := range ids {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], rng.Uint32())
		b[0] = 100 + b[0]%26 // where no place is
		ip := netip.AddrFrom4(b)
		ids[i] = krpc.Node{ID: guard.NewID(ip, rng), Addr: netip.AddrPortFrom(ip, basePort)}
	}
	ids.sort()
	return ids
}

// allIDs are the identities one address may have: an ID with each prefix, each at a port of its own.
func allIDs(ip netip.Addr, rng *rand.Rand) (nodes [idsOf]krpc.Node) {
	for missing := idsOf; missing > 0; {
		id := guard.NewID(ip, rng)
		which := id[krpc.IDSize-1] % idsOf
		if n := &nodes[which]; !n.Addr.IsValid() {
			*n = krpc.Node{ID: id, Addr: netip.AddrPortFrom(ip, basePort+uint16(which))}
			missing--
		}
	}
	return nodes
}

// nearestID is the ID nearest to a target that BEP 42 allows an IPv4 address: "crc32c((ip & 0x030f3fff) | (r << 29))" gives the
// first 21 bits, r the last three.
func nearestID(target krpc.ID, ip netip.Addr) (best krpc.ID) {
	b := ip.As4()
	masked := binary.BigEndian.Uint32(b[:]) & 0x030f3fff
	wanted := binary.BigEndian.Uint32(target[:])
	prefix, last := uint32(0), byte(0)
	for r := range uint32(idsOf) {
		binary.BigEndian.PutUint32(b[:], masked|r<<29)
		hash := crc32.Checksum(b[:], castagnoli)
		if r == 0 || (hash^wanted)>>11 < (prefix^wanted)>>11 {
			prefix, last = hash, byte(r)
		}
	}
	best = target
	binary.BigEndian.PutUint32(best[:], prefix&^0x7ff|wanted&0x7ff)
	best[krpc.IDSize-1] = target[krpc.IDSize-1]&^7 | last
	return best
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
