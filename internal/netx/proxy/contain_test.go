package proxy

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// fragile dials connections of which one panics when it is read from for a certain time.
type fragile struct {
	netx.Network
	at atomic.Int32 // that read; 0: none any more
}

func (f *fragile) DialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	c, err := f.Network.DialTCP(ctx, to)
	return &fragileConn{Conn: c, f: f}, err
}

type fragileConn struct {
	net.Conn
	f     *fragile
	reads int32
}

func (c *fragileConn) Read(b []byte) (int, error) {
	if c.reads++; c.f.at.CompareAndSwap(c.reads, 0) {
		panic("planted")
	}
	return c.Conn.Read(b)
}

// A panic over what the proxy says costs one connection with it: it is tried again.
func TestPromise4_8_APanicCostsOneConnection(t *testing.T) {
	for what, at := range map[string]int32{"its choice of a login": 1, "its reply": 2} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, end := newWorld(t)
				defer end()
				stop := w.proxy.run(t, w.proxy.socks)
				base, panics := &fragile{Network: w.us}, atomic.Int32{}
				n := New(Config{Network: base, Server: Server{Scheme: SOCKS5, Host: "10.0.0.2", Port: 1080}, Panicked: func(any) { panics.Add(1) }})
				defer n.Close()
				synctest.Wait()
				u, err := n.ListenUDP(t.Context(), netip.AddrPort{})
				if err != nil {
					t.Fatal(err)
				}
				defer u.Close()
				stop()
				synctest.Wait()
				// It comes back, and somebody here chokes on what it says first.
				base.at.Store(at)
				defer w.proxy.run(t, w.proxy.socks)()
				time.Sleep(4 * again)
				synctest.Wait()
				hears(t, u, u.WriteTo)
				if panics.Load() != 1 {
					t.Error(panics.Load(), "panics")
				}
				base.at.Store(at)
				if c, err := n.DialTCP(t.Context(), echoAt); err == nil {
					c.Close()
					t.Error("connected in spite of a panic")
				}
				if panics.Load() != 2 {
					t.Error(panics.Load(), "panics")
				}
			})
		})
	}
}
