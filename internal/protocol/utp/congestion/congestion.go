// Package congestion decides how many bytes of a connection may be on their way, and how fast they leave: what it knows of the path
// comes from acknowledgements, losses and delays, and from the time it is handed.
package congestion

import "time"

// Controller decides how many bytes may be in flight.
type Controller interface {
	// Acked says that bytes arrived.
	Acked(now time.Time, p Progress)
	// Lost says that the network dropped packets; it is called once per round trip at most.
	Lost(now time.Time)
	// TimedOut says that nothing of what was in flight was acknowledged in time.
	TimedOut()
	// Idled says that nothing was sent for so many timeouts: what was known of the path is old.
	Idled(timeouts int)
	// Window is how many bytes may be in flight.
	Window() int
	// Starting reports whether the window still doubles with every round trip.
	Starting() bool
}

// Progress is what an acknowledgement tells a controller.
type Progress struct {
	Bytes    int           // newly acknowledged
	InFlight int           // bytes, before that
	Delay    time.Duration // in queues on the way to the peer
	RTT      time.Duration // smoothed
	Packet   int           // bytes of a full packet
	// Limited: it was the window that kept us from sending more. If not, it has no reason to grow.
	Limited bool
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

// afterIdle halves a window for every timeout in which nothing was sent, down to what a connection begins with (RFC 2861).
func afterIdle(cwnd float64, timeouts int) float64 {
	return max(cwnd/float64(int(1)<<min(timeouts, 16)), min(cwnd, initialWindow))
}
