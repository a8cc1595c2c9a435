// Package ownaddr finds our own address as others see it, by asking nobody: nodes of the DHT (BEP 42), peers (BEP 10) and
// trackers (BEP 24) say it by the way. Any of them may lie or not know better, so an address counts only once a clear majority
// of those who said something lately says the same. BEP 42: "Since a single node can not be trusted, there should be some
// mechanism".
//
// It is pure: its clock is handed in. A [Box] is not safe for concurrent use.
package ownaddr

import (
	"net/netip"
	"slices"
	"time"
)

const (
	// enough is how many votes decide at least, and an address needs share of all: two thirds.
	enough           = 3
	shareNumerator   = 2
	shareDenominator = 3
	// maxVotes bounds the votes of a box; the latest count.
	maxVotes = 24
	lifetime = 2 * time.Hour
	// These many bits of an address make a voter: who has one address of such a network may have them all.
	voterBits4 = 24
	voterBits6 = 64
)

// Box collects the votes about our address of one family. The zero Box is empty.
type Box struct {
	votes []vote // the latest last
}

// vote is what one voter said last.
type vote struct {
	voter netip.Prefix
	says  netip.Addr
	at    time.Time
}

// Cast counts what a voter says our address is, and reports whether that changed the outcome. A voter's network has one vote, the
// latest. What is said over another family than it is about does not count. Who casts sees to it that both are addresses of the
// internet: a tracker in our network sees our address there.
func (b *Box) Cast(now time.Time, voter, says netip.Addr) (changed bool) {
	voter, says = voter.Unmap().WithZone(""), says.Unmap().WithZone("")
	bits := voterBits6
	if voter.Is4() {
		bits = voterBits4
	}
	who, err := voter.Prefix(bits)
	if err != nil || !says.IsValid() || voter.Is4() != says.Is4() {
		return false
	}
	before, _ := b.Address(now)
	b.votes = slices.DeleteFunc(b.votes, func(v vote) bool { return v.voter == who || v.expired(now) })
	if len(b.votes) == maxVotes {
		b.votes = slices.Delete(b.votes, 0, 1)
	}
	b.votes = append(b.votes, vote{who, says, now})
	after, _ := b.Address(now)
	return before != after
}

func (v vote) expired(now time.Time) bool { return now.Sub(v.at) >= lifetime }

// Address is our address, if the votes agree on one.
func (b *Box) Address(now time.Time) (addr netip.Addr, ok bool) {
	// Whoever has more than half is what is left when votes for different addresses cancel each other out.
	lead := 0
	for _, v := range b.votes {
		switch {
		case v.expired(now):
		case lead == 0:
			addr, lead = v.says, 1
		case v.says == addr:
			lead++
		default:
			lead--
		}
	}
	total, agree := 0, 0
	for _, v := range b.votes {
		if !v.expired(now) {
			total++
			if v.says == addr {
				agree++
			}
		}
	}
	if total < enough || agree*shareDenominator < total*shareNumerator {
		return netip.Addr{}, false
	}
	return addr, true
}
