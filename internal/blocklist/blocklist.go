// Package blocklist reads lists of addresses that a user wants nothing to do with, and answers for any address whether it is
// among them. Each line of a list is in one of three formats, which may be mixed:
//
//	CIDR  192.0.2.0/24            a prefix or an address, IPv4 or IPv6, perhaps with a comment after "#" or ";"
//	P2P   name:192.0.2.0-192.0.2.255     PeerGuardian's text; the name may hold anything
//	DAT   192.000.002.000 - 192.000.002.255 , 000 , name    eMule's ipfilter.dat; a level above 127 allows the range
//
// A list may be compressed with gzip. It comes from somebody else: what a line, the text and the ranges may take is bounded,
// and a line that cannot be read is counted and left out.
//
// Invariant: the ranges of a [List] are sorted and do not overlap, so that one is found by bisection. A million take 8 MB
// (IPv6: 32 MB).
package blocklist

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// List is a set of addresses. It does not change, so it is safe for concurrent use; nil is the empty one.
type List struct {
	v4 []span[uint32]
	v6 []span[uint128]
}

// span is the addresses from first to last, both included.
type span[T any] struct{ first, last T }

// uint128 is an IPv6 address as a number.
type uint128 struct{ high, low uint64 }

func compare128(a, b uint128) int {
	return cmp.Or(cmp.Compare(a.high, b.high), cmp.Compare(a.low, b.low))
}

func number4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func number6(a netip.Addr) uint128 {
	b := a.As16()
	return uint128{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// Blocks reports whether an address is in the list, in whatever form it is written.
func (l *List) Blocks(a netip.Addr) bool {
	if l == nil || !a.IsValid() {
		return false
	}
	if a = a.Unmap(); a.Is4() {
		return find(l.v4, number4(a), cmp.Compare[uint32])
	}
	return find(l.v6, number6(a), compare128)
}

// Len is how many ranges the list has.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return len(l.v4) + len(l.v6)
}

func find[T any](list []span[T], a T, compare func(a, b T) int) bool {
	_, found := slices.BinarySearchFunc(list, a, func(s span[T], a T) int {
		switch {
		case compare(s.last, a) < 0:
			return -1
		case compare(s.first, a) > 0:
			return 1
		}
		return 0
	})
	return found
}

// merge sorts ranges and makes one of those that overlap, in place.
func merge[T any](list []span[T], compare func(a, b T) int) []span[T] {
	slices.SortFunc(list, func(a, b span[T]) int { return compare(a.first, b.first) })
	kept := list[:0]
	for _, s := range list {
		if n := len(kept); n > 0 && compare(s.first, kept[n-1].last) <= 0 {
			if compare(s.last, kept[n-1].last) > 0 {
				kept[n-1].last = s.last
			}
			continue
		}
		kept = append(kept, s)
	}
	return kept
}
