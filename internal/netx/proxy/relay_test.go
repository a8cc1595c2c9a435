package proxy

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/wire/socks"
)

// hears sends a datagram and waits for it to come back.
func hears(t *testing.T, u netx.PacketConn, write func([]byte, netip.AddrPort) (int, error)) {
	t.Helper()
	if _, err := write([]byte("hello"), echoAt); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, from, err := u.ReadFrom(b); string(b[:n]) != "hello" || from != echoAt || err != nil {
		t.Errorf("%q from %v, %v", b[:n], from, err)
	}
}

func TestDatagrams(t *testing.T) {
	for _, named := range []string{"0.0.0.0", "10.0.0.2", "6.6.6.6"} { // whatever the proxy says, datagrams go to the proxy
		t.Run("relay at "+named, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, end := newWorld(t)
				defer end()
				w.proxy.named = netip.MustParseAddr(named)
				defer w.proxy.run(t, w.proxy.socks)()
				n := through(t, w.us, Server{Scheme: SOCKS5, Host: "10.0.0.2", Port: 1080})
				defer n.Close()
				u, err := n.ListenUDP(t.Context(), netip.MustParseAddrPort("[::]:6881"))
				if err != nil {
					t.Fatal(err)
				}
				hears(t, u, u.WriteTo)
				hears(t, u, func(b []byte, to netip.AddrPort) (int, error) {
					return netx.WriteToName(u, b, "far.example", to.Port())
				})
				hears(t, u, func(b []byte, to netip.AddrPort) (int, error) {
					return len(b), netx.WriterOf(u).WriteSegments(b, 100, to, netx.Whole)
				})
				if err := netx.WriterOf(u).WriteSegments([]byte("abc"), 1, echoAt, netx.Whole); err != nil {
					t.Fatal(err)
				}
				var got []string
				for len(got) < 3 {
					batch, err := netx.ReaderOf(u).ReadBatch(nil)
					if err != nil {
						t.Fatal(err)
					}
					for _, d := range batch {
						got = append(got, string(d.Data))
					}
				}
				if slices.Sort(got); !slices.Equal(got, []string{"a", "b", "c"}) {
					t.Error(got)
				}
				if _, err := netx.WriteToName(u, nil, "a\x00b", 1); err == nil {
					t.Error("a name with a NUL")
				}
				if !netx.Carries(u.LocalAddr().Addr(), echoAt.Addr()) || u.LocalAddr().Port() != 0 {
					t.Error("is at", u.LocalAddr())
				}
				if !slices.Contains(w.proxy.seen(), "datagram to far.example") {
					t.Error(w.proxy.seen())
				}
				closed := make(chan error)
				go func() { _, _, err := u.ReadFrom(nil); closed <- err }()
				synctest.Wait()
				u.Close()
				if err := <-closed; !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				if _, err := u.WriteTo([]byte("x"), echoAt); !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
				w.onlyProxy(t)
			})
		})
	}
}

// Datagrams that do not come from the proxy are nobody's.
func TestForeignDatagrams(t *testing.T) {
	a := &association{at: at}
	head, _ := socks.AppendHeader(nil, socks.AddrOf(echoAt))
	named, _ := socks.AppendHeader(nil, socks.Addr{Name: "far.example", Port: 1})
	for _, c := range []struct {
		b  []byte
		by netip.AddrPort
		ok bool
	}{{append(head, 'x'), at, true}, {append(head, 'x'), echoAt, false}, {named, at, false}, {head[:5], at, false}, {nil, at, false}} {
		if data, from, ok := a.open(c.b, c.by); ok != c.ok || ok && (string(data) != "x" || from != echoAt) {
			t.Errorf("%x by %v: %q from %v, %v", c.b, c.by, data, from, ok)
		}
	}
}

func TestNoDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := newWorld(t)
		defer end()
		w.proxy.relay = socks.CommandNotSupported
		defer w.proxy.run(t, w.proxy.socks)()
		n := through(t, w.us, Server{Scheme: SOCKS5, Host: "10.0.0.2", Port: 1080})
		defer n.Close()
		_, err := n.ListenUDP(t.Context(), netip.AddrPort{})
		if !errors.Is(err, netx.ErrNoDatagrams) || !strings.Contains(err.Error(), "command not supported") {
			t.Error(err)
		}
		if c := n.Conditions()[0]; c.Streams != "command not supported" || c.Problem != "" || c.Via != "socks5://10.0.0.2:1080" {
			t.Errorf("%+v", c)
		}
		h := through(t, w.us, Server{Scheme: HTTP, Host: "10.0.0.2", Port: 1080})
		defer h.Close()
		if _, err := h.ListenUDP(t.Context(), netip.AddrPort{}); !errors.Is(err, netx.ErrNoDatagrams) {
			t.Error(err)
		}
	})
}

// A relay that is closed before it has begun leaves nothing behind.
func TestCloseAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := newWorld(t)
		defer end()
		defer w.proxy.run(t, w.proxy.socks)()
		n := through(t, w.us, Server{Scheme: SOCKS5, Host: "10.0.0.2", Port: 1080})
		defer n.Close()
		u, err := n.ListenUDP(t.Context(), netip.AddrPort{})
		if err != nil {
			t.Fatal(err)
		}
		u.Close()

		a, err := n.associate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		r := newRelay(n)
		r.place.Put(a)
		read := make(chan error)
		go func() { _, _, err := r.ReadFrom(nil); read <- err }()
		synctest.Wait()
		// Over before it is kept.
		r.end()
		if last, err := r.place.Close(); last != a || err != nil {
			t.Error(last, err)
		}
		r.keep(a)
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := a.control.Write([]byte("x")); !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
			t.Error("the control connection is still there:", err)
		}
	})
}
