package bind

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/test/lab"
)

// crossing is a client that reaches a server by two interfaces: by net, which its routes prefer, and by vpn, on a slow line.
type crossing struct {
	client   *lab.Host
	far      *lab.Host // has the server
	vpn      *lab.Segment
	server   netip.AddrPort
	accepted chan struct{}
	n        *Network
}

// cross makes one whose server sends without end to whom it accepts.
func cross(t *testing.T) *crossing {
	l := lab.New(t)
	other, far, server := l.Segment("net"), l.Segment("far"), l.Host("server")
	x := &crossing{client: l.Host("client"), far: server, vpn: l.Segment("vpn"), server: netip.MustParseAddrPort("20.3.0.1:80"), accepted: make(chan struct{}, 1)}
	l.Line(x.vpn, far, lab.Line{Delay: 30 * time.Millisecond, Rate: 10 << 20})
	x.client.Join(other, netip.MustParsePrefix("20.1.0.1/8"))
	x.client.Join(x.vpn, netip.MustParsePrefix("10.8.0.2/24"))
	x.client.Gateway(netip.MustParseAddr("10.8.0.1"))
	server.Join(other, netip.MustParsePrefix("20.3.0.1/8"))
	server.Join(far, netip.MustParsePrefix("10.8.0.1/24"))
	listener, err := server.Listen("tcp", x.server.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			x.accepted <- struct{}{}
			go flood(t.Context(), c)
		}
	}()
	x.n = New(Config{To: "vpn", Look: x.look, Changes: x.changes, Open: x.open})
	t.Cleanup(func() { x.n.Close() })
	x.await("")
	return x
}

func flood(ctx context.Context, c net.Conn) {
	defer context.AfterFunc(ctx, func() { c.Close() })()
	defer c.Close()
	for b := make([]byte, 1<<16); ; {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}

func (x *crossing) look() (list []netx.Interface, err error) {
	err = x.client.Do(func() error { list, err = netx.Interfaces(); return err })
	return list, err
}

func (x *crossing) changes(ctx context.Context) (news <-chan struct{}) {
	_ = x.client.Do(func() error { news = changes(ctx); return nil })
	return news
}

func (x *crossing) open(opt netx.Options) netx.Network {
	if before, ok := opt.Before.(there); ok {
		opt.Before = before.Network
	}
	return there{netx.System(opt), x.client}
}

// await waits until the interface has the problem.
func (x *crossing) await(problem string) {
	for {
		changed := x.n.Changed()
		if x.n.Conditions()[0].Problem == problem {
			return
		}
		<-changed
	}
}

// there is the network of a host of the lab.
type there struct {
	netx.Network
	host *lab.Host
}

func (h there) DialTCP(ctx context.Context, remote netip.AddrPort) (c net.Conn, err error) {
	err = h.host.Do(func() error { c, err = h.Network.DialTCP(ctx, remote); return err })
	return c, err
}

func (h there) ListenTCP(ctx context.Context, local netip.AddrPort) (l net.Listener, err error) {
	err = h.host.Do(func() error { l, err = h.Network.ListenTCP(ctx, local); return err })
	return listening{l, h.host}, err
}

// listening is a listener of a host of the lab.
type listening struct {
	net.Listener
	host *lab.Host
}

func (l listening) Close() error { return l.host.Do(l.Listener.Close) }

func (h there) Close() error { return h.Network.(interface{ Close() error }).Close() }

// TestLateSegments: what comes for a connection that is closed already is answered by the interface or not at all, though the routes
// of the kernel, which answers, go by another.
func TestLateSegments(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, x *crossing, conn net.Conn){
		"closed": func(_ *testing.T, _ *crossing, conn net.Conn) { conn.Close() },
		"the interface goes and comes": func(_ *testing.T, x *crossing, _ net.Conn) {
			x.client.Down(x.vpn)
			x.await("is down")
			x.client.Up(x.vpn)
			x.await("")
		},
		"closed while the interface is gone": func(_ *testing.T, x *crossing, conn net.Conn) {
			x.client.Down(x.vpn)
			x.await("is down")
			conn.Close()
			x.client.Up(x.vpn)
			x.await("")
		},
		"made anew": func(_ *testing.T, x *crossing, conn net.Conn) {
			x.client.Leave(x.vpn)
			x.await("is not there")
			conn.Close()
			x.client.Join(x.vpn, netip.MustParsePrefix("10.8.0.2/24"))
			x.client.Gateway(netip.MustParseAddr("10.8.0.1"))
			x.await("")
		},
		"at the end": func(_ *testing.T, x *crossing, _ net.Conn) { x.n.Close() },
		"accepted, and nobody listens any more": func(t *testing.T, x *crossing, conn net.Conn) {
			conn.Close()
			l, err := x.n.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:6881"))
			if err != nil {
				t.Fatal(err)
			}
			from := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(x.server.Addr(), 0))}
			var come net.Conn
			err = x.far.Do(func() error { come, err = from.DialContext(t.Context(), "tcp", "10.8.0.2:6881"); return err })
			if err != nil {
				t.Fatal(err)
			}
			go flood(t.Context(), come)
			accepted, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			some(t, accepted)
			l.Close()
			accepted.Close()
			again, err := x.n.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:6881"))
			if err != nil {
				t.Fatal(err)
			}
			again.Close()
		},
		"a dial is given up": func(t *testing.T, x *crossing, conn net.Conn) {
			conn.Close()
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-x.accepted // half a round trip before the dialler hears of it
				cancel()
			}()
			if conn, err := x.n.DialTCP(ctx, x.server); err == nil {
				conn.Close()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := cross(t)
			capture := x.client.Capture(t)
			conn, err := x.n.DialTCP(t.Context(), x.server)
			if err != nil {
				t.Fatal(err)
			}
			<-x.accepted
			some(t, conn)
			end(t, x, conn)
			x.quiet(capture)
			for _, p := range capture.Packets() {
				if _, ok := p.Flow(); ok && p.Out && p.Iface != "vpn" {
					t.Fatal("left by another interface:", p)
				}
			}
		})
	}
}

// some reads until much is under way.
func some(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := io.ReadFull(conn, make([]byte, 1<<16)); err != nil {
		t.Fatal(err)
	}
}

// quiet waits until the server has been silent for a while.
func (x *crossing) quiet(c *lab.Capture) {
	for before := -1; before != len(c.Packets()); {
		before = len(c.Packets())
		time.Sleep(500 * time.Millisecond)
	}
}
