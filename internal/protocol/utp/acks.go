package utp

import "time"

const (
	// ackDelay is how long an acknowledgement waits for data to ride on, or for a second packet to acknowledge with it.
	ackDelay = 25 * time.Millisecond
	// ackEvery is the number of packets that are acknowledged at once.
	ackEvery = 2
)

// acks decides when to acknowledge. What comes in one batch is acknowledged by one packet, since nothing is sent before the shell
// has handed in all of it.
type acks struct {
	owed   int       // packets not acknowledged
	by     time.Time // deadline; zero when nothing is owed
	urgent bool      // the peer waits for it
}

// got counts a packet that has to be acknowledged, at once if the peer has to know.
func (a *acks) got(now time.Time, urgent bool) {
	a.owed++
	a.urgent = a.urgent || urgent || a.owed >= ackEvery
	if a.by.IsZero() {
		a.by = now.Add(ackDelay)
	}
}

func (a *acks) due(now time.Time) bool { return a.urgent || due(now, a.by) }

// sent notes that a packet went out, as each carries the acknowledgement.
func (a *acks) sent() { *a = acks{} }
