package node

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// mapper is a router that speaks NAT-PMP and gives everybody the port that it likes.
type mapper struct {
	host     *netxtest.Host
	external uint16

	mu     sync.Mutex
	mapped map[byte]bool
}

func (h *house) mapper(ip string, external uint16) *mapper {
	h.t.Helper()
	m := &mapper{host: h.world.Host(ip), external: external, mapped: map[byte]bool{}}
	conn, err := m.host.ListenUDP(h.t.Context(), netip.AddrPortFrom(m.host.Addr(), 5351))
	if err != nil {
		h.t.Fatal(err)
	}
	began := time.Now()
	go func() {
		b := make([]byte, 2000)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			out := binary.BigEndian.AppendUint32([]byte{0, b[1] | 0x80, 0, 0}, uint32(time.Since(began)/time.Second))
			switch {
			case b[0] != 0:
				out[3] = 1
			case n == 2:
				out = append(out, 20, 1, 0, 1)
			default:
				m.mu.Lock()
				m.mapped[b[1]] = binary.BigEndian.Uint32(b[8:]) > 0
				m.mu.Unlock()
				out = append(binary.BigEndian.AppendUint16(append(out, b[4:6]...), m.external), b[8:12]...)
			}
			_, _ = conn.WriteTo(out, from)
		}
	}()
	h.t.Cleanup(func() { conn.Close() })
	return m
}

func (m *mapper) count() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, on := range m.mapped {
		if on {
			n++
		}
	}
	return n
}

// ports serves a tracker that notes which ports it is told.
func (h *house) ports(ip string) (url string, log *asked) {
	h.t.Helper()
	l, err := h.world.Host(ip).ListenTCP(h.t.Context(), netip.MustParseAddrPort(ip+":80"))
	if err != nil {
		h.t.Fatal(err)
	}
	log = &asked{}
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/announce" {
			log.add("%s at %s", r.URL.Query().Get("event"), r.URL.Query().Get("port"))
		}
		_, _ = rw.Write([]byte("d8:intervali1800e5:peers0:e"))
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	h.t.Cleanup(func() {
		srv.Close()
		running.Wait()
	})
	return "http://" + ip + "/announce", log
}

// TestMappedPort: others are told the port that the router gives, and again when it has changed; the router's address is shown
// as ours; after the end nothing is mapped. Offline, and without the setting, no router is asked.
func TestMappedPort(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
		router := h.mapper("192.168.1.1", 50881)
		url, log := h.ports("1.1.9.9")
		host := h.world.Host("192.168.1.2")
		n := start(t, host, h.home("mapped"), func(c *Config) { c.Offline, c.PortMapping = false, true })
		h.req.Trackers = []string{url}
		h.share(n)
		<-time.After(time.Minute)
		inner := fmt.Sprintf("started at %d", n.sockets.Port())
		if got := told(log); !slices.Equal(got, []string{inner}) {
			t.Errorf("told %q, want %q", got, inner)
		}
		host.SetGateways(netx.Gateway{Addr: router.host.Addr(), Source: host.Addr()})
		<-time.After(time.Minute)
		if got := told(log); !slices.Equal(got, []string{"started at 50881"}) {
			t.Errorf("mapped, and told %q", got)
		}
		if st := n.Routers(); len(st) != 1 || len(st[0].Ports) != 2 || router.count() != 2 {
			t.Errorf("%+v, %d", st, router.count())
		}
		if got := n.External(); !slices.Equal(got, []netip.Addr{netip.MustParseAddr("20.1.0.1")}) {
			t.Error(got)
		}
		host.SetGateways()
		<-time.After(time.Minute)
		if got := told(log); !slices.Equal(got, []string{inner}) || router.count() != 0 {
			t.Errorf("%d mapped, and told %q", router.count(), got)
		}
		host.SetGateways(netx.Gateway{Addr: router.host.Addr(), Source: host.Addr()})
		<-time.After(time.Minute)
		_ = told(log)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		if got := told(log); !slices.Equal(got, []string{"stopped at 50881"}) || router.count() != 0 {
			t.Errorf("at the end %d mapped, and told %q", router.count(), got)
		}

		for name, change := range map[string]func(*Config){
			"offline": func(c *Config) { c.PortMapping = true },
			"not set": func(c *Config) { c.Offline = false },
			"silent":  func(c *Config) { c.Offline, c.PortMapping, c.Silent = false, true, true },
		} {
			n := start(t, host, h.home(name), change)
			<-time.After(time.Minute)
			if router.count() != 0 || len(n.Routers()) != 0 {
				t.Errorf("%s: %+v", name, n.Routers())
			}
		}
	})
}
