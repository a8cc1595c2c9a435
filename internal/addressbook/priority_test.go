package addressbook

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

// TestOwnAddress: each family has one, and the last word counts.
func TestOwnAddress(t *testing.T) {
	b := newBook()
	one, two := netip.MustParseAddr("203.0.113.5"), netip.MustParseAddr("::ffff:203.0.113.6")
	four, six := netip.MustParseAddrPort("198.51.100.1:1"), netip.MustParseAddrPort("[2001:db8::1]:1")
	is := func(peer netip.AddrPort, want netip.Addr) {
		t.Helper()
		rank, known := b.Rank(peer)
		if known != want.IsValid() || known && rank != Priority(netip.AddrPortFrom(want, b.port), peer) {
			t.Errorf("known %v, want %v", known, want)
		}
	}
	b.SetOwn(netip.Addr{})
	is(four, netip.Addr{})
	b.SetOwn(one)
	is(four, one)
	b.SetOwn(two)
	is(four, two.Unmap())
	is(six, netip.Addr{})
	b.SetOwn(netip.MustParseAddr("2001:db8::9"))
	is(six, netip.MustParseAddr("2001:db8::9"))
	is(four, two.Unmap())
}
