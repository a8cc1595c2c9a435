package ownaddr_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/ownaddr"
)

var epoch = time.Unix(1_700_000_000, 0)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// stranger is a host of the internet, each in a network of its own.
func stranger(n int) netip.Addr { return netip.AddrFrom4([4]byte{9, byte(n >> 8), byte(n), 1}) }

func check(t *testing.T, b *ownaddr.Box, now time.Time, want string) {
	t.Helper()
	a, ok := b.Address(now)
	if got := a.String(); ok && got != want || !ok && want != "" {
		t.Errorf("%v, want %q", a, want)
	}
}

func TestClearMajority(t *testing.T) {
	for _, tt := range []struct {
		votes string // a letter for what each voter says
		want  string
	}{
		{"", ""}, {"a", ""}, {"aa", ""}, {"aaa", "8.8.8.1"}, {"aab", "8.8.8.1"}, {"abb", "8.8.8.2"}, {"abc", ""},
		{"aabb", ""}, {"aaab", "8.8.8.1"}, {"aaabb", ""}, {"aaaabb", "8.8.8.1"}, {"aaaabbb", ""}, {"abababababab", ""},
	} {
		var b ownaddr.Box
		for i, c := range tt.votes {
			b.Cast(epoch, stranger(i), netip.AddrFrom4([4]byte{8, 8, 8, byte(c-'a') + 1}))
		}
		t.Run(tt.votes, func(t *testing.T) { check(t, &b, epoch, tt.want) })
	}
}

func TestOneVoteEach(t *testing.T) {
	var b ownaddr.Box
	for i := range 250 {
		b.Cast(epoch, addr(fmt.Sprintf("9.0.1.%d", i)), addr("8.8.8.1"))
		b.Cast(epoch, addr(fmt.Sprintf("::ffff:9.0.2.%d", i)), addr("::ffff:8.8.8.1"))
	}
	check(t, &b, epoch, "")
	if !b.Cast(epoch, stranger(3), addr("8.8.8.1")) {
		t.Error("the outcome changed")
	}
	check(t, &b, epoch, "8.8.8.1")
	if b.Cast(epoch, stranger(4), addr("8.8.8.1")) {
		t.Error("the outcome did not change")
	}
	// Whoever changes his mind takes his vote away.
	b.Cast(epoch, stranger(1), addr("8.8.8.2"))
	if !b.Cast(epoch, stranger(2), addr("8.8.8.2")) {
		t.Error("the outcome changed")
	}
	check(t, &b, epoch, "")
	// A host has many IPv6 addresses and one vote.
	var six ownaddr.Box
	for i := range 10 {
		six.Cast(epoch, addr(fmt.Sprintf("2600:1:2:3::%x", i)), addr("2600::8"))
	}
	check(t, &six, epoch, "")
	for i := range 2 {
		six.Cast(epoch, addr(fmt.Sprintf("2600:1:2:%x::1", i+10)), addr("2600::8"))
	}
	check(t, &six, epoch, "2600::8")
}

func TestWhatDoesNotCount(t *testing.T) {
	for _, tt := range []struct{ voter, says netip.Addr }{
		{stranger(1), addr("2600::1")}, {addr("2600::1"), addr("8.8.8.8")}, {netip.Addr{}, netip.Addr{}}, {stranger(1), netip.Addr{}},
		{netip.Addr{}, addr("8.8.8.8")},
	} {
		var b ownaddr.Box
		b.Cast(epoch, stranger(2), addr("8.8.8.8"))
		b.Cast(epoch, stranger(3), addr("8.8.8.8"))
		if b.Cast(epoch, tt.voter, tt.says) {
			t.Error(tt, "counted")
		}
		check(t, &b, epoch, "")
	}
}

func TestVotesDecay(t *testing.T) {
	var b ownaddr.Box
	for i := range 3 {
		b.Cast(epoch.Add(time.Duration(i)*time.Minute), stranger(i), addr("8.8.8.1"))
	}
	check(t, &b, epoch.Add(2*time.Hour-1), "8.8.8.1")
	check(t, &b, epoch.Add(2*time.Hour), "")
}

// When our address changes, the votes for the old one do not stand in the way for long.
func TestAddressChanges(t *testing.T) {
	var b ownaddr.Box
	for i := range 1000 {
		b.Cast(epoch, stranger(i), addr("8.8.8.1"))
	}
	check(t, &b, epoch, "8.8.8.1")
	n := 0
	for ; n < 100; n++ {
		b.Cast(epoch.Add(time.Second), stranger(2000+n), addr("8.8.8.2"))
		if a, ok := b.Address(epoch.Add(time.Second)); ok && a == addr("8.8.8.2") {
			break
		}
	}
	if n < 3 || n > 20 {
		t.Errorf("took %d votes", n)
	}
}
