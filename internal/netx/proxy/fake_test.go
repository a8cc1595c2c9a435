package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/wire/socks"
)

// at is where the fake proxy listens.
var at = netip.MustParseAddrPort("10.0.0.2:1080")

// fake is a proxy on a host of the test's network.
type fake struct {
	host  *netxtest.Host
	names map[string]netip.Addr // that it knows
	login string                // "user:password" that it wants; empty: none
	code  socks.Code            // how requests go; 0: as they do
	relay socks.Code            // how UDP ASSOCIATE goes
	say   string                // said instead of everything
	named netip.Addr            // as where the relay is; the zero address: 0.0.0.0

	mu    sync.Mutex
	asked []string
	conns []net.Conn
}

// run accepts until ctx ends.
func (f *fake) run(t *testing.T, serve func(net.Conn)) (stop func()) {
	t.Helper()
	l, err := f.host.ListenTCP(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.conns = append(f.conns, c)
			f.mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	return func() {
		l.Close()
		f.mu.Lock()
		for _, c := range f.conns {
			c.Close()
		}
		f.mu.Unlock()
		wg.Wait()
	}
}

func (f *fake) note(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.asked)
}

// take reads with one of the codec's parsers until that has enough.
func take[T any](c net.Conn, parse func([]byte) (T, int, error)) (v T, err error) {
	var b []byte
	for {
		var one [1]byte
		if _, err := io.ReadFull(c, one[:]); err != nil {
			return v, err
		}
		b = append(b, one[0])
		if v, _, err := parse(b); err == nil {
			return v, nil
		} else if err != socks.ErrShort {
			return v, err
		}
	}
}

// socks speaks SOCKS 5.
func (f *fake) socks(c net.Conn) {
	if f.say != "" {
		c.Write([]byte(f.say))
		return
	}
	offered, err := take(c, socks.ParseGreeting)
	if err != nil {
		return
	}
	switch {
	case f.login == "":
		c.Write(socks.AppendChoice(nil, socks.NoLogin))
	case !slices.Contains(offered, socks.Password):
		c.Write(socks.AppendChoice(nil, socks.NoAcceptable))
		return
	default:
		c.Write(socks.AppendChoice(nil, socks.Password))
		got, err := take(c, func(b []byte) (string, int, error) {
			u, p, n, err := socks.ParseLogin(b)
			return u + ":" + p, n, err
		})
		c.Write(socks.AppendLoginAnswer(nil, err == nil && got == f.login))
		if got != f.login {
			return
		}
	}
	m, err := take(c, socks.ParseMessage)
	if err != nil {
		return
	}
	if m.Code == socks.Associate {
		f.note("associate")
		f.associate(c)
		return
	}
	to := m.Addr.AddrPort()
	if m.Addr.Name != "" {
		f.note("name " + m.Addr.Name)
		to = netip.AddrPortFrom(f.names[m.Addr.Name], m.Addr.Port)
	} else {
		f.note(to.String())
	}
	code := f.code
	if !to.Addr().IsValid() {
		code = socks.HostUnreachable
	}
	f.splice(c, to, func(ok bool) {
		if !ok && code == 0 {
			code = socks.ConnectionRefused
		}
		b, _ := socks.AppendMessage(nil, socks.Message{Code: code, Addr: socks.Addr{Name: "whoever", Port: 1}})
		c.Write(b)
	}, code == 0)
}

// splice connects c with a host of the world.
func (f *fake) splice(c net.Conn, to netip.AddrPort, answer func(ok bool), allowed bool) {
	if !allowed {
		answer(false)
		return
	}
	far, err := f.host.DialTCP(context.Background(), to)
	answer(err == nil)
	if err != nil {
		return
	}
	defer far.Close()
	f.mu.Lock()
	f.conns = append(f.conns, far)
	f.mu.Unlock()
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(far, c); far.Close() })
	io.Copy(c, far)
	c.Close()
	wg.Wait()
}

// associate relays datagrams until c ends.
func (f *fake) associate(c net.Conn) {
	if f.relay != socks.Succeeded {
		b, _ := socks.AppendMessage(nil, socks.Message{Code: f.relay})
		c.Write(b)
		return
	}
	inner, err := f.host.ListenUDP(context.Background(), netip.AddrPortFrom(at.Addr(), 0))
	if err != nil {
		return
	}
	defer inner.Close()
	outer, err := f.host.ListenUDP(context.Background(), netip.AddrPortFrom(at.Addr(), 0))
	if err != nil {
		return
	}
	defer outer.Close()
	b, _ := socks.AppendMessage(nil, socks.Message{Addr: socks.Addr{IP: f.named, Port: inner.LocalAddr().Port()}})
	c.Write(b)
	var wg sync.WaitGroup
	defer wg.Wait()
	var mu sync.Mutex
	var client netip.AddrPort
	wg.Go(func() {
		b := make([]byte, 2000)
		for {
			n, from, err := inner.ReadFrom(b)
			if err != nil {
				return
			}
			mu.Lock()
			client = from
			mu.Unlock()
			to, data, err := socks.ParseDatagram(b[:n])
			if err != nil {
				continue
			}
			if to.Name != "" {
				f.note("datagram to " + to.Name)
				to.IP = f.names[to.Name]
			}
			outer.WriteTo(data, to.AddrPort())
		}
	})
	wg.Go(func() {
		b := make([]byte, 2000)
		for {
			n, from, err := outer.ReadFrom(b)
			if err != nil {
				return
			}
			mu.Lock()
			to := client
			mu.Unlock()
			head, _ := socks.AppendHeader(nil, socks.AddrOf(from))
			inner.WriteTo(append(head, b[:n]...), to)
		}
	})
	io.Copy(io.Discard, c)
	inner.Close()
	outer.Close()
}

// http speaks HTTP CONNECT.
func (f *fake) http(c net.Conn) {
	if f.say != "" {
		c.Write([]byte(f.say))
		return
	}
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	f.note(r.Method + " " + r.Host + " " + r.Header.Get("Proxy-Authorization"))
	if f.login != "" && r.Header.Get("Proxy-Authorization") == "" {
		io.WriteString(c, "HTTP/1.1 407 Who are you?\r\nContent-Length: 0\r\n\r\n")
		return
	}
	to, err := netip.ParseAddrPort(r.Host)
	if err != nil {
		host, _, _ := net.SplitHostPort(r.Host)
		to = netip.AddrPortFrom(f.names[host], 80)
	}
	f.splice(c, to, func(ok bool) {
		if ok {
			io.WriteString(c, "HTTP/1.1 200 Go ahead\r\n\r\n")
		} else {
			io.WriteString(c, "HTTP/1.1 502 Cannot\r\nContent-Length: 0\r\n\r\n")
		}
	}, to.Addr().IsValid())
}

var _ netx.Way = (*Network)(nil)
