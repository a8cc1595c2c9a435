package lab

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// patience is how long something may take that takes no time.
const patience = 20 * time.Second

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// socket opens a UDP socket on a host.
func socket(t *testing.T, h *Host, address string) net.PacketConn {
	t.Helper()
	c, err := h.ListenPacket("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// tell sends text to an address.
func tell(t *testing.T, c net.PacketConn, text string, to net.Addr) {
	t.Helper()
	if _, err := c.WriteTo([]byte(text), to); err != nil {
		t.Fatal(err)
	}
}

// hear waits for the next text, and says who sent it.
func hear(t *testing.T, c net.PacketConn) (text string, from net.Addr) {
	t.Helper()
	b := make([]byte, 2000)
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	n, from, err := c.ReadFrom(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n]), from
}

// pair is two hosts on one segment.
func pair(t *testing.T, l *Lab) (anna, bert *Host, s *Segment) {
	t.Helper()
	s, anna, bert = l.Segment("net"), l.Host("anna"), l.Host("bert")
	anna.Join(s, prefix("20.1.0.1/8"), prefix("2001:db8::1/64"))
	bert.Join(s, prefix("20.2.0.1/8"), prefix("2001:db8::2/64"))
	return anna, bert, s
}

func TestSegment(t *testing.T) {
	l := New(t)
	anna, bert, _ := pair(t, l)
	for _, at := range []string{"20.2.0.1:5000", "[2001:db8::2]:5000"} {
		listener, err := bert.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		conn, err := anna.Dial(t.Context(), "tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		to := socket(t, bert, at)
		tell(t, socket(t, anna, ":0"), "hello", to.LocalAddr())
		if got, _ := hear(t, to); got != "hello" {
			t.Errorf("%s: got %q", at, got)
		}
	}
	// A stranger is on no segment, and a program runs on the host that it is started on.
	if conn, err := l.Host("carl").Dial(t.Context(), "tcp", "20.2.0.1:5000"); err == nil {
		conn.Close()
		t.Error("a host without a cable reached another")
	}
	out, err := anna.Command(t.Context(), "cat", "/proc/net/dev").CombinedOutput()
	if err != nil || !strings.Contains(string(out), " net:") {
		t.Errorf("%v %s", err, out)
	}
}

func TestDownAndUp(t *testing.T) {
	anna, bert, s := pair(t, New(t))
	anna.Route(prefix("30.0.0.0/8"), addr("20.2.0.1"))
	bert.Join(New(t).Segment("far"), prefix("30.0.0.1/8"))
	from, to := socket(t, anna, "20.1.0.1:0"), socket(t, bert, "30.0.0.1:5000")
	anna.Down(s)
	if _, err := from.WriteTo([]byte("x"), to.LocalAddr()); err == nil {
		t.Error("it sent over an interface that is down")
	}
	anna.Up(s)
	tell(t, from, "again", to.LocalAddr())
	if got, _ := hear(t, to); got != "again" {
		t.Errorf("got %q", got)
	}
	anna.Leave(s)
	if _, err := from.WriteTo([]byte("x"), to.LocalAddr()); err == nil {
		t.Error("it sent over an interface that is gone")
	}
}

func TestNAT(t *testing.T) {
	for _, c := range []struct {
		kind NATKind
		same bool // towards all
		open bool // to all
	}{
		{PortRestricted, true, false},
		{FullCone, true, true},
		{Symmetric, false, false},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			l := New(t)
			inside, outside := l.Segment("in"), l.Segment("out")
			anna, router := l.Host("anna"), l.Host("router")
			bert, carl := l.Host("bert"), l.Host("carl")
			anna.Join(inside, prefix("192.168.1.2/24"))
			router.Join(inside, prefix("192.168.1.1/24"))
			router.Join(outside, prefix("20.9.0.1/8"))
			bert.Join(outside, prefix("20.1.0.1/8"))
			carl.Join(outside, prefix("20.2.0.1/8"))
			anna.Gateway(addr("192.168.1.1"))
			router.NAT(inside, outside, c.kind)

			b, b2, cc := socket(t, bert, ":5000"), socket(t, bert, ":5001"), socket(t, carl, ":5000")
			toBert, toCarl := &net.UDPAddr{IP: net.IP{20, 1, 0, 1}, Port: 5000}, &net.UDPAddr{IP: net.IP{20, 2, 0, 1}, Port: 5000}

			// Who talks to two is seen by both at one address, or not.
			all := map[string]bool{}
			for port := 4000; port < 4003; port++ {
				a := socket(t, anna, fmt.Sprintf(":%d", port))
				tell(t, a, "to bert", toBert)
				_, atBert := hear(t, b)
				tell(t, a, "to carl", toCarl)
				_, atCarl := hear(t, cc)
				for _, at := range []net.Addr{atBert, atCarl} {
					if !strings.HasPrefix(at.String(), "20.9.0.1:") {
						t.Errorf("seen at %v, not at the router's", at)
					}
					all[at.String()] = true
				}
			}
			if want := map[bool]int{true: 3, false: 6}[c.same]; len(all) != want {
				t.Errorf("3 ports have %d addresses outside, want %d: %v", len(all), want, all)
			}

			// Who talks to one is reached by that one, and by others or not.
			a := socket(t, anna, ":4100")
			tell(t, a, "to bert", toBert)
			_, at := hear(t, b)
			tell(t, cc, "from a stranger", at)
			tell(t, b2, "from another port", at)
			tell(t, b, "an answer", at)
			var heard []string
			for len(heard) == 0 || heard[len(heard)-1] != "an answer" {
				text, _ := hear(t, a)
				heard = append(heard, text)
			}
			if want := map[bool]int{true: 3, false: 1}[c.open]; len(heard) != want {
				t.Errorf("heard %q", heard)
			}

			// Nobody is told that the router is closed.
			tell(t, cc, "hello?", &net.UDPAddr{IP: net.IP{20, 9, 0, 1}, Port: 4999})
			tell(t, a, "to carl", toCarl)
			if text, _ := hear(t, cc); text != "to carl" {
				t.Errorf("got %q", text)
			}
		})
	}
}

func TestRules(t *testing.T) {
	anna, bert, _ := pair(t, New(t))
	bert.Rules(`table inet deaf {
	chain input {
		type filter hook input priority filter;
		udp dport 5000 drop
	}
}`)
	shut, open := socket(t, bert, ":5000"), socket(t, bert, ":5001")
	from := socket(t, anna, ":0")
	tell(t, from, "dropped", &net.UDPAddr{IP: net.IP{20, 2, 0, 1}, Port: 5000})
	tell(t, from, "passes", &net.UDPAddr{IP: net.IP{20, 2, 0, 1}, Port: 5001})
	hear(t, open)
	if err := shut.SetReadDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := shut.ReadFrom(make([]byte, 10)); err == nil {
		t.Error("a rule was not heeded")
	}
}

func TestCapture(t *testing.T) {
	anna, bert, s := pair(t, New(t))
	carl := New(t).Host("carl")
	carl.Join(s, prefix("20.3.0.1/8"))
	captures := map[*Host]*Capture{anna: anna.Capture(t), bert: bert.Capture(t), carl: carl.Capture(t)}
	from, to := socket(t, anna, "20.1.0.1:4000"), socket(t, bert, "20.2.0.1:5000")
	before := time.Now()
	tell(t, from, "secret", to.LocalAddr())
	hear(t, to)
	tell(t, socket(t, bert, "127.0.0.1:6000"), "to myself", socket(t, bert, "127.0.0.1:6001").LocalAddr())
	want := Flow{UDP, netip.MustParseAddrPort("20.1.0.1:4000"), netip.MustParseAddrPort("20.2.0.1:5000")}
	self := Flow{UDP, netip.MustParseAddrPort("127.0.0.1:6000"), netip.MustParseAddrPort("127.0.0.1:6001")}
	for host, want := range map[*Host][]string{
		anna: {fmt.Sprintf("net out %v secret", want)},
		bert: {fmt.Sprintf("net in %v secret", want), fmt.Sprintf("lo out %v to myself", self), fmt.Sprintf("lo in %v to myself", self)},
		carl: nil,
	} {
		var got []string
		for deadline := time.Now().Add(patience); len(got) < len(want) && time.Now().Before(deadline); {
			got = nil
			for _, p := range captures[host].Packets() {
				if f, ok := p.Flow(); ok {
					way := map[bool]string{true: "out", false: "in"}[p.Out]
					got = append(got, fmt.Sprintf("%s %s %v %s", p.Iface, way, f, p.Data[ethernetHeader+28:]))
					if p.Time.Before(before.Add(-time.Second)) || p.Time.After(time.Now().Add(time.Second)) {
						t.Errorf("seen at %v", p.Time)
					}
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s saw %q, want %q", host.Name(), got, want)
		}
	}
}

// TestFlow reads packets that are cut off anywhere.
func TestFlow(t *testing.T) {
	whole := append(make([]byte, 12), 8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0, 20, 1, 0, 1, 20, 2, 0, 1, 0x0f, 0xa0, 0x13, 0x88)
	for n := range whole {
		if f, ok := (Packet{Data: whole[:n]}).Flow(); ok {
			t.Errorf("%d bytes: %v", n, f)
		}
	}
	want := Flow{UDP, netip.MustParseAddrPort("20.1.0.1:4000"), netip.MustParseAddrPort("20.2.0.1:5000")}
	if f, ok := (Packet{Data: whole}).Flow(); !ok || f != want {
		t.Errorf("got %v %v", f, ok)
	}
}
