package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
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
	host   *netxtest.Host
	names  map[string]netip.Addr // that it knows
	login  string                // "user:password" that it wants; empty: none
	code   socks.Code            // how requests go; 0: as they do
	relay  socks.Code            // how UDP ASSOCIATE goes
	header string                // further lines of the answer to CONNECT
	say    string                // said instead of everything
	named  netip.Addr            // as where the relay is; the zero address: 0.0.0.0

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

// readLogin reads a user name and a password as "user:password".
func readLogin(c net.Conn) (string, error) {
	var version [1]byte
	if _, err := io.ReadFull(c, version[:]); err != nil || version[0] != 1 {
		return "", errors.Join(err, socks.ErrVersion)
	}
	var parts []string
	for range 2 {
		var n [1]byte
		if _, err := io.ReadFull(c, n[:]); err != nil {
			return "", err
		}
		text := make([]byte, n[0])
		if _, err := io.ReadFull(c, text); err != nil {
			return "", err
		}
		parts = append(parts, string(text))
	}
	return strings.Join(parts, ":"), nil
}

// readMessage reads a request.
func readMessage(c net.Conn) (socks.Message, error) {
	b := make([]byte, socks.HeadSize, socks.MaxMessage)
	if _, err := io.ReadFull(c, b); err != nil {
		return socks.Message{}, err
	}
	size, err := socks.MessageSize(b)
	if err != nil {
		return socks.Message{}, err
	}
	if _, err := io.ReadFull(c, b[socks.HeadSize:size]); err != nil {
		return socks.Message{}, err
	}
	m, _, err := socks.ParseMessage(b[:size])
	return m, err
}

// sayIt says it once it has been spoken to: to write to one who has gone would be another error.
func (f *fake) sayIt(c net.Conn) {
	if _, err := c.Read(make([]byte, 512)); err == nil {
		c.Write([]byte(f.say))
	}
}

// socks speaks SOCKS 5.
func (f *fake) socks(c net.Conn) {
	if f.say != "" {
		f.sayIt(c)
		return
	}
	var head [2]byte // the version, and how many methods are offered
	if _, err := io.ReadFull(c, head[:]); err != nil || head[0] != 5 {
		return
	}
	offered := make([]byte, head[1])
	if _, err := io.ReadFull(c, offered); err != nil {
		return
	}
	switch {
	case f.login == "":
		c.Write([]byte{5, byte(socks.NoLogin)})
	case !slices.Contains(offered, byte(socks.Password)):
		c.Write([]byte{5, byte(socks.NoAcceptable)})
		return
	default:
		c.Write([]byte{5, byte(socks.Password)})
		if got, err := readLogin(c); err != nil || got != f.login {
			c.Write([]byte{1, 1})
			return
		}
		c.Write([]byte{1, 0})
	}
	m, err := readMessage(c)
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
		f.sayIt(c)
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
			io.WriteString(c, "HTTP/1.1 200 Go ahead\r\n"+f.header+"\r\n")
		} else {
			io.WriteString(c, "HTTP/1.1 502 Cannot\r\nContent-Length: 0\r\n\r\n")
		}
	}, to.Addr().IsValid())
}

var _ netx.Way = (*Network)(nil)
