package portmap_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/wire/pcp"
	"github.com/potluck-p2p/potluck/internal/wire/upnp"
)

var (
	epoch    = time.Unix(1_800_000_000, 0)
	gateway  = netip.MustParseAddr("192.168.1.1")
	own      = netip.MustParseAddr("192.168.1.2")
	external = netip.MustParseAddr("20.1.0.1")
	nonce    = pcp.Nonce{1, 2, 3}
)

// router is one that plays the protocols it speaks, to the letter unless told otherwise.
type router struct {
	speaks   map[portmap.Protocol]bool
	began    time.Time
	lifetime uint32            // what it gives; 0: what is asked for
	ports    map[string]uint16 // external port by transport
	busy     map[uint16]bool   // external ports that others have
	refuses  uint16            // a result, for every mapping
	endless  bool              // UPnP without leases
	silent   bool
	dead     bool // calls fail

	asked []string // what it was asked, in short
}

func newRouter(speaks ...portmap.Protocol) *router {
	r := &router{speaks: map[portmap.Protocol]bool{}, began: epoch.Add(-1000 * time.Second), ports: map[string]uint16{}, busy: map[uint16]bool{}}
	for _, p := range speaks {
		r.speaks[p] = true
	}
	return r
}

// reboot forgets everything.
func (r *router) reboot(now time.Time) {
	r.began, r.ports = now, map[string]uint16{}
}

func (r *router) note(format string, args ...any) {
	r.asked = append(r.asked, fmt.Sprintf(format, args...))
}

// give maps a port, or another one if others have it.
func (r *router) give(transport string, suggested uint16, lifetime uint32) (uint16, uint32) {
	if lifetime == 0 {
		delete(r.ports, transport)
		return 0, 0
	}
	for suggested == 0 || r.busy[suggested] {
		suggested = 50_000 + suggested%1000
	}
	r.ports[transport] = suggested
	if r.lifetime != 0 {
		lifetime = r.lifetime
	}
	return suggested, lifetime
}

func (r *router) seconds(now time.Time) uint32 { return uint32(now.Sub(r.began) / time.Second) }

// answer is the answer to a datagram, nil for none.
func (r *router) answer(now time.Time, to netip.AddrPort, b []byte) []byte {
	switch {
	case r.silent:
		return nil
	case to.Port() == 1900:
		if !r.speaks[portmap.UPnP] || to.Addr() != gateway {
			return nil
		}
		r.note("search")
		return []byte("HTTP/1.1 200 OK\r\nLOCATION: http://192.168.1.1:5000/desc.xml\r\nST: x\r\n\r\n")
	case b[0] == 2 && r.speaks[portmap.PCP]:
		return r.answerPCP(now, b)
	case b[0] == 2 && r.speaks[portmap.NATPMP]:
		return []byte{0, b[1] | 0x80, 0, 1, 0, 0, 0, 9} // RFC 6886: unsupported version
	case b[0] == 0 && r.speaks[portmap.NATPMP]:
		return r.answerNATPMP(now, b)
	}
	return nil
}

func (r *router) answerPCP(now time.Time, b []byte) []byte {
	out := make([]byte, len(b))
	copy(out, b)
	out[1] |= 0x80
	clear(out[4:24])
	binary.BigEndian.PutUint32(out[8:], r.seconds(now))
	if b[1] == 0 {
		r.note("announce")
		return out
	}
	transport := map[byte]string{6: "TCP", 17: "UDP"}[b[36]]
	lifetime, suggested := binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint16(b[42:])
	r.note("%s %d for %d", transport, suggested, lifetime)
	if r.refuses != 0 {
		out[3] = byte(r.refuses)
		return out
	}
	port, life := r.give(transport, suggested, lifetime)
	binary.BigEndian.PutUint32(out[4:], life)
	binary.BigEndian.PutUint16(out[42:], port)
	a := external.As16()
	copy(out[44:], a[:])
	return out
}

func (r *router) answerNATPMP(now time.Time, b []byte) []byte {
	out := binary.BigEndian.AppendUint32([]byte{0, b[1] | 0x80, 0, 0}, r.seconds(now))
	if b[1] == 0 {
		r.note("address")
		return append(out, external.AsSlice()...)
	}
	transport := map[byte]string{2: "TCP", 1: "UDP"}[b[1]]
	lifetime, suggested := binary.BigEndian.Uint32(b[8:]), binary.BigEndian.Uint16(b[6:])
	r.note("%s %d for %d", transport, suggested, lifetime)
	if r.refuses != 0 {
		binary.BigEndian.PutUint16(out[2:], r.refuses)
		return out
	}
	port, life := r.give(transport, suggested, lifetime)
	out = append(out, b[4], b[5])
	out = binary.BigEndian.AppendUint16(out, port)
	return binary.BigEndian.AppendUint32(out, life)
}

const service = "urn:schemas-upnp-org:service:WANIPConnection:1"

// call answers a call over HTTP.
func (r *router) call(c *portmap.Call) ([]byte, error) {
	if r.dead {
		return nil, errors.New("connection refused")
	}
	if c.Action == "" {
		r.note("description")
		return []byte(`<root><device><serviceList><service><serviceType>` + service + `</serviceType><controlURL>/ctl</controlURL></service></serviceList></device></root>`), nil
	}
	body := string(c.Body)
	arg := func(name string) string {
		_, rest, _ := strings.Cut(body, "<"+name+">")
		text, _, _ := strings.Cut(rest, "<")
		return text
	}
	var port uint16
	var lease uint32
	fmt.Sscan(arg("NewExternalPort"), &port)
	fmt.Sscan(arg("NewLeaseDuration"), &lease)
	transport := arg("NewProtocol")
	switch c.Action {
	case upnp.Header(service, upnp.GetExternalIPAddress):
		r.note("address")
		return envelope(`<x:GetExternalIPAddressResponse><NewExternalIPAddress>` + external.String() + `</NewExternalIPAddress></x:GetExternalIPAddressResponse>`), nil
	case upnp.Header(service, upnp.AddPortMapping):
		r.note("%s %d for %d", transport, port, lease)
		switch {
		case r.refuses != 0:
			return fault(r.refuses), nil
		case r.busy[port]:
			return fault(718), nil
		case r.endless && lease != 0:
			return fault(725), nil
		}
		r.ports[transport] = port
		return envelope(`<x:AddPortMappingResponse/>`), nil
	case upnp.Header(service, upnp.DeletePortMapping):
		r.note("%s %d for 0", transport, port)
		delete(r.ports, transport)
		return envelope(`<x:DeletePortMappingResponse/>`), nil
	}
	return nil, errors.New("unknown action " + c.Action)
}

func envelope(body string) []byte {
	return []byte("<s:Envelope><s:Body>" + body + "</s:Body></s:Envelope>")
}

func fault(code uint16) []byte {
	return envelope(fmt.Sprintf("<s:Fault><detail><UPnPError><errorCode>%d</errorCode></UPnPError></detail></s:Fault>", code))
}

// run is a session and the router before it, in virtual time.
type run struct {
	t   *testing.T
	s   *portmap.Session
	r   *router
	now time.Time
	// sent counts what the session has sent.
	sent int
}

func newRun(t *testing.T, r *router, source netip.Addr) *run {
	s := portmap.NewSession(portmap.Config{
		Router: gateway, Source: source, Port: 6881, Nonce: nonce, Description: "potluck", Rand: rand.New(rand.NewPCG(1, 2)),
	})
	return &run{t: t, s: s, r: r, now: epoch}
}

// step does what is due now, and all that follows at once.
func (r *run) step() {
	r.t.Helper()
	for i := 0; ; i++ {
		if i > 100 {
			r.t.Fatal("a session without rest")
		}
		out := r.s.Step(r.now)
		if len(out) == 0 {
			return
		}
		r.sent += len(out)
		for _, o := range out {
			if o.Call != nil {
				if o.Call.At != gateway {
					r.t.Error("a call to", o.Call.At)
				}
				if r.r.silent {
					continue
				}
				body, err := r.r.call(o.Call)
				r.s.Called(r.now, o.Call.Number, body, err)
			} else if b := r.r.answer(r.now, o.To, o.Datagram); b != nil {
				r.s.Hear(r.now, netip.AddrPortFrom(gateway, o.To.Port()), b)
			}
		}
	}
}

// pass lets time pass.
func (r *run) pass(d time.Duration) {
	r.t.Helper()
	end := r.now.Add(d)
	for {
		r.step()
		next, ok := r.s.Next()
		if !ok || next.After(end) {
			r.now = end
			return
		}
		r.now = later(r.now, r.s)
	}
}

// later is when to go on.
func later(now time.Time, s *portmap.Session) time.Time {
	if next, ok := s.Next(); ok && next.After(now) {
		return next
	}
	return now
}

// mapped checks what the session says is mapped: "TCP=PORT UDP=PORT".
func (r *run) mapped(p portmap.Protocol, want string) {
	r.t.Helper()
	st := r.s.Status()
	var got []string
	for _, m := range st.Ports {
		got = append(got, fmt.Sprintf("%v=%d", m.Transport, m.External.Port()))
		if m.External.Addr() != external || m.Internal != 6881 || !m.Expires.After(r.now) || m.Since.After(r.now) {
			r.t.Errorf("%+v", m)
		}
	}
	if text := strings.Join(got, " "); text != want || st.Protocol != p {
		r.t.Errorf("%v maps %q, want %v %q (%v)", st.Protocol, text, p, want, st.Err)
	}
}

// heard takes what the router was asked since the last time.
func (r *run) heard(want ...string) {
	r.t.Helper()
	if got := strings.Join(r.r.asked, ", "); got != strings.Join(want, ", ") {
		r.t.Errorf("asked %q, want %q", got, want)
	}
	r.r.asked = nil
}
