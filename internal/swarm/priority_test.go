package swarm

import (
	"hash/crc32"
	"net/netip"
	"testing"
)

// TestPriority has the examples of BEP 40, and one of a pair in the same /16.
func TestPriority(t *testing.T) {
	sum := func(b string) uint32 { return crc32.Checksum([]byte(b), crc32.MakeTable(crc32.Castagnoli)) }
	for _, tt := range []struct {
		name, a, b string
		want       uint32
	}{
		{"far", "123.213.32.10:1", "98.76.54.32:2", 0xec2d7224},
		{"the same /24", "123.213.32.10:1", "123.213.32.234:2", 0x99568189},
		{"the same /16", "10.20.30.255:1", "10.20.40.255:2", sum("\x0a\x14\x1e\x55\x0a\x14\x28\x55")},
		{"the same address", "10.0.0.1:258", "10.0.0.1:1", sum("\x00\x01\x01\x02")},
		{"IPv4 in IPv6", "[::ffff:123.213.32.10]:1", "98.76.54.32:2", 0xec2d7224},
		{"IPv6, far", "[2001:db8:1:ffff::ffff]:1", "[2001:db8:2:ffff::]:1",
			sum("\x20\x01\x0d\xb8\x00\x01\x55\x55\x00\x00\x00\x00\x00\x00\x55\x55\x20\x01\x0d\xb8\x00\x02\x55\x55\x00\x00\x00\x00\x00\x00\x00\x00")},
		{"IPv6, the same /48", "[2001:db8:1:ffff::]:1", "[2001:db8:1:eeff::]:1",
			sum("\x20\x01\x0d\xb8\x00\x01\xee\x55\x00\x00\x00\x00\x00\x00\x00\x00\x20\x01\x0d\xb8\x00\x01\xff\x55\x00\x00\x00\x00\x00\x00\x00\x00")},
		{"IPv6, the same /56", "[2001:db8:1:ffff::]:1", "[2001:db8:1:ffee::]:1",
			sum("\x20\x01\x0d\xb8\x00\x01\xff\xee\x00\x00\x00\x00\x00\x00\x00\x00\x20\x01\x0d\xb8\x00\x01\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := netip.MustParseAddrPort(tt.a), netip.MustParseAddrPort(tt.b)
			if x, y := Priority(a, b), Priority(b, a); x != tt.want || y != tt.want {
				t.Errorf("%08x and %08x, want %08x", x, y, tt.want)
			}
		})
	}
}

// TestOwnAddress: one liar does not make us believe, and a new address is believed when enough say so.
func TestOwnAddress(t *testing.T) {
	var o ownAddress
	a, b := netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("203.0.113.6")
	peer := netip.MustParseAddrPort("198.51.100.1:1")
	is := func(want netip.Addr) {
		t.Helper()
		rank, known := o.rank(peer, 7)
		if known != want.IsValid() || known && rank != Priority(netip.AddrPortFrom(want, 7), peer) {
			t.Errorf("known %v, want %v", known, want)
		}
	}
	is(netip.Addr{})
	o.hear(b)
	is(netip.Addr{})
	o.hear(a)
	o.hear(a)
	o.hear(a)
	is(a)
	o.hear(b)
	o.hear(a)
	is(a)
	for range 100 {
		o.hear(a)
	}
	for range mostVotes + enoughVotes {
		o.hear(b)
	}
	is(b)
	if _, known := o.rank(netip.MustParseAddrPort("[2001:db8::1]:1"), 7); known {
		t.Error("an IPv4 address says nothing about IPv6")
	}
	o.hear(netip.MustParseAddr("2001:db8::9"))
	o.hear(netip.MustParseAddr("2001:db8::9"))
	if _, known := o.rank(netip.MustParseAddrPort("[2001:db8::1]:1"), 7); !known {
		t.Error("IPv6 is not known")
	}
}
