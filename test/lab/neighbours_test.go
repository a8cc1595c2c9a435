package lab

import (
	"net/netip"
	"testing"
)

// TestBetweenNeighbours reads packets that are cut off anywhere.
func TestBetweenNeighbours(t *testing.T) {
	frame := func(kind uint16, packet ...byte) []byte {
		return append(append(make([]byte, 12), byte(kind>>8), byte(kind)), packet...)
	}
	six := func(next byte, body ...byte) []byte {
		b := make([]byte, 40)
		b[6] = next
		copy(b[24:], netip.MustParseAddr("ff02::16").AsSlice())
		return frame(0x86dd, append(b, body...)...)
	}
	four := make([]byte, 28)
	copy(four[16:], []byte{20, 2, 0, 1})
	for _, c := range []struct {
		what string
		data []byte
		own  bool
		to   string
	}{
		{"ARP", frame(0x0806, 0, 1), true, ""},
		{"a neighbour solicitation", six(58, 135), true, "ff02::16"},
		{"a router solicitation", six(58, 133), true, "ff02::16"},
		{"MLDv2", six(0, 58, 0, 5, 2, 0, 0, 1, 0, 143), true, "ff02::16"},
		{"an echo request", six(58, 128), false, "ff02::16"},
		{"UDP over IPv6", six(17, 135), false, "ff02::16"},
		{"ICMP over IPv4", frame(0x0800, four...), false, "20.2.0.1"},
		{"something else", frame(0x88cc, 1), false, ""},
	} {
		p := Packet{Data: c.data}
		to, _ := netip.ParseAddr(c.to)
		if p.BetweenNeighbours() != c.own || p.To() != to {
			t.Errorf("%s: %v, to %v", c.what, p.BetweenNeighbours(), p.To())
		}
		for n := range c.data {
			p := Packet{Data: c.data[:n]}
			p.To()
			if p.BetweenNeighbours() && !c.own {
				t.Errorf("%s, %d bytes", c.what, n)
			}
		}
	}
}
