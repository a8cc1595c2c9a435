package congestion

import (
	"math"
	"time"
)

const (
	cubicC    = 0.4 // packets per second^3, RFC 9438, 5.1
	cubicBeta = 0.7 // RFC 9438, 4.6
)

// Cubic is a controller that knows only losses (RFC 9438). After one it comes back to the window it had, stays near it, and
// then looks for more; it grows with time, not with round trips, so it fills long and fast paths.
type Cubic struct {
	cwnd      float64 // bytes
	threshold float64 // of slow start, bytes
	top       float64 // window before the last loss, bytes
	began     time.Time
	origin    float64 // seconds after began at which the curve is at top
	reno      float64 // window that Reno would have now, bytes
}

// NewCubic returns one at the beginning of a connection.
func NewCubic() *Cubic {
	return &Cubic{cwnd: initialWindow, threshold: math.Inf(1)}
}

// Acked says that bytes arrived.
func (c *Cubic) Acked(now time.Time, s Progress) {
	if !s.Limited {
		return
	}
	if c.cwnd < c.threshold {
		c.set(c.cwnd + float64(s.Bytes))
		return
	}
	packet := float64(s.Packet)
	if c.began.IsZero() {
		c.began, c.reno = now, c.cwnd
		c.top = max(c.top, c.cwnd)
		c.origin = math.Cbrt((c.top - c.cwnd) / packet / cubicC)
	}
	// RFC 9438, 4.2: "W_cubic(t) = C * (t - K)^3 + W_max", where the window should be a round trip from now.
	t := (now.Sub(c.began) + s.RTT).Seconds() - c.origin
	goal := min(c.top+cubicC*t*t*t*packet, c.cwnd*1.5)
	share := float64(s.Bytes) / c.cwnd
	// RFC 9438, 4.3: "W_est = W_est + alpha_cubic * segments_acked / cwnd", with the alpha that is fair to Reno.
	c.reno += 3 * (1 - cubicBeta) / (1 + cubicBeta) * share * packet
	c.set(max(c.cwnd+(max(goal, c.cwnd)-c.cwnd)*share, c.reno))
}

// Lost takes the window back by three tenths.
func (c *Cubic) Lost(time.Time) {
	// RFC 9438, 4.7: a flow that did not come back to its last window leaves room for others.
	if c.cwnd < c.top {
		c.top = c.cwnd * (1 + cubicBeta) / 2
	} else {
		c.top = c.cwnd
	}
	c.set(c.cwnd * cubicBeta)
	c.threshold, c.began = c.cwnd, time.Time{}
}

// TimedOut begins anew with one packet.
func (c *Cubic) TimedOut() {
	c.top = c.cwnd
	c.threshold, c.began = max(c.cwnd*cubicBeta, 2*minWindow), time.Time{}
	c.cwnd = minWindow
}

// Idled forgets what is old, but not how far slow start may go.
func (c *Cubic) Idled(timeouts int) {
	c.threshold, c.began = max(c.threshold, c.cwnd*3/4), time.Time{}
	c.set(afterIdle(c.cwnd, timeouts))
}

func (c *Cubic) set(cwnd float64) { c.cwnd = min(max(cwnd, 2*minWindow), maxWindow) }

// Window is how many bytes may be in flight.
func (c *Cubic) Window() int { return int(c.cwnd) }

// Starting reports slow start.
func (c *Cubic) Starting() bool { return c.cwnd < c.threshold }
