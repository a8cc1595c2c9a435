package bind

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// cable is an interface in a test's hand.
type cable struct {
	world *netxtest.World
	news  chan struct{}

	mu    sync.Mutex
	all   []netx.Interface
	hosts map[netip.Addr]*netxtest.Host
}

func plug(addrs ...string) (*cable, *Network) {
	c := &cable{world: netxtest.NewWorld(1), news: make(chan struct{}, 1), hosts: map[netip.Addr]*netxtest.Host{}}
	c.set(addrs...)
	return c, New(Config{To: "wg0", Look: c.look, Changes: c.changes, Open: c.open})
}

func (c *cable) look() ([]netx.Interface, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all, nil
}

func (c *cable) changes(ctx context.Context) <-chan struct{} {
	context.AfterFunc(ctx, func() { close(c.news) })
	return c.news
}

// open is the network of a host that has the interface's addresses.
func (c *cable) open(opt netx.Options) netx.Network {
	var list []string
	for _, a := range opt.Only.Addrs {
		list = append(list, a.String())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.hosts[opt.Only.Addrs[0]]
	if h == nil {
		h = c.world.Host(list...)
		c.hosts[opt.Only.Addrs[0]] = h
	}
	return only{h, opt.Only.Addrs}
}

// only is a host whose addresses are those of one interface.
type only struct {
	netx.Network
	addrs []netip.Addr
}

func (o only) Addrs() ([]netip.Addr, error) { return o.addrs, nil }

func (o only) place(local netip.AddrPort) netip.AddrPort {
	for _, a := range o.addrs {
		if local.Addr().IsUnspecified() && a.Is4() == local.Addr().Is4() {
			return netip.AddrPortFrom(a, local.Port())
		}
	}
	return local
}

func (o only) ListenTCP(ctx context.Context, local netip.AddrPort) (net.Listener, error) {
	return o.Network.ListenTCP(ctx, o.place(local))
}

func (o only) ListenUDP(ctx context.Context, local netip.AddrPort) (netx.PacketConn, error) {
	return o.Network.ListenUDP(ctx, o.place(local))
}

// set gives the interface these addresses; none takes it down.
func (c *cable) set(list ...string) {
	c.mu.Lock()
	c.all = []netx.Interface{{Name: "wg0", Up: len(list) > 0, Addrs: addrs(list...)}}
	c.mu.Unlock()
	select {
	case c.news <- struct{}{}:
	default:
	}
	synctest.Wait()
}

func problem(n *Network) string { return n.Conditions()[0].Problem }

// accepting hands out the connections of a listener.
func accepting(l net.Listener) <-chan net.Conn {
	ch := make(chan net.Conn, 4)
	go func() {
		defer close(ch)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			ch <- c
		}
	}()
	return ch
}

func TestGoesAndComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n := plug("10.0.0.1")
		defer n.Close()
		far := c.world.Host("10.0.0.9")
		server, err := far.ListenTCP(t.Context(), netip.MustParseAddrPort("10.0.0.9:80"))
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		served := accepting(server)
		l, u, err := netx.ListenPair(t.Context(), n, netip.MustParseAddrPort("0.0.0.0:0"))
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
		at := netx.AddrPort(l.Addr())
		if u.LocalAddr().Port() != at.Port() || at.Port() == 0 {
			t.Fatalf("TCP at %v, UDP at %v", at, u.LocalAddr())
		}
		accepted := accepting(l)
		type datagram struct {
			text string
			from netip.AddrPort
		}
		heard := make(chan datagram)
		go func() {
			defer close(heard)
			for {
				b, err := netx.ReaderOf(u).ReadBatch(nil)
				if err != nil {
					return
				}
				for _, d := range b {
					heard <- datagram{string(d.Data), d.From}
				}
			}
		}()
		ours, err := n.DialTCP(t.Context(), netip.MustParseAddrPort("10.0.0.9:80"))
		if err != nil {
			t.Fatal(err)
		}
		defer ours.Close()
		theirs := <-served
		defer theirs.Close()
		come, err := far.DialTCP(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		defer come.Close()
		inside := <-accepted

		changed := n.Changed()
		c.set()
		<-changed
		if problem(n) != "is down" {
			t.Error(problem(n))
		}
		for _, conn := range []net.Conn{ours, inside} {
			if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.ErrClosedPipe) {
				t.Error("a connection outlived the interface:", err)
			}
			_ = conn.Close()
		}
		var closed *netx.NoWayError
		if _, err := n.DialTCP(t.Context(), netip.MustParseAddrPort("10.0.0.9:80")); !errors.As(err, &closed) || closed.Via != "wg0" {
			t.Error(err)
		}
		if _, err := u.WriteTo([]byte("x"), at); !netx.IsNoWay(err) {
			t.Error(err)
		}
		if err := netx.WriterOf(u).WriteSegments([]byte("xy"), 1, at, netx.Whole); !netx.IsNoWay(err) {
			t.Error(err)
		}
		if _, err := n.LookupHost(t.Context(), "a.example"); !netx.IsNoWay(err) {
			t.Error(err)
		}
		if _, err := n.ListenMulticast(t.Context(), netip.MustParseAddrPort("239.192.152.143:6771")); !netx.IsNoWay(err) {
			t.Error(err)
		}
		if list, err := n.Addrs(); len(list) != 0 || err != nil {
			t.Error(list, err)
		}
		if err := netx.NoWay(n); err == nil || err.Error() != "wg0 is down" {
			t.Error(err)
		}
		if got := netx.AddrPort(l.Addr()); got != netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()) {
			t.Error("listens at", got)
		}

		// It comes back as it was: what listened has done so all the time, and connections are gone for good.
		c.set("10.0.0.1")
		if netx.AddrPort(l.Addr()) != at || u.LocalAddr() != at {
			t.Errorf("listens at %v and %v, not at %v", l.Addr(), u.LocalAddr(), at)
		}
		back, err := far.DialTCP(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		back.Close()
		(<-accepted).Close()
		c.set()

		// It comes back with another address.
		c.set("10.0.0.2")
		if problem(n) != "" || netx.NoWay(n) != nil {
			t.Error(problem(n))
		}
		now := netip.MustParseAddrPort("10.0.0.2:0")
		now = netip.AddrPortFrom(now.Addr(), at.Port())
		if got := netx.AddrPort(l.Addr()); got != now || u.LocalAddr() != now {
			t.Errorf("listens at %v and %v, not at %v", got, u.LocalAddr(), now)
		}
		again, err := far.DialTCP(t.Context(), now)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		(<-accepted).Close()
		socket, err := far.ListenUDP(t.Context(), netip.MustParseAddrPort("10.0.0.9:7"))
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		if _, err := socket.WriteTo([]byte("hello"), now); err != nil {
			t.Fatal(err)
		}
		if d := <-heard; d.text != "hello" || d.from.Port() != 7 {
			t.Error(d)
		}
		// One more address changes nothing.
		c.set("10.0.0.2", "8.8.4.4")
		if netx.AddrPort(l.Addr()) != now {
			t.Error("left its address for", l.Addr())
		}
		l.Close()
		u.Close()
		if _, more := <-accepted; more {
			t.Error("accepted after the end")
		}
		if _, more := <-heard; more {
			t.Error("heard after the end")
		}
	})
}

// A node may start before its interface is there.
func TestWaitsForTheInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n := plug()
		defer n.Close()
		if _, _, err := netx.ListenPair(t.Context(), n, netip.MustParseAddrPort("0.0.0.0:0")); !netx.IsNoWay(err) {
			t.Fatal(err)
		}
		l, u, err := netx.ListenPair(t.Context(), n, netip.MustParseAddrPort("0.0.0.0:6881"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		defer u.Close()
		six, err := n.ListenUDP(t.Context(), netip.MustParseAddrPort("[::]:6881"))
		if err != nil {
			t.Fatal(err)
		}
		defer six.Close()
		if netx.Carries(six.LocalAddr().Addr(), netip.MustParseAddr("1.1.1.1")) {
			t.Error("an IPv6 socket promises IPv4")
		}
		if err := u.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := u.ReadFrom(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		c.set("10.0.0.1")
		for _, got := range []netip.AddrPort{netx.AddrPort(l.Addr()), u.LocalAddr()} {
			if got != netip.MustParseAddrPort("10.0.0.1:6881") {
				t.Error("listens at", got)
			}
		}
		// The interface has no IPv6: that is not amiss, and a port for it cannot be chosen.
		if problem(n) != "" {
			t.Error(problem(n))
		}
		if _, err := n.ListenTCP(t.Context(), netip.MustParseAddrPort("[::]:0")); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Error(err)
		}
		c.set() // the fake host has the addresses that it was made with
		delete(c.hosts, netip.MustParseAddr("10.0.0.1"))
		c.set("10.0.0.1", "fd00::1")
		if six.LocalAddr() != netip.MustParseAddrPort("[fd00::1]:6881") {
			t.Error("listens at", six.LocalAddr())
		}
	})
}

// A port that another has when the interface comes is asked for again.
func TestTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n := plug("10.0.0.1")
		defer n.Close()
		l, err := n.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:6881"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		c.set()
		h := c.open(netx.Options{Only: &netx.Interface{Addrs: addrs("10.0.0.2")}})
		other, err := h.ListenTCP(t.Context(), netip.MustParseAddrPort("10.0.0.2:6881"))
		if err != nil {
			t.Fatal(err)
		}
		c.set("10.0.0.2")
		if at := netx.AddrPort(l.Addr()); !at.Addr().IsUnspecified() {
			t.Fatal("listens at", at)
		}
		other.Close()
		time.Sleep(2 * retry)
		if _, err := h.DialTCP(t.Context(), netip.MustParseAddrPort("10.0.0.2:6881")); err != nil {
			t.Error(err)
		}
	})
}

// A dial under way ends with the interface, and says so.
func TestDialEndsWithTheInterface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, n := plug("10.0.0.1")
		defer n.Close()
		failed := make(chan error)
		go func() {
			_, err := n.DialTCP(t.Context(), netip.MustParseAddrPort("10.0.0.77:1")) // nobody is there
			failed <- err
		}()
		synctest.Wait()
		c.set()
		if err := <-failed; !netx.IsNoWay(err) {
			t.Error(err)
		}
	})
}

func TestClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := plug("10.0.0.1")
		l, err := n.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:1"))
		if err != nil {
			t.Fatal(err)
		}
		n.Close()
		if _, err := n.ListenUDP(t.Context(), netip.MustParseAddrPort("0.0.0.0:1")); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := n.DialTCP(t.Context(), netip.MustParseAddrPort("10.0.0.1:1")); !netx.IsNoWay(err) {
			t.Error(err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
