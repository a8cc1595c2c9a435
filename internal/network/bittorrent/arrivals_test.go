package bittorrent

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// visitor is a connection from somewhere.
type visitor struct {
	net.Conn
	from net.Addr
}

func (v visitor) RemoteAddr() net.Addr { return v.from }

func TestArrivals(t *testing.T) {
	sh := New(Config{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tcp := func(a string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(a)) }
	for i, from := range []net.Addr{
		tcp("10.0.0.1:1"), tcp("[fe80::1]:1"), tcp("127.0.0.1:1"), tcp("5.6.7.8:1"), tcp("[::ffff:5.6.7.9]:1"), tcp("[2a00:1::1]:1"),
		net.UDPAddrFromAddrPort(netip.MustParseAddrPort("5.6.7.8:1")),
	} {
		sh.arrivals.note(at.Add(time.Duration(i)*time.Second), visitor{from: from})
	}
	want := []Arrivals{{false, false, 2, at.Add(4 * time.Second)}, {true, false, 1, at.Add(5 * time.Second)}, {false, true, 1, at.Add(6 * time.Second)}}
	if got := sh.Arrivals(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
