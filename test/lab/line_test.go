package lab

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ipFrame is an Ethernet frame with an IPv4 packet of so many bytes.
func ipFrame(size int) []byte {
	f := make([]byte, ethernetHeader+size)
	f[12], f[13] = unix.ETH_P_IP>>8, unix.ETH_P_IP&0xff
	return f
}

// TestLineTakes holds what becomes of each packet, with a clock of its own.
func TestLineTakes(t *testing.T) {
	start := time.Unix(1000, 0)
	frame := ipFrame(1000 - ethernetHeader)

	t.Run("loss", func(t *testing.T) {
		d := newDirection(Line{Loss: 0.05, Seed: 7}, 0)
		for range 100_000 {
			d.take(frame, start)
		}
		if lost := d.counts().Lost; lost < 4700 || lost > 5300 {
			t.Errorf("lost %d of 100,000", lost)
		}
	})
	t.Run("the same seed, the same losses", func(t *testing.T) {
		a, b, other := newDirection(Line{Loss: 0.5, Seed: 7}, 0), newDirection(Line{Loss: 0.5, Seed: 7}, 0), newDirection(Line{Loss: 0.5, Seed: 7}, 1)
		same := true
		for range 1000 {
			_, ofA := a.take(frame, start)
			_, ofB := b.take(frame, start)
			_, back := other.take(frame, start)
			if ofA != ofB {
				t.Fatal("two lines with one seed differ")
			}
			same = same && ofA == back
		}
		if same {
			t.Error("both ways of a line lose the same")
		}
	})
	t.Run("delay", func(t *testing.T) {
		d := newDirection(Line{Delay: 100 * time.Millisecond}, 0)
		if due, ok := d.take(frame, start); !ok || due.Sub(start) != 100*time.Millisecond {
			t.Errorf("%v %v", due.Sub(start), ok)
		}
	})
	t.Run("rate and queue", func(t *testing.T) {
		// A packet takes 10 ms, and three wait beside the one that is being sent.
		d := newDirection(Line{Rate: 100_000, Queue: 3000, Delay: time.Second}, 0)
		for n := range 4 {
			due, ok := d.take(frame, start)
			if want := time.Second + time.Duration(n+1)*10*time.Millisecond; !ok || due.Sub(start) != want {
				t.Errorf("packet %d: %v %v, want %v", n, due.Sub(start), ok, want)
			}
		}
		if _, ok := d.take(frame, start); ok || d.counts().Overflowed != 1 {
			t.Error("a queue held more than it is long")
		}
		if _, ok := d.take(frame, start.Add(10*time.Millisecond)); !ok {
			t.Error("a queue that has become shorter takes nothing")
		}
	})
	t.Run("MTU", func(t *testing.T) {
		d := newDirection(Line{MTU: 1400}, 0)
		_, fits := d.take(ipFrame(1400), start)
		_, large := d.take(ipFrame(1401), start)
		if !fits || large || d.counts().TooLarge != 1 {
			t.Errorf("%v %v %+v", fits, large, d.counts())
		}
	})
	t.Run("who has which address is never lost", func(t *testing.T) {
		d := newDirection(Line{Loss: 1}, 0)
		arp := make([]byte, 42)
		arp[12], arp[13] = unix.ETH_P_ARP>>8, unix.ETH_P_ARP&0xff
		neighbour := make([]byte, 80)
		neighbour[12], neighbour[13] = unix.ETH_P_IPV6>>8, unix.ETH_P_IPV6&0xff
		neighbour[ethernetHeader+6], neighbour[ethernetHeader+40] = unix.IPPROTO_ICMPV6, 135
		for _, f := range [][]byte{arp, neighbour} {
			if _, ok := d.take(f, start); !ok {
				t.Errorf("lost % x", f)
			}
		}
		if _, ok := d.take(ipFrame(100), start); ok {
			t.Error("IP passed a line that loses all")
		}
	})
}

// TestLine sends packets over a line between two switches.
func TestLine(t *testing.T) {
	l := New(t)
	west, east, anna, bert := l.Segment("west"), l.Segment("east"), l.Host("anna"), l.Host("bert")
	anna.Join(west, prefix("20.1.0.1/8"))
	bert.Join(east, prefix("20.2.0.1/8"))
	const delay = 20 * time.Millisecond
	cable := l.Line(west, east, Line{Delay: delay, MTU: 1400})
	a, b := socket(t, anna, "20.1.0.1:4000"), socket(t, bert, "20.2.0.1:5000")
	start := time.Now()
	tell(t, a, "ping", b.LocalAddr())
	_, from := hear(t, b)
	tell(t, b, "pong", from)
	hear(t, a)
	if took := time.Since(start); took < 2*delay {
		t.Errorf("there and back in %v", took)
	}
	tell(t, a, string(make([]byte, 1400)), b.LocalAddr())
	tell(t, a, "small", b.LocalAddr())
	if got, _ := hear(t, b); got != "small" {
		t.Errorf("%d bytes passed", len(got))
	}
	if there, back := cable.Counts(); there.TooLarge != 1 || there.Passed < 2 || back.Passed < 1 || there.Lost+back.Lost != 0 {
		t.Errorf("there %+v, back %+v", there, back)
	}
}
