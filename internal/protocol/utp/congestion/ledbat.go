package congestion

import (
	"math"
	"time"
)

const (
	// ledbatTarget is the delay aimed at. BEP 29: "Currently the delay target is set to 100 ms."
	ledbatTarget = 100 * time.Millisecond
	// ledbatExit is the delay that ends slow start: what was sent since then has not been felt yet.
	ledbatExit = ledbatTarget * 3 / 4
	// ledbatGain is the most by which the window grows in a round trip, in bytes: two packets, as libtorrent and libutp do.
	ledbatGain = 3000
	// ledbatCutPace is how often the window is cut for losses at most, as libtorrent and libutp do: they come in bursts.
	ledbatCutPace = 100 * time.Millisecond
	// ledbatClear and ledbatFew are what a queue holds at most, in time and in packets of ours, that is as good as empty. What is
	// lost then was not lost by a queue that runs over, and leaves ledbatKeep of the window; see Lost.
	ledbatClear = ledbatTarget / 10
	ledbatFew   = 3
	ledbatKeep  = 0.8
	// ledbatDrainAfter is how long the queue may hold something until it is let run empty: well before the base is forgotten.
	ledbatDrainAfter = 30 * time.Second
)

// Ledbat is the controller of BEP 29 (RFC 6817): it keeps the delay that it causes itself near a target, and so leaves the path
// to whoever lets the queue grow further. Three things are of LEDBAT++ (draft-irtf-iccrg-ledbat-plus-plus): above the target the
// window shrinks in proportion to itself, since with a large one the plain rule gives way too slowly; slow start ends before the
// target; and now and then the queue is let run empty, for otherwise what it always holds comes to be taken for the base
// of the path, and the target is put on top of it again and again.
type Ledbat struct {
	cwnd      float64 // bytes
	threshold float64 // of slow start, bytes
	phase     ledbatPhase
	cut       time.Time // last for a loss
	low       time.Time // when the queue was last seen nearly empty
	drained   time.Time // when draining ends
	clear     bool      // the queue was as good as empty at the last acknowledgement
}

type ledbatPhase uint8

const (
	ledbatSlowStart ledbatPhase = iota
	ledbatSteady
	ledbatDraining
)

// NewLedbat returns one at the beginning of a connection.
func NewLedbat() *Ledbat {
	return &Ledbat{cwnd: initialWindow, threshold: math.Inf(1)}
}

// Acked says that bytes arrived.
func (l *Ledbat) Acked(now time.Time, s Progress) {
	if s.Delay < ledbatTarget/4 || l.low.IsZero() {
		l.low = now
	}
	queued := l.cwnd * s.Delay.Seconds() / max(s.RTT, time.Microsecond).Seconds()
	l.clear = s.Delay < ledbatClear && queued < ledbatFew*float64(s.Packet)
	switch {
	case l.phase == ledbatDraining:
		l.drain(now)
	case l.phase == ledbatSteady && now.Sub(l.low) > ledbatDrainAfter:
		l.threshold, l.phase = l.cwnd, ledbatDraining
		l.set(0)
		l.drained = now.Add(2 * s.RTT)
	case l.phase == ledbatSteady:
		l.approach(s)
	default:
		l.start(s)
	}
}

// start doubles the window in each round trip.
func (l *Ledbat) start(s Progress) {
	switch grown := l.cwnd + float64(s.Bytes); {
	case s.Delay >= ledbatExit:
		// The samples are of packets sent when the window was half of this.
		l.steady(l.cwnd / 2)
	case s.Limited && grown <= l.threshold:
		l.set(grown)
	case s.Limited:
		l.steady(l.threshold)
	}
}

// approach moves the window so that the delay comes to the target. BEP 29: "delay_factor = off_target / CCONTROL_TARGET;
// window_factor = outstanding_packet / max_window".
func (l *Ledbat) approach(s Progress) {
	offTarget := float64(ledbatTarget-s.Delay) / float64(ledbatTarget)
	share := float64(s.Bytes) / max(float64(s.InFlight), l.cwnd)
	switch {
	case offTarget < 0:
		l.set(l.cwnd + l.cwnd*max(offTarget, -0.5)*share)
	case s.Limited:
		l.set(l.cwnd + ledbatGain*offTarget*share)
	}
}

// drain waits until the queue has run empty, and then goes back to the window of before as fast as at the start.
func (l *Ledbat) drain(now time.Time) {
	if !now.Before(l.drained) {
		l.phase, l.low = ledbatSlowStart, now
	}
}

// Lost halves the window. BEP 29: "When a packet is lost, the max_window is multiplied by 0.5 to mimic TCP." But where we have
// next to nothing in a queue that is next to empty, it is the line that loses packets, as radio does, and less of the window is
// taken (as TCP Veno does: Fu and Liew, 2003); a line that loses one in twenty is two thirds faster for that.
func (l *Ledbat) Lost(now time.Time) {
	if !l.cut.IsZero() && now.Sub(l.cut) < ledbatCutPace {
		return
	}
	l.cut = now
	if l.phase == ledbatDraining {
		l.threshold /= 2 // the window that it comes back to
		return
	}
	if l.clear && l.phase == ledbatSteady {
		l.steady(l.cwnd * ledbatKeep)
		return
	}
	l.steady(l.cwnd / 2)
}

func (l *Ledbat) steady(cwnd float64) {
	l.set(cwnd)
	l.threshold, l.phase = l.cwnd, ledbatSteady
}

// TimedOut begins anew with one packet.
func (l *Ledbat) TimedOut() {
	l.threshold = max(l.cwnd/2, 2*minWindow)
	l.cwnd, l.phase = minWindow, ledbatSlowStart
}

// Idled forgets what is old, but not how far slow start may go.
func (l *Ledbat) Idled(timeouts int) {
	l.threshold, l.phase = max(l.threshold, l.cwnd*3/4), ledbatSlowStart
	l.set(afterIdle(l.cwnd, timeouts))
}

func (l *Ledbat) set(cwnd float64) { l.cwnd = min(max(cwnd, 2*minWindow), maxWindow) }

// Window is how many bytes may be in flight.
func (l *Ledbat) Window() int { return int(l.cwnd) }

// Starting reports slow start.
func (l *Ledbat) Starting() bool { return l.phase == ledbatSlowStart }
