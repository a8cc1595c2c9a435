package vote_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/reach/vote"
)

var epoch = time.Unix(1_700_000_000, 0)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// stranger is the n-th host of the internet.
func stranger(n int) netip.Addr { return netip.AddrFrom4([4]byte{9, 9, byte(n >> 8), byte(n)}) }

func check(t *testing.T, b *vote.Box, now time.Time, f netx.Family, want string) {
	t.Helper()
	a, ok := b.Address(now, f)
	if got := a.String(); ok && got != want || !ok && want != "" {
		t.Errorf("%v: %v, want %q", f, a, want)
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
		var b vote.Box
		for i, c := range tt.votes {
			b.Cast(epoch, stranger(i), netip.AddrFrom4([4]byte{8, 8, 8, byte(c-'a') + 1}))
		}
		t.Run(tt.votes, func(t *testing.T) { check(t, &b, epoch, netx.IPv4, tt.want) })
	}
}

func TestOneVoteEach(t *testing.T) {
	var b vote.Box
	for range 10 {
		b.Cast(epoch, stranger(1), addr("8.8.8.1"))
		b.Cast(epoch, addr("::ffff:9.9.0.2"), addr("::ffff:8.8.8.1"))
	}
	check(t, &b, epoch, netx.IPv4, "")
	if !b.Cast(epoch, stranger(3), addr("8.8.8.1")) {
		t.Error("the outcome changed")
	}
	check(t, &b, epoch, netx.IPv4, "8.8.8.1")
	if b.Cast(epoch, stranger(4), addr("8.8.8.1")) {
		t.Error("the outcome did not change")
	}
	// Whoever changes his mind takes his vote away.
	b.Cast(epoch, stranger(1), addr("8.8.8.2"))
	if !b.Cast(epoch, stranger(2), addr("8.8.8.2")) {
		t.Error("the outcome changed")
	}
	check(t, &b, epoch, netx.IPv4, "")
	// A host has many IPv6 addresses and one vote.
	for i := range 10 {
		b.Cast(epoch, addr(fmt.Sprintf("2600:1:2:3::%x", i)), addr("2600::8"))
	}
	check(t, &b, epoch, netx.IPv6, "")
	for i := range 2 {
		b.Cast(epoch, addr(fmt.Sprintf("2600:1:2:%x::1", i+10)), addr("2600::8"))
	}
	check(t, &b, epoch, netx.IPv6, "2600::8")
}

func TestWhatDoesNotCount(t *testing.T) {
	for _, tt := range []struct{ voter, address string }{
		{"9.9.9.%d", "192.168.1.1"}, {"9.9.9.%d", "127.0.0.1"}, {"9.9.9.%d", "100.64.0.1"}, {"9.9.9.%d", "0.0.0.0"}, {"9.9.9.%d", "239.1.1.1"},
		{"9.9.9.%d", "2600::1"}, {"2600:0:0:%d::1", "8.8.8.8"}, {"2600:0:0:%d::1", "fe80::1"}, {"2600:0:0:%d::1", "fd00::1"},
		{"192.168.1.%d", "8.8.8.8"}, {"127.0.0.%d", "8.8.8.8"}, {"fe80::%d", "2600::1"},
	} {
		var b vote.Box
		for i := 1; i < 10; i++ {
			if b.Cast(epoch, addr(fmt.Sprintf(tt.voter, i)), addr(tt.address)) {
				t.Error(tt, "counted")
			}
		}
		check(t, &b, epoch, netx.IPv4, "")
		check(t, &b, epoch, netx.IPv6, "")
	}
	var b vote.Box
	if b.Cast(epoch, netip.Addr{}, netip.Addr{}) || b.Cast(epoch, stranger(1), netip.Addr{}) {
		t.Error("nothing counted")
	}
}

func TestVotesDecay(t *testing.T) {
	var b vote.Box
	if !b.Next(epoch).IsZero() {
		t.Error("nothing to expire")
	}
	now := epoch
	for i := range 3 {
		b.Cast(now, stranger(i), addr("8.8.8.1"))
		now = now.Add(time.Minute)
	}
	if next := b.Next(now); next != epoch.Add(2*time.Hour) {
		t.Error(next.Sub(epoch))
	}
	check(t, &b, epoch.Add(2*time.Hour-1), netx.IPv4, "8.8.8.1")
	check(t, &b, epoch.Add(2*time.Hour), netx.IPv4, "")
	b.Clear()
	check(t, &b, now, netx.IPv4, "")
}

// When our address changes, the votes for the old one do not stand in the way for long.
func TestAddressChanges(t *testing.T) {
	var b vote.Box
	for i := range 1000 {
		b.Cast(epoch, stranger(i), addr("8.8.8.1"))
	}
	check(t, &b, epoch, netx.IPv4, "8.8.8.1")
	n := 0
	for ; n < 100; n++ {
		b.Cast(epoch.Add(time.Second), stranger(2000+n), addr("8.8.8.2"))
		if a, ok := b.Address(epoch.Add(time.Second), netx.IPv4); ok && a == addr("8.8.8.2") {
			break
		}
	}
	if n < 3 || n > 20 {
		t.Errorf("took %d votes", n)
	}
}
