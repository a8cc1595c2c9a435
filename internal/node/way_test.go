package node

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/news"
)

// confined is a network by one way, which a test opens and closes.
type confined struct {
	netx.Network

	mu      sync.Mutex
	problem string
	changed chan struct{}
	mute    bool // nobody can connect, and no datagrams get through
}

func newConfined(nw netx.Network) *confined {
	return &confined{Network: nw, changed: make(chan struct{})}
}

func (c *confined) set(problem string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problem = problem
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *confined) Conditions() []netx.Condition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return []netx.Condition{{Via: "wg0", Problem: c.problem}}
}

func (c *confined) Changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *confined) ListenTCP(ctx context.Context, at netip.AddrPort) (net.Listener, error) {
	if c.mute {
		return nil, netx.ErrNoListening
	}
	return c.Network.ListenTCP(ctx, at)
}

func (c *confined) ListenUDP(ctx context.Context, at netip.AddrPort) (netx.PacketConn, error) {
	if c.mute {
		return nil, netx.ErrNoDatagrams
	}
	return c.Network.ListenUDP(ctx, at)
}

// TestWayCloses: while the only way is closed nobody is dialled, the user is told, and whoever waits for too long learns that it is
// not the others' fault; when it is open again everything goes on.
func TestWayCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		dir := t.TempDir()
		writeTree(t, dir, map[string]int{"a": 100_000})
		a := start(t, w.Host("10.0.0.1"), filepath.Join(dir, "home-a"))
		shared, err := a.Share(t.Context(), create.Request{Path: filepath.Join(dir, "a"), Format: "v1"}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		host := w.Host("10.0.0.2")
		way := newConfined(host)
		b := start(t, way, filepath.Join(dir, "home-b"))
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		events := b.Subscribe(ctx)
		synctest.Wait()
		way.set("is down")
		synctest.Wait()
		if e := <-events; e.Kind != news.EventNetwork || e.Text != "wg0 is down; nothing is sent" {
			t.Errorf("%+v", e)
		}
		req := GetRequest{Link: shared.Link, Peers: []string{peerOf(a)}, Wait: 5 * time.Second}
		o, err := b.Get(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		failed := await(t, events, o.ID, news.EventState)
		for failed.Err == nil {
			failed = await(t, events, o.ID, news.EventState)
		}
		if failed.Err.Exit != fault.ExitBlocked {
			t.Errorf("%v", failed.Err)
		}
		if dials := host.Dials(); len(dials) > 0 {
			t.Error("dialled", dials)
		}
		way.set("")
		if err := b.Resume(o.ID); err != nil {
			t.Fatal(err)
		}
		await(t, events, o.ID, news.EventDone)
		cancel()
		for range events {
		}
	})
}

// TestProxied: where nobody can connect and no datagrams get through, a node fetches all the same.
func TestProxied(t *testing.T) {
	w := netxtest.NewWorld(1)
	dir := t.TempDir()
	writeTree(t, dir, map[string]int{"a": 100_000})
	a := start(t, w.Host("10.0.0.1"), filepath.Join(dir, "home-a"))
	shared, err := a.Share(t.Context(), create.Request{Path: filepath.Join(dir, "a"), Format: "v1"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	way := newConfined(w.Host("10.0.0.2"))
	way.mute = true
	b := start(t, way, filepath.Join(dir, "home-b"), func(c *Config) { c.UTP, c.Offline, c.DHT = true, false, true })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events := b.Subscribe(ctx)
	o, err := b.Get(t.Context(), GetRequest{Link: shared.Link, Peers: []string{peerOf(a)}})
	if err != nil {
		t.Fatal(err)
	}
	await(t, events, o.ID, news.EventDone)
	if list := b.ListenAddrs(); len(list) > 0 || b.sockets.Port() != 0 || b.lan != nil {
		t.Error("listens at", list)
	}
}
