package portmap

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/protocol/portmap"
)

// runner is one without a network, that counts what has panicked.
func runner(nw netx.Network, changed func()) (r *Runner, panics *atomic.Int32) {
	panics = &atomic.Int32{}
	return New(Config{
		Network: nw, Port: func(netip.Addr) uint16 { return 6881 }, Rand: func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) },
		Log: slog.New(slog.DiscardHandler), Changed: changed, Panicked: func(any) { panics.Add(1) },
	}), panics
}

// TestNobodyIsToldTwiceAtOnce: of two routers that change at the same time the one that is told of last sees both.
func TestNobodyIsToldTwiceAtOnce(t *testing.T) {
	one, two := netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.2.1")
	mapped := func(router netip.Addr) portmap.Status {
		return portmap.Status{Router: router, Address: netip.MustParseAddr("20.1.0.1")}
	}
	var r *Runner
	var second *link
	var calls atomic.Int32
	ended := make(chan struct{})
	count := func() (n int) {
		for _, st := range r.Status() {
			if st.Address.IsValid() {
				n++
			}
		}
		return n
	}
	applied := 0 // by whoever came last; the calls follow each other
	r, _ = runner(nil, func() {
		seen := count()
		if calls.Add(1) == 1 {
			go func() {
				defer close(ended)
				r.tell(second, mapped(two))
			}()
			for range 10_000 { // the other one has all the time to overtake
				if count() == 2 && calls.Load() == 2 {
					<-ended
					break
				}
				runtime.Gosched()
			}
		}
		applied = seen
	})
	first := r.newLink(t.Context(), key{netx.Gateway{Addr: one}, 6881})
	second = r.newLink(t.Context(), key{netx.Gateway{Addr: two}, 6881})
	r.links[key{netx.Gateway{Addr: one}, 6881}], r.links[key{netx.Gateway{Addr: two}, 6881}] = first, second
	r.tell(first, mapped(one))
	<-ended
	if applied != 2 {
		t.Errorf("%d routers are taken for mapped at last, want 2", applied)
	}
}

// TestPanicInACall: the session hears that its call came to nothing.
func TestPanicInACall(t *testing.T) {
	r, panics := runner(nil, func() {})
	r.client = nil // whatever is done with it panics
	l := r.newLink(t.Context(), key{netx.Gateway{Addr: netip.MustParseAddr("192.168.1.1")}, 6881})
	l.call(t.Context(), portmap.Call{Number: 7})
	if res := <-l.results; res.number != 7 || res.err == nil || panics.Load() != 1 {
		t.Errorf("%+v, %d panics", res, panics.Load())
	}
}

// deaf is a network on which nothing can be overheard.
type deaf struct {
	netx.Network
	gateway netx.Gateway
	end     func()
}

func (d *deaf) Gateways() ([]netx.Gateway, error) { return []netx.Gateway{d.gateway}, nil }

func (d *deaf) ListenUDP(context.Context, netip.AddrPort) (netx.PacketConn, error) {
	return nil, netx.ErrNoListening
}

func (d *deaf) ListenMulticast(context.Context, netip.AddrPort) (netx.MulticastConn, error) {
	d.end()
	panic("said by a router")
}

// TestPanicInOverhearing: it ends what is overheard, and no more.
func TestPanicInOverhearing(t *testing.T) {
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	r, panics := runner(&deaf{gateway: netx.Gateway{Addr: netip.MustParseAddr("192.168.1.1")}, end: end}, func() {})
	r.Run(ctx)
	if panics.Load() != 1 || r.hearing {
		t.Errorf("%d panics", panics.Load())
	}
}
