package portmap_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/portmap"
)

const second = time.Second

func TestEachProtocol(t *testing.T) {
	for _, tt := range []struct {
		p     portmap.Protocol
		asked []string
	}{
		{portmap.PCP, []string{"announce", "TCP 6881 for 7200", "UDP 6881 for 7200"}},
		{portmap.NATPMP, []string{"address", "TCP 6881 for 7200", "UDP 6881 for 7200"}},
		{portmap.UPnP, []string{"search", "search", "description", "address", "TCP 6881 for 3600", "UDP 6881 for 3600"}},
	} {
		t.Run(tt.p.String(), func(t *testing.T) {
			r := newRun(t, newRouter(tt.p), own)
			r.pass(10 * second)
			r.mapped(tt.p, "TCP=6881 UDP=6881")
			r.heard(tt.asked...)
			if st := r.s.Status(); st.Err != nil || tt.p != portmap.PCP && st.Address != external {
				t.Error(st)
			}
			r.s.Leave()
			r.pass(second)
			r.heard(map[portmap.Protocol][]string{
				portmap.PCP: {"TCP 6881 for 0", "UDP 6881 for 0"}, portmap.NATPMP: {"TCP 0 for 0", "UDP 0 for 0"}, portmap.UPnP: {"TCP 6881 for 0", "UDP 6881 for 0"},
			}[tt.p]...)
			if !r.s.Over() || len(r.r.ports) != 0 {
				t.Error("left behind:", r.r.ports)
			}
		})
	}
}

// The best protocol of a router is spoken, and none after it.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		speaks []portmap.Protocol
		want   portmap.Protocol
	}{
		{[]portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP}, portmap.PCP},
		{[]portmap.Protocol{portmap.NATPMP, portmap.UPnP}, portmap.NATPMP},
	} {
		r := newRun(t, newRouter(tt.speaks...), own)
		r.pass(0) // nothing is waited for
		r.mapped(tt.want, "TCP=6881 UDP=6881")
	}
	// One that refuses by one protocol may map by another.
	r := newRun(t, newRouter(portmap.PCP, portmap.UPnP), own)
	r.r.refuses = 2
	r.pass(second / 2)
	r.r.refuses = 0
	r.pass(10 * second)
	r.mapped(portmap.UPnP, "TCP=6881 UDP=6881")
}

func TestRenewal(t *testing.T) {
	for _, tt := range []struct {
		p    portmap.Protocol
		when time.Duration
	}{
		{portmap.PCP, time.Hour}, {portmap.NATPMP, time.Hour}, {portmap.UPnP, 10 * time.Minute},
	} {
		t.Run(tt.p.String(), func(t *testing.T) {
			r := newRun(t, newRouter(tt.p), own)
			r.pass(10 * second)
			began := r.s.Status().Ports[0].Since
			r.r.asked = nil
			r.pass(tt.when - 20*second)
			for _, what := range r.r.asked {
				if strings.Contains(what, "TCP") {
					t.Error("too early:", what)
				}
			}
			r.pass(30 * second)
			if !strings.Contains(strings.Join(r.r.asked, ","), "TCP 6881 for") || !strings.Contains(strings.Join(r.r.asked, ","), "UDP 6881 for") {
				t.Error("not renewed:", r.r.asked)
			}
			r.pass(48 * time.Hour)
			r.mapped(tt.p, "TCP=6881 UDP=6881")
			if p := r.s.Status().Ports[0]; p.Since != began {
				t.Error("since", p.Since.Sub(epoch))
			}
		})
	}
}

// A router that does not answer for a while keeps what it gave; one that does not until the end is asked anew.
func TestSilence(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		r := newRun(t, newRouter(p), own)
		r.pass(10 * second)
		r.r.silent = true
		r.pass(30 * time.Minute)
		r.mapped(p, "TCP=6881 UDP=6881")
		before := r.sent
		r.pass(90 * time.Minute)
		r.mapped(0, "")
		if n := r.sent - before; n > 1000 {
			t.Errorf("%v: sent %d while nobody answered", p, n)
		}
		r.r.silent = false
		r.pass(time.Hour)
		r.mapped(p, "TCP=6881 UDP=6881")
	}
}

func TestRouterReboots(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		t.Run(p.String(), func(t *testing.T) {
			r := newRun(t, newRouter(p), own)
			r.pass(time.Minute)
			r.r.reboot(r.now)
			r.pass(11 * time.Minute) // it is looked every five, and UPnP tells nothing
			if len(r.r.ports) != 2 {
				t.Error("not repaired:", r.r.ports)
			}
			r.mapped(p, "TCP=6881 UDP=6881")
		})
	}
}

// What a router says unasked has mappings repaired within seconds, and not again and again.
func TestRouterSaysThatItHasBegunAnew(t *testing.T) {
	r := newRun(t, newRouter(portmap.NATPMP), own)
	r.pass(time.Minute)
	r.r.reboot(r.now)
	r.r.asked = nil
	say := func(from string) {
		r.s.Hear(r.now, netip.MustParseAddrPort(from), append([]byte{0, 128, 0, 0, 0, 0, 0, 0}, external.AsSlice()...))
	}
	say("192.168.1.66:5351")
	say("192.168.1.1:5350")
	r.pass(6 * second)
	r.heard() // another machine, or another port of it
	for range 100 {
		say("192.168.1.1:5351")
		r.pass(100 * time.Millisecond)
	}
	r.heard("TCP 6881 for 7200", "UDP 6881 for 7200")
}

func TestConflict(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP} {
		r := newRun(t, newRouter(p), own)
		r.r.busy[6881] = true
		r.pass(10 * second)
		r.mapped(p, "TCP=50881 UDP=50881") // the router's choice, and then the same for both
	}
	r := newRun(t, newRouter(portmap.UPnP), own)
	r.r.busy[6881] = true
	r.pass(20 * second)
	st := r.s.Status()
	if len(st.Ports) != 2 || st.Ports[0].External != st.Ports[1].External || st.Ports[0].External.Port() == 6881 {
		t.Errorf("%+v", st)
	}
	// All are taken: a few are tried.
	r = newRun(t, newRouter(portmap.UPnP), own)
	for p := range 1 << 16 {
		r.r.busy[uint16(p)] = true
	}
	r.pass(30 * second)
	r.mapped(0, "")
	if n := len(r.r.asked); n > 20 {
		t.Error("asked", n, "times")
	}
	if err := r.s.Status().Err; err == nil || !strings.Contains(err.Error(), "other machines") {
		t.Error(err)
	}
	// Lost to another machine, after the router has forgotten.
	r = newRun(t, newRouter(portmap.UPnP), own)
	r.pass(10 * second)
	r.r.reboot(r.now)
	r.r.busy[6881] = true
	r.pass(11 * time.Minute)
	if st := r.s.Status(); len(st.Ports) != 2 || st.Ports[0].External.Port() == 6881 || r.r.ports["TCP"] != st.Ports[0].External.Port() {
		t.Errorf("%+v %v", st, r.r.ports)
	}
}

func TestEndlessLease(t *testing.T) {
	r := newRun(t, newRouter(portmap.UPnP), own)
	r.r.endless = true
	r.pass(10 * second)
	r.mapped(portmap.UPnP, "TCP=6881 UDP=6881")
	r.heard("search", "search", "description", "address", "TCP 6881 for 3600", "TCP 6881 for 0", "UDP 6881 for 0")
}

func TestNobodyMaps(t *testing.T) {
	r := newRun(t, newRouter(), own)
	if r.s.Status().Err != nil {
		t.Error("it has not been asked yet")
	}
	r.pass(20 * second)
	var un *portmap.Unmapped
	if err := r.s.Status().Err; !errors.As(err, &un) || err.Error() != "the router 192.168.1.1 maps no port (no answer to PCP, NAT-PMP, UPnP)" {
		t.Error(err)
	}
	before := r.sent
	r.pass(24 * time.Hour)
	if n := r.sent - before; n > 32*20 {
		t.Errorf("sent %d in a day", n)
	}
	// It is switched on, and found within an hour.
	r.r.speaks[portmap.UPnP] = true
	r.pass(62 * time.Minute)
	r.mapped(portmap.UPnP, "TCP=6881 UDP=6881")
	if err := r.s.Status().Err; err != nil {
		t.Error(err)
	}

	r = newRun(t, newRouter(portmap.NATPMP), own)
	r.r.refuses = 2
	r.pass(20 * second)
	if err := r.s.Status().Err; err == nil || !strings.Contains(err.Error(), "NAT-PMP: the router does not allow mappings") {
		t.Error(err)
	}
}

// One of two is better than none, and is said.
func TestPartly(t *testing.T) {
	r := newRun(t, newRouter(portmap.UPnP), own)
	r.pass(9 * time.Minute)
	r.r.refuses = 606
	// UDP alone is refused when it is renewed.
	r.now = r.s.Status().Ports[0].Since.Add(10 * time.Minute)
	for _, o := range r.s.Step(r.now) {
		r.r.refuses = 0
		body, err := r.r.call(o.Call)
		r.s.Called(r.now, o.Call.Number, body, err)
		r.r.refuses = 606
	}
	r.step()
	r.mapped(portmap.UPnP, "TCP=6881")
	var part *portmap.Partly
	if err := r.s.Status().Err; !errors.As(err, &part) || part.Transport != portmap.UDP || part.Error() != "the router does not map UDP port 6881: the router does not allow mappings" {
		t.Error(err)
	}
}

// IPv6 has no addresses to translate; what maps is PCP.
func TestIPv6(t *testing.T) {
	six := netip.MustParseAddr("2a0a:77::2")
	s := portmap.NewSession(portmap.Config{
		Router: netip.MustParseAddr("fe80::1%eth0"), Source: six, Port: 6881, Nonce: nonce, Rand: rand.New(rand.NewPCG(1, 2)),
	})
	now := epoch
	for now.Before(epoch.Add(time.Minute)) {
		for _, o := range s.Step(now) {
			if o.Call != nil || o.To != netip.MustParseAddrPort("[fe80::1%eth0]:5351") || o.Datagram[0] != 2 {
				t.Errorf("%+v", o)
			}
		}
		now = later(now, s)
	}
	var unmapped *portmap.Unmapped
	if !errors.As(s.Status().Err, &unmapped) || len(unmapped.Refusals) != 1 {
		t.Error(s.Status().Err)
	}
	// The answer comes from the address without or with the interface.
	now = later(now, s)
	for range 3 {
		for _, o := range s.Step(now) {
			b := append([]byte(nil), o.Datagram...)
			b[1] |= 0x80
			clear(b[8:24])
			if b[1] == 0x81 {
				a := six.As16()
				copy(b[44:], a[:])
			}
			s.Hear(now, netip.MustParseAddrPort("[fe80::1]:5351"), b)
		}
	}
	if st := s.Status(); len(st.Ports) != 2 || st.Ports[0].External != netip.AddrPortFrom(six, 6881) {
		t.Errorf("%+v", st)
	}
}

// A mapping that was asked for when we leave is removed, too.
func TestLeaveWhileAsking(t *testing.T) {
	for _, p := range []portmap.Protocol{portmap.PCP, portmap.NATPMP, portmap.UPnP} {
		r := newRun(t, newRouter(p), own)
		for len(r.r.ports) == 0 && r.now.Before(epoch.Add(time.Minute)) {
			for _, o := range r.s.Step(r.now) {
				if o.Call != nil {
					if body, err := r.r.call(o.Call); len(r.r.ports) == 0 {
						r.s.Called(r.now, o.Call.Number, body, err)
					}
				} else if b := r.r.answer(r.now, o.To, o.Datagram); b != nil && len(r.r.ports) == 0 {
					r.s.Hear(r.now, netip.AddrPortFrom(gateway, o.To.Port()), b)
				}
			}
			r.now = later(r.now, r.s)
		}
		if r.r.ports["TCP"] != 6881 {
			t.Fatal(p, r.r.ports)
		}
		r.s.Leave()
		r.pass(second)
		if !r.s.Over() || len(r.r.ports) != 0 {
			t.Error(p, "left behind:", r.r.ports)
		}
	}
}
