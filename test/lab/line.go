package lab

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Line is how a long cable between two switches treats the packets that go one way. The zero value hands on all at once.
type Line struct {
	// Delay is how long a packet is under way.
	Delay time.Duration
	// Loss is the share of IP packets that get lost, 0 to 1. Who has which address (ARP, neighbour discovery) does not.
	Loss float64
	// Rate is how many bytes per second the line takes, 0: as many as come.
	Rate int
	// Queue is how many bytes wait at its beginning while it is busy, and what comes then is lost; 0: a tenth of a second of
	// Rate. A line without Rate has no queue.
	Queue int
	// MTU is the size of the largest IP packet that passes. Larger ones vanish, and nobody is told; 0: 1500.
	MTU int
	// Seed chooses which packets are lost.
	Seed uint64
}

// Counts are what happened to the packets that entered a line at one end.
type Counts struct {
	// Passed came out at the other end; Lost were lost by chance, Overflowed when the queue was full, TooLarge for the MTU.
	Passed, Lost, Overflowed, TooLarge int64
}

// Cable is a line that is in use.
type Cable struct{ there, back *direction }

// Counts are those of the way from the first segment to the second, and those of the way back.
func (c *Cable) Counts() (there, back Counts) { return c.there.counts(), c.back.counts() }

// Line connects two switches by a cable that is the same both ways; to the hosts they are one segment.
func (l *Lab) Line(a, b *Segment, q Line) *Cable {
	l.t.Helper()
	left, right := a.plug(), b.plug()
	c := &Cable{newDirection(q, 0), newDirection(q, 1)}
	var running sync.WaitGroup
	running.Go(func() { c.there.read(left) })
	running.Go(func() { c.there.write(right) })
	running.Go(func() { c.back.read(right) })
	running.Go(func() { c.back.write(left) })
	l.t.Cleanup(func() {
		left.Close()
		right.Close()
		running.Wait()
	})
	return c
}

// plug puts a TAP device into the switch: its frames are the test's to carry.
func (s *Segment) plug() (tap *os.File) {
	s.bridge.t.Helper()
	s.cables++
	name := fmt.Sprintf("cable%d", s.cables)
	if err := s.bridge.Do(func() (err error) { tap, err = openTap(name); return err }); err != nil {
		s.bridge.t.Fatal(err)
	}
	s.bridge.ip(fmt.Sprintf("link set dev %s txqueuelen 5000 master br up", name))
	return tap
}

// openTap makes a TAP device in the namespace of this thread; it goes when the file is closed.
func openTap(name string) (*os.File, error) {
	const device = "/dev/net/tun"
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", device, err)
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("%s: %w", device, err)
	}
	return os.NewFile(uintptr(fd), device), nil
}

// direction is one way of a line.
type direction struct {
	Line
	rng   *rand.Rand
	clear time.Time // when the line will have taken all that waits at its beginning
	// under holds the frames that are under way, in order. It is bounded by what a line holds: see read.
	under chan frame

	passed, lost, overflowed, tooLarge atomic.Int64
}

// frame is one that is under way.
type frame struct {
	data []byte
	due  time.Time
}

// maxUnder is how many frames are under way at most: a fifth of a second of two gigabits.
const maxUnder = 1 << 15

func newDirection(q Line, stream uint64) *direction {
	if q.Queue == 0 {
		q.Queue = q.Rate / 10
	}
	if q.MTU == 0 {
		q.MTU = 1500
	}
	return &direction{Line: q, rng: rand.New(rand.NewPCG(q.Seed, stream)), under: make(chan frame, maxUnder)}
}

func (d *direction) counts() Counts {
	return Counts{d.passed.Load(), d.lost.Load(), d.overflowed.Load(), d.tooLarge.Load()}
}

// read takes frames until the device is closed, and decides what becomes of each.
func (d *direction) read(from *os.File) {
	defer close(d.under)
	buffer := make([]byte, ethernetHeader+1<<16)
	for {
		n, err := from.Read(buffer)
		if errors.Is(err, os.ErrClosed) {
			return
		}
		if err != nil {
			continue // the switch is down for a moment
		}
		due, ok := d.take(buffer[:n], time.Now())
		if !ok {
			continue
		}
		select {
		case d.under <- frame{append([]byte(nil), buffer[:n]...), due}:
		default:
			d.overflowed.Add(1)
		}
	}
}

// take decides whether a frame comes through, and when it is at the other end.
func (d *direction) take(data []byte, now time.Time) (due time.Time, ok bool) {
	switch {
	case len(data)-ethernetHeader > d.MTU:
		d.tooLarge.Add(1)
		return due, false
	// The dice are thrown for every frame that may get lost, so that a seed means the same whatever else happens.
	case mayVanish(data) && d.rng.Float64() < d.Loss:
		d.lost.Add(1)
		return due, false
	case d.Rate == 0:
		return now.Add(d.Delay), true
	}
	if d.clear.Before(now) {
		d.clear = now
	}
	if waiting := d.clear.Sub(now).Seconds() * float64(d.Rate); int(waiting) > d.Queue {
		d.overflowed.Add(1)
		return due, false
	}
	d.clear = d.clear.Add(time.Duration(len(data)) * time.Second / time.Duration(d.Rate))
	return d.clear.Add(d.Delay), true
}

// write lets each frame out when it is due.
func (d *direction) write(to *os.File) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for f := range d.under {
		if wait := time.Until(f.due); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		if _, err := to.Write(f.data); err == nil {
			d.passed.Add(1)
		}
	}
}

const ethernetHeader = 14

// mayVanish reports whether a frame carries IP, and more than the question of who has which address.
func mayVanish(frame []byte) bool {
	if len(frame) < ethernetHeader {
		return false
	}
	packet := frame[ethernetHeader:]
	switch uint16(frame[12])<<8 | uint16(frame[13]) {
	case unix.ETH_P_IP:
		return true
	case unix.ETH_P_IPV6:
		// RFC 4861: router solicitation, router advertisement, neighbour solicitation, neighbour advertisement, redirect.
		return len(packet) < 41 || packet[6] != unix.IPPROTO_ICMPV6 || packet[40] < 133 || packet[40] > 137
	}
	return false
}
