package portmap_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/wire/upnp"
)

// What does not come from the router, port and all, maps nothing.
func TestAnswersFromElsewhere(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		for _, from := range []string{"192.168.1.66:5351", "192.168.1.1:5352", "[2a0a:77::1]:5351", "20.1.0.1:5351"} {
			r := newRun(t, newRouter(p), own)
			for r.now.Before(epoch.Add(20 * time.Second)) {
				for _, o := range r.s.Step(r.now) {
					if b := r.r.answer(r.now, o.To, o.Datagram); b != nil {
						r.s.Hear(r.now, netip.MustParseAddrPort(from), b)
					}
				}
				r.now = later(r.now, r.s)
			}
			r.mapped(0, "")
		}
	}
}

// The answer to a search leads to the router that answers, or nowhere.
func TestLocationsElsewhere(t *testing.T) {
	for _, tt := range []struct {
		from, location string
		guessed        bool
		want           string // what is called
	}{
		{"192.168.1.1:1900", "http://192.168.1.1/d.xml", false, "http://192.168.1.1/d.xml"},
		{"192.168.1.1:49152", "http://192.168.1.1:80/d.xml", false, "http://192.168.1.1:80/d.xml"},
		{"192.168.1.1:1900", "http://192.168.1.66/d.xml", false, ""},
		{"192.168.1.1:1900", "http://127.0.0.1/d.xml", false, ""},
		{"192.168.1.1:1900", "http://[::ffff:127.0.0.1]/d.xml", false, ""},
		{"192.168.1.1:1900", "http://router.example/d.xml", false, ""},
		{"192.168.1.1:1900", "http://192.168.1.1@20.2.0.1/d.xml", false, ""},
		{"192.168.1.1:1900", "https://192.168.1.1/d.xml", false, ""},
		{"192.168.1.1:1900", "file:///etc/passwd", false, ""},
		{"192.168.1.1:1900", "http://192.168.1.1/" + strings.Repeat("x", 600), false, ""},
		{"192.168.1.66:1900", "http://192.168.1.66/d.xml", false, ""},
		{"192.168.1.66:1900", "http://192.168.1.66/d.xml", true, "http://192.168.1.66/d.xml"},
		{"192.168.1.66:1900", "http://192.168.1.1/d.xml", true, ""},
		{"20.2.0.1:1900", "http://20.2.0.1/d.xml", true, ""},
	} {
		s := portmap.NewSession(portmap.Config{Router: gateway, Guessed: tt.guessed, Source: own, Port: 6881, Rand: rand.New(rand.NewPCG(1, 2))})
		called := ""
		for now := epoch; now.Before(epoch.Add(10 * time.Second)); now = later(now, s) {
			for _, o := range s.Step(now) {
				if o.Call != nil {
					called = o.Call.URL
				} else if o.To.Port() == 1900 {
					s.Hear(now, netip.MustParseAddrPort(tt.from), []byte("HTTP/1.1 200 OK\r\nLOCATION: "+tt.location+"\r\n\r\n"))
				}
			}
		}
		if called != tt.want {
			t.Errorf("%+v: called %q", tt, called)
		}
	}
}

// A description that names another machine's service has nobody call it.
func TestServicesElsewhere(t *testing.T) {
	for url, want := range map[string]bool{
		"/ctl": true, "http://192.168.1.1:5001/ctl": true, "http://192.168.1.66/ctl": false, "http://localhost/ctl": false, "//20.2.0.1/ctl": false,
	} {
		r := newRun(t, newRouter(portmap.UPnP), own)
		called := false
		for r.now.Before(epoch.Add(10 * time.Second)) {
			for _, o := range r.s.Step(r.now) {
				switch {
				case o.Call == nil:
					if b := r.r.answer(r.now, o.To, o.Datagram); b != nil {
						r.s.Hear(r.now, netip.AddrPortFrom(gateway, o.To.Port()), b)
					}
				case o.Call.Action == "":
					r.s.Called(r.now, o.Call.Number, fmt.Appendf(nil, "<root><service><serviceType>%s</serviceType><controlURL>%s</controlURL></service></root>", service, url), nil)
				default:
					called = true
				}
			}
			r.now = later(r.now, r.s)
		}
		if called != want {
			t.Error(url, "called:", called)
		}
	}
}

// Lifetimes of nothing and of ever, and a router that gives port 0.
func TestAbsurdLifetimes(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		r := newRun(t, newRouter(p), own)
		r.r.lifetime = 1<<32 - 1
		r.pass(10 * time.Second)
		r.mapped(p, "TCP=6881 UDP=6881")
		if until := r.s.Status().Ports[0].Expires.Sub(r.now); until > 24*time.Hour {
			t.Error("believed for", until)
		}
		r = newRun(t, newRouter(p), own)
		r.r.lifetime = 1
		r.pass(time.Hour)
		r.mapped(p, "TCP=6881 UDP=6881")
		if r.sent > 2*4*60*2+100 {
			t.Error("sent", r.sent, "in an hour")
		}
	}
	for _, spoil := range map[string]func(b []byte){
		"lifetime 0": func(b []byte) { binary.BigEndian.PutUint32(b[12:], 0) },
		"port 0":     func(b []byte) { binary.BigEndian.PutUint16(b[10:], 0) },
	} {
		r := newRun(t, newRouter(portmap.NATPMP), own)
		for r.now.Before(epoch.Add(30 * time.Second)) {
			for _, o := range r.s.Step(r.now) {
				if b := r.r.answer(r.now, o.To, o.Datagram); b != nil {
					if len(b) == 16 {
						spoil(b)
					}
					r.s.Hear(r.now, netip.AddrPortFrom(gateway, o.To.Port()), b)
				}
			}
			r.now = later(r.now, r.s)
		}
		r.mapped(0, "")
	}
}

// A clock that says what it likes has mappings asked for again once a minute at most.
func TestWrongEpochs(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		r := newRun(t, newRouter(p), own)
		rng := rand.New(rand.NewPCG(3, 4))
		r.pass(10 * time.Second)
		before := r.sent
		for range 3600 {
			r.r.began = r.now.Add(-time.Duration(rng.Int64N(1<<31)) * time.Second)
			r.s.Hear(r.now, netip.AddrPortFrom(gateway, 5351), r.r.answer(r.now, netip.AddrPortFrom(gateway, 5351), map[portmap.Protocol][]byte{
				portmap.PCP: append([]byte{2, 0}, make([]byte, 22)...), portmap.NATPMP: {0, 0},
			}[p]))
			r.pass(time.Second)
		}
		if n := r.sent - before; n > 60*3+20 {
			t.Errorf("%v: sent %d in an hour", p, n)
		}
		r.mapped(p, "TCP=6881 UDP=6881")
	}
}

// Thousands of answers to a search have the router asked once.
func TestFloodOfFound(t *testing.T) {
	r := newRun(t, newRouter(portmap.UPnP), own)
	calls := 0
	for r.now.Before(epoch.Add(10 * time.Second)) {
		for _, o := range r.s.Step(r.now) {
			if o.Call != nil {
				calls++
				continue
			}
			for i := range 5000 {
				r.s.Hear(r.now, netip.AddrPortFrom(gateway, uint16(i+1)), fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1:%d/\r\n\r\n", i+1))
			}
		}
		r.now = later(r.now, r.s)
	}
	if calls != 1 {
		t.Error("called", calls, "times")
	}
}

// A call that is answered late, or twice, counts for nothing.
func TestLateCalls(t *testing.T) {
	r := newRun(t, newRouter(portmap.UPnP), own)
	r.pass(10 * time.Second)
	before := r.s.Status()
	for number := range 20 {
		r.s.Called(r.now, number, fault(606), nil)
		r.s.Called(r.now, number, nil, nil)
	}
	if after := r.s.Status(); len(after.Ports) != len(before.Ports) || after.Err != nil {
		t.Errorf("%+v", after)
	}
}

// FuzzSession has a router answer anything at any time.
func FuzzSession(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7}, uint64(1))
	f.Add([]byte("\x05\x80\x00\x00\x00\x00\x00\x09\x14\x01\x00\x01\x05\x82\x00\x00\x00"), uint64(2))
	f.Add([]byte("\x06HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1/\r\n\r\n"), uint64(3))
	f.Fuzz(func(t *testing.T, script []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := newRouter(portmap.PCP, portmap.NATPMP, portmap.UPnP)
		s := portmap.NewSession(portmap.Config{Router: gateway, Source: own, Port: 6881, Nonce: nonce, Rand: rng})
		now := epoch
		from := netip.AddrPortFrom(gateway, 5351)
		for len(script) > 0 {
			var op byte
			op, script = script[0], script[1:]
			out := s.Step(now)
			if len(out) > 8 {
				t.Fatal("sends", len(out))
			}
			for _, o := range out {
				switch {
				case op&3 == 0:
				case o.Call != nil && op&3 == 1:
					n := min(len(script), int(op))
					s.Called(now, o.Call.Number, script[:n], nil)
				case o.Call != nil:
					body, err := r.call(o.Call)
					s.Called(now, o.Call.Number, body, err)
				case op&3 == 1:
					n := min(len(script), int(op))
					s.Hear(now, netip.AddrPortFrom(gateway, o.To.Port()), script[:n])
				default:
					if b := r.answer(now, o.To, o.Datagram); b != nil {
						if op&4 != 0 && len(script) > 0 {
							b[int(script[0])%len(b)] ^= op
						}
						s.Hear(now, netip.AddrPortFrom(gateway, o.To.Port()), b)
					}
				}
			}
			if op&8 != 0 {
				s.Hear(now, from, script[:min(len(script), 60)])
			}
			if op == 255 {
				s.Leave()
			}
			if _, ok := s.Next(); ok == s.Over() {
				t.Fatal("a session that waits for nothing")
			}
			now = later(now, s)
			for _, p := range s.Status().Ports {
				if p.External.Port() == 0 || p.Expires.Sub(now) > 24*time.Hour {
					t.Fatalf("%+v", p)
				}
			}
		}
	})
}

// The bodies that are sent are not longer than they have to be, whatever a router calls its services.
func TestBodiesAreBounded(t *testing.T) {
	if n := len((upnp.Mapping{Description: "potluck", Internal: netip.AddrPortFrom(own, 1)}).AppendAdd(nil, upnp.ServiceTypes[0])); n > 1000 {
		t.Error(n)
	}
}
