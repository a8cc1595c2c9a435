package lan_test

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/lan"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/wire/lsd"
)

// found notes what a runner finds.
type found struct {
	mu   sync.Mutex
	list []string
	ping chan struct{}
}

func (f *found) add(h [20]byte, peer netip.AddrPort) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := string('a'+rune(h[1])) + " at " + peer.String()
	if !slices.Contains(f.list, s) {
		f.list = append(f.list, s)
	}
	select {
	case f.ping <- struct{}{}:
	default:
	}
}

func (f *found) take() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.list)
	s := strings.Join(f.list, ", ")
	f.list = nil
	return s
}

// start runs a node on a network and returns what it finds.
func start(t *testing.T, ctx context.Context, wg *sync.WaitGroup, nw netx.Network, port uint16, objects ...lan.Object) (*lan.Runner, *found) {
	t.Helper()
	f := &found{ping: make(chan struct{}, 1)}
	r := lan.New(lan.Config{
		Network: nw, Port: port, Rand: random(uint64(port)), Log: slog.New(slog.DiscardHandler), Found: f.add,
		Panicked: func(p any) { t.Error("panic:", p) },
	})
	r.SetObjects(objects)
	wg.Go(func() { r.Run(ctx) })
	return r, f
}

func object(list ...int) (o lan.Object) {
	for _, n := range list {
		o.Hashes = append(o.Hashes, hash(n))
	}
	return o
}

func private(list ...int) lan.Object {
	o := object(list...)
	o.Private = true
	return o
}

func TestNeighboursFindEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		ha, hb, hc, far := w.Host("192.168.1.1", "fd00::1"), w.Host("192.168.1.2"), w.Host("fe80::3"), w.Host("192.168.1.4")
		w.LAN(ha, hb, hc)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		_, a := start(t, ctx, &wg, ha, 1001, object(0, 1), object(2), private(3))
		rb, b := start(t, ctx, &wg, hb, 1002, object(1), private(3))
		_, c := start(t, ctx, &wg, hc, 1003, object(2), object(3))
		_, d := start(t, ctx, &wg, far, 1004, object(0), object(1), object(2))
		expect := func(what string, f *found, want string) {
			t.Helper()
			if got := f.take(); got != want {
				t.Errorf("%s found %q, want %q", what, got, want)
			}
		}
		<-time.After(3 * time.Second)
		expect("a", a, "b at 192.168.1.2:1002, c at [fe80::3]:1003")
		expect("b", b, "b at 192.168.1.1:1001") // over IPv4, the only family that it shares
		expect("c", c, "c at [fd00::1]:1001")
		expect("d", d, "")
		<-time.After(4 * time.Minute)
		expect("a", a, "")
		rb.SetObjects([]lan.Object{object(2)})
		<-time.After(3 * time.Second)
		expect("a", a, "c at 192.168.1.2:1002")
		<-time.After(90 * time.Second)
		expect("a", a, "c at [fe80::3]:1003")
		expect("b", b, "c at 192.168.1.1:1001")
		cancel()
		wg.Wait()
	})
}

// rogue sends what a neighbour of the host would not.
func rogue(t *testing.T, h *netxtest.Host) netx.MulticastConn {
	t.Helper()
	group := lsd.Group4
	if h.Addr().Is6() {
		group = lsd.Group6
	}
	conn, err := h.ListenMulticast(t.Context(), group)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestWhatIsNotHeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us := w.Host("192.168.1.1", "2600:1:2:3::1")
		public, near, other, auto := w.Host("8.8.8.8"), w.Host("2600:1:2:3::2"), w.Host("2600:1:2:4::2"), w.Host("169.254.7.7")
		good := w.Host("192.168.1.2")
		w.LAN(us, public, near, other, auto, good)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		_, f := start(t, ctx, &wg, us, 1001, object(0), private(1))
		synctest.Wait()
		a := lsd.Announce{Port: 7, Hashes: hashes(3)}
		for _, h := range []*netxtest.Host{public, near, other, auto, good} {
			conn := rogue(t, h)
			for _, b := range [][]byte{nil, []byte("BT-SEARCH * HTTP/1.1\r\n"), make([]byte, 5000), a.Append(nil, lsd.Group4)} {
				if err := conn.Send(b); err != nil {
					t.Error(err)
				}
			}
			_ = conn.Close()
		}
		synctest.Wait()
		if got := f.take(); got != "a at 169.254.7.7:7, a at 192.168.1.2:7, a at [2600:1:2:3::2]:7" {
			t.Error(got)
		}
		cancel()
		wg.Wait()
	})
}

// gone is a network that has no local network at first, and then one that fails.
type gone struct {
	*netxtest.Host
	mu    sync.Mutex
	until time.Time
	tries int
	conns []netx.MulticastConn
}

func (g *gone) ListenMulticast(ctx context.Context, group netip.AddrPort) (netx.MulticastConn, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tries++
	if time.Now().Before(g.until) {
		return nil, netx.ErrNoMulticast
	}
	conn, err := g.Host.ListenMulticast(ctx, group)
	if err == nil {
		g.conns = append(g.conns, conn)
	}
	return conn, err
}

func TestNetworkComesLaterAndFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		ha, hb := w.Host("192.168.1.1"), w.Host("192.168.1.2")
		w.LAN(ha, hb)
		late := &gone{Host: ha, until: time.Now().Add(150 * time.Second)}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		_, a := start(t, ctx, &wg, late, 1001, object(0))
		_, b := start(t, ctx, &wg, hb, 1002, object(0))
		<-time.After(2 * time.Minute)
		if got := a.take() + b.take(); got != "" {
			t.Error(got)
		}
		<-time.After(5 * time.Minute)
		if got := a.take() + ", " + b.take(); got != "a at 192.168.1.2:1002, a at 192.168.1.1:1001" {
			t.Error(got)
		}
		late.mu.Lock()
		if late.tries > 20 {
			t.Error("tried", late.tries, "times")
		}
		_ = late.conns[0].Close()
		late.mu.Unlock()
		<-time.After(7 * time.Minute)
		if got := a.take() + ", " + b.take(); got != "a at 192.168.1.2:1002, a at 192.168.1.1:1001" {
			t.Error(got)
		}
		cancel()
		wg.Wait()
	})
}
