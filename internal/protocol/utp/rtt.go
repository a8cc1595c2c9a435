package utp

import "time"

const (
	// firstRTO is the timeout while no round trip was measured. BEP 29: "The initial timeout is set to 1000 milliseconds".
	firstRTO = time.Second
	minRTO   = 500 * time.Millisecond
	maxRTO   = time.Minute
)

// rtt estimates the round trip time.
type rtt struct {
	smoothed, variance time.Duration
	latest, least      time.Duration
}

// add takes a measurement, of a packet that was sent only once. BEP 29: "This avoids problems with figuring out which packet was
// acked, the first or the second one."
func (r *rtt) add(sample time.Duration) {
	sample = max(sample, time.Microsecond)
	r.latest = sample
	if r.smoothed == 0 {
		r.smoothed, r.variance, r.least = sample, sample/2, sample
		return
	}
	r.least = min(r.least, sample)
	// BEP 29: "rtt_var += (abs(delta) - rtt_var) / 4; rtt += (packet_rtt - rtt) / 8;"
	r.variance += ((r.smoothed - sample).Abs() - r.variance) / 4
	r.smoothed += (sample - r.smoothed) / 8
}

// timeout is how long to wait for an acknowledgement after so many timeouts in a row. BEP 29: "timeout = max(rtt + rtt_var * 4,
// 500)", and "For every packet consecutive subsequent packet that times out, the timeout is doubled."
func (r *rtt) timeout(timeouts int) time.Duration {
	rto := firstRTO
	if r.smoothed != 0 {
		rto = max(r.smoothed+4*r.variance, minRTO)
	}
	return min(rto<<min(timeouts, 8), maxRTO)
}

// patience is how much later than a packet sent after it a packet may be acknowledged before it counts as lost (RFC 9002, 6.1.2).
func (r *rtt) patience() time.Duration {
	return max(max(r.smoothed, r.latest)*9/8, time.Millisecond)
}
