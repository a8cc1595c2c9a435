package netx_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// train is n datagrams behind each other, all of size bytes but the last; each is filled with its number.
func train(n, size, last int) (p []byte) {
	for i := range n {
		if i == n-1 {
			size = last
		}
		p = append(p, bytes.Repeat([]byte{byte(i)}, size)...)
	}
	return p
}

// exchange sends trains to a mux with a batched route beside an ordinary one, and checks what comes.
func exchange(t *testing.T, to, from netx.PacketConn, at netip.AddrPort) {
	t.Helper()
	m := mux.New(to)
	dht := m.Route(4, func(p []byte, _ netip.AddrPort) bool { return bytes.HasPrefix(p, []byte("d")) })
	got := make(chan string, 1000)
	route := m.Batches(func([]byte, netip.AddrPort) bool { return true }, func(batch []netx.Datagram) {
		for _, d := range batch {
			got <- fmt.Sprint(d.Data[0], len(d.Data), d.From.Port())
		}
	})
	served := make(chan error, 1)
	go func() { served <- m.Serve() }()
	sender := mux.New(from).Batches(func([]byte, netip.AddrPort) bool { return false }, nil)

	for _, tt := range []struct {
		n, size, last int
		f             netx.Fragmentation
	}{
		{1, 1000, 1000, netx.Whole}, {44, 1472, 1472, netx.Whole}, {3, 1472, 20, netx.Whole}, {2, 3000, 1, netx.Fragmentable}, {64, 20, 20, netx.Whole},
	} {
		if err := sender.WriteSegments(train(tt.n, tt.size, tt.last), tt.size, at, tt.f); err != nil {
			t.Fatal(err)
		}
		for i := range tt.n {
			size := tt.size
			if i == tt.n-1 {
				size = tt.last
			}
			if g, want := <-got, fmt.Sprint(i, size, from.LocalAddr().Port()); g != want {
				t.Fatalf("%d datagrams of %d: the one at %d is %s, want %s", tt.n, tt.size, i, g, want)
			}
		}
	}
	if _, err := from.WriteTo([]byte("d1"), at); err != nil {
		t.Fatal(err)
	}
	if err := dht.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 9)
	if n, _, err := dht.ReadFrom(p); err != nil || string(p[:n]) != "d1" {
		t.Error(string(p[:n]), err)
	}
	route.Close()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := sender.WriteSegments([]byte{1}, 1, at, netx.Whole); err != nil {
		t.Error("nobody there is not the sender's fault:", err)
	}
	_ = from.Close()
}

func TestBatchesInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Delay: time.Millisecond, MaxDatagram: 1472})
		us, peer := w.Host("1.1.1.1"), w.Host("2.2.2.2")
		at := netip.MustParseAddrPort("1.1.1.1:6881")
		to, err := us.ListenUDP(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		from, err := peer.ListenUDP(t.Context(), netip.MustParseAddrPort("2.2.2.2:7000"))
		if err != nil {
			t.Fatal(err)
		}
		exchange(t, to, from, at)
	})
}

func TestBatchesOfTheSystem(t *testing.T) {
	nw := netx.System(netx.Options{})
	for _, kind := range []string{"trains", "one by one"} {
		for _, tt := range []struct{ to, from, at string }{
			{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1"}, {"[::]:0", "[::]:0", "127.0.0.1"}, {"[::]:0", "[::]:0", "::1"},
		} {
			t.Run(kind+" to "+tt.at+" by "+tt.from, func(t *testing.T) {
				var socks []netx.PacketConn
				for _, a := range []string{tt.to, tt.from} {
					c, err := nw.ListenUDP(t.Context(), netip.MustParseAddrPort(a))
					if err != nil {
						t.Fatal(err)
					}
					socks = append(socks, c)
				}
				at := netip.MustParseAddr(tt.at)
				if own, _ := nw.Addrs(); !slices.Contains(own, at) {
					_, _ = socks[0].Close(), socks[1].Close()
					t.Skip("no", at, "here")
				}
				if kind == "one by one" {
					netx.Unsegment(socks[1])
				}
				exchange(t, socks[0], socks[1], netip.AddrPortFrom(at, socks[0].LocalAddr().Port()))
			})
		}
	}
}

// BenchmarkSegments is what the system makes of trains of datagrams over loopback, with nothing above it.
func BenchmarkSegments(b *testing.B) {
	nw := netx.System(netx.Options{})
	var socks []netx.PacketConn
	for range 2 {
		c, err := nw.ListenUDP(b.Context(), netip.MustParseAddrPort("127.0.0.1:0"))
		if err != nil {
			b.Fatal(err)
		}
		socks = append(socks, c)
	}
	m := mux.New(socks[0])
	var got int
	m.Batches(func([]byte, netip.AddrPort) bool { return true }, func(batch []netx.Datagram) {
		for _, d := range batch {
			got += len(d.Data)
		}
	})
	served := make(chan error, 1)
	go func() { served <- m.Serve() }()
	sender := mux.New(socks[1]).Batches(func([]byte, netip.AddrPort) bool { return false }, nil)
	const size, n = 1472, 44
	p := make([]byte, n*size)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if err := sender.WriteSegments(p, size, socks[0].LocalAddr(), netx.Whole); err != nil {
			b.Fatal(err)
		}
	}
	_ = m.Close()
	if err := <-served; err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(100*float64(got)/float64(b.N*len(p)), "%received")
	_ = socks[1].Close()
}
