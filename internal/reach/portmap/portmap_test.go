package portmap_test

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/reach/portmap"
)

// node is a runner on a host.
type node struct {
	*portmap.Runner
	changed atomic.Int64
	end     context.CancelFunc
	ended   chan struct{}
}

func start(t *testing.T, nw netx.Network) *node {
	n := &node{ended: make(chan struct{})}
	n.Runner = portmap.New(portmap.Config{
		Network: nw, Port: func(netip.Addr) uint16 { return 6881 }, Description: "potluck", UserAgent: "potluck/0",
		Rand: func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }, Log: slog.New(slog.DiscardHandler),
		Changed: func() { n.changed.Add(1) }, Panicked: func(p any) { t.Error(p) },
	})
	var ctx context.Context
	ctx, n.end = context.WithCancel(t.Context())
	go func() {
		n.Run(ctx)
		close(n.ended)
	}()
	t.Cleanup(n.stop)
	return n
}

// stop ends the runner and waits for it.
func (n *node) stop() {
	n.end()
	<-n.ended
}

// status is that of the only router.
func (n *node) status(t *testing.T) protocol.Status {
	t.Helper()
	list := n.Status()
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	return list[0]
}

const both = "TCP 6881, UDP 6881"

func TestMapsAndRemoves(t *testing.T) {
	for p, speak := range map[protocol.Protocol]func(*testing.T, *router){
		protocol.NATPMP: func(t *testing.T, r *router) { r.speakNATPMP(t) },
		protocol.UPnP:   func(t *testing.T, r *router) { r.speakUPnP(t, nil) },
	} {
		t.Run(p.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				us, r := w.Host("192.168.1.2"), newRouter(t, w, "192.168.1.1")
				us.SetGateways(r.gateway("192.168.1.2"))
				speak(t, r)
				n := start(t, us)
				time.Sleep(20 * time.Second)
				st := n.status(t)
				if r.has() != both || st.Protocol != p || st.Address != netip.MustParseAddr("20.1.0.1") || len(st.Ports) != 2 || st.Err != nil {
					t.Errorf("%q, %+v", r.has(), st)
				}
				if n.changed.Load() == 0 {
					t.Error("nobody was told")
				}
				time.Sleep(48 * time.Hour)
				if before := n.changed.Load(); r.has() != both || before > 20 {
					t.Errorf("%q after two days, told %d times", r.has(), before)
				}
				n.stop()
				if r.has() != "" {
					t.Error("left behind:", r.has())
				}
				if n.changed.Load() > 20 {
					t.Error("told of the end")
				}
			})
		})
	}
}

// A router that says nothing holds up the end for two seconds at most.
func TestEndIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, r := w.Host("192.168.1.2"), newRouter(t, w, "192.168.1.1")
		us.SetGateways(r.gateway("192.168.1.2"))
		r.speakUPnP(t, nil)
		n := start(t, us)
		time.Sleep(time.Minute)
		if r.has() != both {
			t.Fatal(r.has())
		}
		w.SetLink(us, r.host, netxtest.Link{Cut: true})
		began := time.Now()
		n.stop()
		if took := time.Since(began); took > 3*time.Second {
			t.Error("took", took)
		}
	})
}

// When the router or our address changes, the old mappings are removed and new ones asked for.
func TestNetworkChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us := w.Host("192.168.1.2", "192.168.2.2")
		one, two := newRouter(t, w, "192.168.1.1"), newRouter(t, w, "192.168.2.1")
		one.speakNATPMP(t)
		two.speakNATPMP(t)
		n := start(t, us)
		time.Sleep(time.Minute)
		if len(n.Status()) != 0 {
			t.Errorf("%+v", n.Status())
		}
		us.SetGateways(one.gateway("192.168.1.2"))
		time.Sleep(time.Minute)
		if one.has() != both || two.has() != "" {
			t.Errorf("%q, %q", one.has(), two.has())
		}
		us.SetGateways(two.gateway("192.168.2.2"))
		told := n.changed.Load()
		time.Sleep(time.Minute)
		if one.has() != "" || two.has() != both || n.changed.Load() == told {
			t.Errorf("%q, %q", one.has(), two.has())
		}
		us.SetGateways()
		time.Sleep(time.Minute)
		if two.has() != "" || len(n.Status()) != 0 {
			t.Errorf("%q, %+v", two.has(), n.Status())
		}
	})
}

// roundabout is a network by a way that has no routers, such as a proxy.
type roundabout struct{ netx.Network }

func TestNoRouterIsAskedByAnotherWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, r := w.Host("192.168.1.2"), newRouter(t, w, "192.168.1.1")
		us.SetGateways(r.gateway("192.168.1.2"))
		r.speakNATPMP(t)
		n := start(t, roundabout{us})
		time.Sleep(time.Hour)
		n.stop()
		if r.asked != 0 || len(n.Status()) != 0 {
			t.Error(r.asked, n.Status())
		}
	})
}

// What a router answers over HTTP is bounded, comes in time, and leads nowhere else.
func TestHostileRouters(t *testing.T) {
	for name, handle := range map[string]http.HandlerFunc{
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://192.168.1.66:80/secret", http.StatusTemporaryRedirect)
		},
		"redirects to itself": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again"+r.URL.Path, http.StatusTemporaryRedirect)
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := io.WriteString(w, strings.Repeat("<root>", 1000)); err != nil {
					return
				}
			}
		},
		"silent":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"garbage": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "\x00\xff<<<") },
		"denies":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				us, r, victim := w.Host("192.168.1.2"), newRouter(t, w, "192.168.1.1"), newRouter(t, w, "192.168.1.66")
				us.SetGateways(r.gateway("192.168.1.2"))
				var visits atomic.Int64
				victim.web(t, netip.MustParseAddrPort("192.168.1.66:80"), func(http.ResponseWriter, *http.Request) { visits.Add(1) })
				r.speakUPnP(t, handle)
				n := start(t, us)
				time.Sleep(40 * time.Second)
				if st := n.status(t); st.Err == nil || !strings.Contains(st.Err.Error(), "UPnP") || len(st.Ports) > 0 {
					t.Errorf("%+v", st)
				}
				if visits.Load() != 0 {
					t.Error("the other machine was asked")
				}
				n.stop()
				r.close()
				victim.close()
			})
		})
	}
}

// Thousands of answers from all over the network hold up nothing.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, r, rogue := w.Host("192.168.1.2"), newRouter(t, w, "192.168.1.1"), w.Host("192.168.1.66")
		us.SetGateways(r.gateway("192.168.1.2"))
		r.speakUPnP(t, nil)
		n := start(t, us)
		conn, err := rogue.ListenUDP(t.Context(), netip.MustParseAddrPort("192.168.1.66:1900"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for range 200 {
			time.Sleep(100 * time.Millisecond)
			for port := uint16(40000); port < 40010; port++ {
				_, _ = conn.WriteTo([]byte("HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.66/\r\n\r\n"), netip.AddrPortFrom(us.Addr(), port))
			}
		}
		if r.has() != both {
			t.Errorf("%q, %+v", r.has(), n.Status())
		}
	})
}
