package utp

import "time"

// controller decides how many bytes may be in flight.
type controller interface {
	// acked says that bytes arrived.
	acked(now time.Time, s progress)
	// lost says that the network dropped packets; it is called once per round trip at most.
	lost(now time.Time)
	// timedOut says that nothing of what was in flight was acknowledged in time.
	timedOut()
	// idled says that nothing was sent for so many timeouts: what was known of the path is old.
	idled(timeouts int)
	// window is how many bytes may be in flight.
	window() int
	// starting reports whether the window still doubles with every round trip.
	starting() bool
}

// progress is what an acknowledgement tells a controller.
type progress struct {
	bytes    int           // newly acknowledged
	inFlight int           // bytes, before that
	delay    time.Duration // in queues on the way to the peer
	rtt      time.Duration // smoothed
	packet   int           // bytes of a full packet
	// limited: it was the window that kept us from sending more. If not, it has no reason to grow.
	limited bool
}

const (
	// initialWindow is what a connection begins with, in bytes.
	initialWindow = 8 << 10
	// minWindow is what it falls to after a timeout: one packet. Otherwise it is two at least, for the loss of a packet that is
	// alone is noticed only by a timeout.
	minWindow = 1472
	// maxWindow keeps arithmetic far from its limits.
	maxWindow = 1 << 30
)

func newController(c Control) controller {
	if c == Scalable {
		return newCubic()
	}
	return newLedbat()
}

// afterIdle halves a window for every timeout in which nothing was sent, down to what a connection begins with (RFC 2861).
func afterIdle(cwnd float64, timeouts int) float64 {
	return max(cwnd/float64(int(1)<<min(timeouts, 16)), min(cwnd, initialWindow))
}
