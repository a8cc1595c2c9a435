package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/wire/socks"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var echoAt = netip.MustParseAddrPort("1.1.1.1:80")

// world is us, a proxy and somebody on the internet who answers with what he hears.
type world struct {
	*netxtest.World
	us, far *netxtest.Host
	proxy   *fake
}

func newWorld(t *testing.T) (w *world, end func()) {
	t.Helper()
	w = &world{World: netxtest.NewWorld(1)}
	w.us, w.far = w.Host("10.0.0.1"), w.Host("1.1.1.1")
	w.proxy = &fake{host: w.Host("10.0.0.2", "10.0.0.3"), names: map[string]netip.Addr{"far.example": echoAt.Addr()}}
	w.Name("proxy.example", "10.0.0.2")
	w.Name("far.example", "9.9.9.9") // what nobody is to find out here
	l, err := w.far.ListenTCP(t.Context(), echoAt)
	if err != nil {
		t.Fatal(err)
	}
	u, err := w.far.ListenUDP(t.Context(), echoAt)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := u.ReadFrom(b)
			if err != nil {
				return
			}
			u.WriteTo(b[:n], from)
		}
	}()
	return w, func() { l.Close(); u.Close() }
}

// through is the network through a proxy that nobody expects to panic.
func through(t *testing.T, base netx.Network, server Server) *Network {
	return New(Config{Network: base, Server: server, Panicked: func(p any) { t.Error("panic:", p) }})
}

func echo(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	if _, err := c.(*conn).WriteBuffers(&net.Buffers{[]byte("hel"), []byte("lo")}); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Fatalf("%q, %v", b, err)
	}
}

// onlyProxy says that we have dialled the proxy and nobody else.
func (w *world) onlyProxy(t *testing.T) {
	t.Helper()
	for _, a := range w.us.Dials() {
		if a != at {
			t.Errorf("dialled %v by ourselves", a)
		}
	}
}

func TestStreams(t *testing.T) {
	for _, server := range []Server{
		{Scheme: SOCKS5, Host: "10.0.0.2", Port: 1080},
		{Scheme: SOCKS5, Host: "proxy.example", Port: 1080, User: "me", Password: "secret"},
		{Scheme: HTTP, Host: "10.0.0.2", Port: 1080},
		{Scheme: HTTP, Host: "10.0.0.2", Port: 1080, User: "me", Password: "secret"},
	} {
		t.Run(server.URL(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, end := newWorld(t)
				defer end()
				if server.User != "" {
					w.proxy.login = "me:secret"
				}
				serve := w.proxy.socks
				if server.Scheme == HTTP {
					serve = w.proxy.http
				}
				defer w.proxy.run(t, serve)()
				n := through(t, w.us, server)
				defer n.Close()
				c, err := n.DialTCP(t.Context(), echoAt)
				if err != nil {
					t.Fatal(err)
				}
				if netx.AddrPort(c.RemoteAddr()) != echoAt {
					t.Error("connected to", c.RemoteAddr())
				}
				echo(t, c)
				c, err = netx.DialName(t.Context(), n, "far.example", 80)
				if err != nil {
					t.Fatal(err)
				}
				if c.RemoteAddr().String() != "far.example:80" || netx.AddrPort(c.RemoteAddr()).IsValid() {
					t.Error("connected to", c.RemoteAddr())
				}
				echo(t, c)
				if _, err := n.LookupHost(t.Context(), "far.example"); !errors.Is(err, netx.ErrFarName) {
					t.Error(err)
				}
				if list, err := n.LookupHost(t.Context(), "::ffff:1.1.1.1"); err != nil || !slices.Equal(list, []netip.Addr{echoAt.Addr()}) {
					t.Error(list, err)
				}
				if _, err := n.DialName(t.Context(), "a\r\nb", 80); err == nil {
					t.Error("a name of two lines")
				}
				if _, err := n.ListenTCP(t.Context(), echoAt); !errors.Is(err, netx.ErrNoListening) {
					t.Error(err)
				}
				if _, err := netx.ListenMulticast(t.Context(), n, netip.MustParseAddrPort("239.192.152.143:6771")); !errors.Is(err, netx.ErrNoMulticast) {
					t.Error(err)
				}
				if list, err := n.Addrs(); len(list) != 0 || err != nil {
					t.Error("shows", list, err)
				}
				if err := netx.NoWay(n); err != nil {
					t.Error(err)
				}
				w.onlyProxy(t)
			})
		})
	}
}

// What goes wrong at the proxy is told, and nothing leaves by another way.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name    string
		proxy   *fake
		server  Server
		problem string // of the way; empty: it is the remote's
		is      error
	}{
		{"a login is needed", &fake{login: "me:secret"}, Server{Scheme: SOCKS5}, "wants a user name and a password", nil},
		{"the login is wrong", &fake{login: "me:secret"}, Server{Scheme: SOCKS5, User: "me", Password: "guess"}, "does not take", nil},
		{"HTTP: a login is needed", &fake{login: "me:secret"}, Server{Scheme: HTTP}, "wants a user name and a password", nil},
		{"another protocol", &fake{say: "HTTP/1.1 400 What?\r\n\r\n"}, Server{Scheme: SOCKS5}, "is no SOCKS 5 proxy", nil},
		{"nothing", &fake{say: "\x05"}, Server{Scheme: SOCKS5}, "does not answer", nil},
		{"refused", &fake{code: socks.ConnectionRefused}, Server{Scheme: SOCKS5}, "", syscall.ECONNREFUSED},
		{"unreachable", &fake{code: socks.NetworkUnreachable}, Server{Scheme: SOCKS5}, "", syscall.ENETUNREACH},
		{"timed out", &fake{code: socks.TTLExpired}, Server{Scheme: SOCKS5}, "", syscall.ETIMEDOUT},
		{"not allowed", &fake{code: socks.NotAllowed}, Server{Scheme: SOCKS5}, "", nil},
		{"an endless answer", &fake{say: "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 1<<14)}, Server{Scheme: HTTP}, "", nil},
		{"another protocol, HTTP", &fake{say: "\x05\x00"}, Server{Scheme: HTTP}, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, end := newWorld(t)
				defer end()
				p := c.proxy
				p.host, p.names = w.proxy.host, w.proxy.names
				serve := p.socks
				if c.server.Scheme == HTTP {
					serve = p.http
				}
				defer p.run(t, serve)()
				c.server.Host, c.server.Port = "10.0.0.2", 1080
				n := through(t, w.us, c.server)
				defer n.Close()
				_, err := n.DialTCP(t.Context(), echoAt)
				switch {
				case err == nil:
					t.Fatal("connected")
				case c.problem != "" && (!netx.IsNoWay(err) || !strings.Contains(err.Error(), c.problem)):
					t.Error(err)
				case c.problem == "" && netx.IsNoWay(err):
					t.Error("blames the proxy:", err)
				case c.is != nil && !errors.Is(err, c.is):
					t.Error(err)
				case strings.Contains(err.Error(), "secret"), strings.Contains(err.Error(), "guess"):
					t.Error("tells a password:", err)
				}
				if got := netx.NoWay(n); (got != nil) != (c.problem != "") {
					t.Error(got)
				}
				w.onlyProxy(t)
			})
		})
	}
}

// What a proxy says of a body in its answer to CONNECT is not so: everything after the header is from whom we asked for.
func TestAnswerWithABody(t *testing.T) {
	for _, header := range []string{
		"Content-Length: 5\r\n", "Content-Length: 1000000\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: many\r\n", "Transfer-Encoding: gzip\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			w, end := newWorld(t)
			defer end()
			w.proxy.header = header
			defer w.proxy.run(t, w.proxy.http)()
			n := through(t, w.us, Server{Scheme: HTTP, Host: "10.0.0.2", Port: 1080})
			defer n.Close()
			c, err := n.DialTCP(t.Context(), echoAt)
			if err != nil {
				t.Fatalf("%q: %v", header, err)
			}
			echo(t, c)
		})
	}
}

// A proxy that does not let us in stays so, though it is there whenever it is tried.
func TestBarredForGood(t *testing.T) {
	n := &Network{wake: make(chan struct{}, 1), changed: make(chan struct{})}
	over := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(over)
	wg.Go(func() { // connects to it all the time
		for {
			n.note("")
			select {
			case <-over:
				return
			default:
			}
		}
	})
	for range 50000 {
		n.mu.Lock()
		n.problem, n.barred = "", false
		n.mu.Unlock()
		if err := n.bar("wants a user name"); !netx.IsNoWay(err) {
			t.Fatal(err)
		}
		if err := n.closed(); !netx.IsNoWay(err) {
			t.Fatal("not barred:", err)
		}
	}
}

// A dead proxy stops everything at once, and everything goes on when it is back.
func TestDeadProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := newWorld(t)
		defer end()
		stop := w.proxy.run(t, w.proxy.socks)
		n := through(t, w.us, Server{Scheme: SOCKS5, Host: "proxy.example", Port: 1080})
		defer n.Close()
		u, err := n.ListenUDP(t.Context(), netip.AddrPort{})
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		stop()
		synctest.Wait()
		// The relay noticed, and asked for another.
		if err := netx.NoWay(n); err == nil || !strings.Contains(err.Error(), "socks5://proxy.example:1080 does not answer") {
			t.Error(err)
		}
		began := time.Now()
		if _, err := n.DialTCP(t.Context(), echoAt); !netx.IsNoWay(err) || time.Since(began) > 0 {
			t.Error(err)
		}
		if _, err := u.WriteTo([]byte("x"), echoAt); !netx.IsNoWay(err) {
			t.Error(err)
		}
		changed := n.Changed()
		defer w.proxy.run(t, w.proxy.socks)()
		<-changed
		if err := netx.NoWay(n); err != nil {
			t.Error(err)
		}
		c, err := n.DialTCP(t.Context(), echoAt)
		if err != nil {
			t.Fatal(err)
		}
		echo(t, c)
		time.Sleep(again + time.Second)
		hears(t, u, u.WriteTo)
		w.onlyProxy(t)
	})
}

// A proxy that takes connections and says nothing is given up.
func TestMuteProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := newWorld(t)
		defer end()
		defer w.proxy.run(t, func(c net.Conn) { io.Copy(io.Discard, c) })()
		n := through(t, w.us, Server{Scheme: SOCKS5, Host: "10.0.0.2", Port: 1080})
		defer n.Close()
		if _, err := n.DialTCP(t.Context(), echoAt); !netx.IsNoWay(err) || !strings.HasSuffix(err.Error(), "does not answer") {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := n.enter(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// gone is a way to the proxy that is closed.
type gone struct{ netx.Network }

func (gone) Conditions() []netx.Condition { return []netx.Condition{{Via: "wg0", Problem: "is down"}} }
func (gone) Changed() <-chan struct{}     { return nil }
func (gone) DialTCP(context.Context, netip.AddrPort) (net.Conn, error) {
	return nil, &netx.NoWayError{Via: "wg0", Problem: "is down"}
}

// The proxy is not blamed for the way that leads to it.
func TestProxyBehindAnInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end := newWorld(t)
		defer end()
		n := through(t, gone{w.us}, Server{Scheme: SOCKS5, Host: "10.0.0.2", Port: 1080})
		defer n.Close()
		if _, err := n.DialTCP(t.Context(), echoAt); err == nil || err.Error() != "wg0 is down" {
			t.Error(err)
		}
		if c := n.Conditions(); len(c) != 2 || c[0].Problem != "" || c[1].Problem != "is down" {
			t.Errorf("%+v", c)
		}
		if err := netx.NoWay(n); err == nil || err.Error() != "wg0 is down" {
			t.Error(err)
		}
	})
}

// FuzzAnswers has a proxy say anything.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte("\x05\x00\x05\x00\x00\x01\x01\x01\x01\x01\x00\x50hello"), false)
	f.Add([]byte("\x05\x02\x01\x00\x05\x05\x00\x03\x01a\x00\x00"), false)
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\nhello"), true)
	f.Add([]byte("HTTP/1.1 407 Who?\r\nContent-Length: 99999999999\r\n\r\n"), true)
	f.Fuzz(func(t *testing.T, says []byte, web bool) {
		ours, theirs := net.Pipe()
		defer ours.Close()
		go io.Copy(io.Discard, theirs)
		go func() { theirs.Write(says); theirs.Close() }()
		c := &conn{Conn: ours}
		s := Server{Scheme: SOCKS5, Host: "a", Port: 1, User: "u", Password: "p"}
		if web {
			s.Scheme = HTTP
		} else if c.login(s) != nil {
			return
		}
		if c.connect(s, target{name: "far.example", port: 80}) == nil && len(c.ahead) > len(says) {
			t.Fatalf("%d bytes ahead of %d", len(c.ahead), len(says))
		}
	})
}
