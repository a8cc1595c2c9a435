package congestion

import "time"

const (
	// paceAhead is how long a burst lasts at the paced rate: what a shell sends in one go.
	paceAhead = 4 * time.Millisecond
	// paceLeast and paceMost bound a burst, in bytes: four packets, and two full batches.
	paceLeast = 4 * 1472
	paceMost  = 128 << 10
)

// Pacer spreads a window over the round trip, so that it does not meet the narrowest link all at once.
type Pacer struct {
	rate  float64 // bytes per second; 0 while no round trip was measured
	spare float64 // bytes that may be sent
	at    time.Time
}

// Advance sets the rate from the window and the round trip time, and counts what time has allowed since the last call.
func (p *Pacer) Advance(now time.Time, cwnd int, starting bool, rtt time.Duration) {
	if rtt == 0 {
		p.rate, p.at = 0, now
		return
	}
	// A little faster than the window, so that it is the window that limits (RFC 9002, 7.7).
	gain := 1.25
	if starting {
		gain = 2
	}
	burst := p.burst()
	p.spare = min(p.spare+p.rate*max(now.Sub(p.at), 0).Seconds(), burst)
	if p.rate == 0 {
		p.spare = paceLeast
	}
	p.rate = gain * float64(cwnd) / rtt.Seconds()
	p.at = now
}

func (p *Pacer) burst() float64 { return min(max(p.rate*paceAhead.Seconds(), paceLeast), paceMost) }

// Next is when a packet may be sent: the zero time for now. A packet may overdraw, so any size passes.
func (p *Pacer) Next() time.Time {
	if p.rate == 0 || p.spare > 0 {
		return time.Time{}
	}
	// A quarter of a burst at least, so that a shell is woken for a batch and not for a packet.
	return p.at.Add(time.Duration((p.burst()/4-p.spare)/p.rate*float64(time.Second)) + 1)
}

// Sent counts what was sent.
func (p *Pacer) Sent(bytes int) { p.spare -= float64(bytes) }

// Rate is the paced rate, in bytes per second; 0 for none.
func (p *Pacer) Rate() float64 { return p.rate }
