// Package vote finds our own address as the internet sees it, by asking nobody: trackers (BEP 24) and peers (BEP 10) say it by
// the way. Any of them may lie or not know better, so an address counts only once a clear majority of those who said
// something lately says the same.
//
// It does no I/O and its clock is handed in. A [Box] is not safe for concurrent use.
package vote

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

const (
	// enough is how many votes decide at least, and an address needs share of all: two thirds.
	enough           = 3
	shareNumerator   = 2
	shareDenominator = 3
	// maxVotes bounds the votes of one family; the latest count.
	maxVotes = 24
	lifetime = 2 * time.Hour
	// These bits of an address make a voter: a host has a whole IPv6 network to itself.
	voterBits4 = 32
	voterBits6 = 64
)

// Box collects the votes. The zero value is empty.
type Box struct {
	four, six []vote // the latest last
}

// vote is what one voter said last.
type vote struct {
	voter   netip.Prefix
	address netip.Addr
	at      time.Time
}

func (b *Box) votes(f netx.Family) *[]vote {
	if f == netx.IPv4 {
		return &b.four
	}
	return &b.six
}

// Cast counts what a voter says our address is, and reports whether that changed the outcome for the family. A voter has
// one vote, the latest. Nothing counts that is not said across the internet about an address of the internet: a tracker in
// our network sees our address there. Nor does what somebody says about a family over which we did not speak.
func (b *Box) Cast(now time.Time, voter, address netip.Addr) (changed bool) {
	voter, address = voter.Unmap(), address.Unmap()
	if netx.ScopeOf(voter) != netx.Global || netx.ScopeOf(address) != netx.Global || voter.Is4() != address.Is4() {
		return false
	}
	f, bits := netx.IPv6, voterBits6
	if voter.Is4() {
		f, bits = netx.IPv4, voterBits4
	}
	who, err := voter.WithZone("").Prefix(bits)
	if err != nil {
		return false
	}
	before, _ := b.Address(now, f)
	list := b.votes(f)
	*list = slices.DeleteFunc(*list, func(v vote) bool { return v.voter == who || v.expired(now) })
	if len(*list) == maxVotes {
		*list = slices.Delete(*list, 0, 1)
	}
	*list = append(*list, vote{who, address.WithZone(""), now})
	after, _ := b.Address(now, f)
	return before != after
}

func (v vote) expired(now time.Time) bool { return now.Sub(v.at) >= lifetime }

// Address is our address of a family, IPv4 or IPv6, if the votes agree on one.
func (b *Box) Address(now time.Time, f netx.Family) (addr netip.Addr, ok bool) {
	count := map[netip.Addr]int{}
	total := 0
	for _, v := range *b.votes(f) {
		if !v.expired(now) {
			total++
			count[v.address]++
		}
	}
	if total < enough {
		return netip.Addr{}, false
	}
	for a, n := range count {
		if n*shareDenominator >= total*shareNumerator {
			return a, true // there can be one only
		}
	}
	return netip.Addr{}, false
}

// Next is when the next vote expires, which may change the outcome; zero if there is none.
func (b *Box) Next(now time.Time) time.Time {
	var first time.Time
	for _, f := range []netx.Family{netx.IPv4, netx.IPv6} {
		for _, v := range *b.votes(f) {
			if at := v.at.Add(lifetime); at.After(now) && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	return first
}

// Clear forgets all votes: the network that we are in has changed.
func (b *Box) Clear() { *b = Box{} }
