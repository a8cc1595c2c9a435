package bittorrent

import "time"

// Meter measures a rate over the last few seconds. The zero value is ready.
type Meter struct {
	start time.Time // of the first Add; slots are counted from here, so that a step of the wall clock does no harm
	slots [meterSlots]int64
	at    int64 // number of the newest slot
	total int64
}

const (
	meterSlots = 16
	meterSlot  = 250 * time.Millisecond
	// leastSpan keeps the first blocks, which arrive at once, from counting as an infinite rate.
	leastSpan = 50 * time.Millisecond
	// settled is how long a meter must have run for its rate to mean something.
	settled = time.Second
)

// advance clears the slots that time has passed over, and returns the time since start.
func (m *Meter) advance(now time.Time) time.Duration {
	if m.start.IsZero() {
		m.start = now
	}
	run := max(0, now.Sub(m.start))
	at := int64(run / meterSlot)
	for i := max(m.at+1, at-meterSlots+1); i <= at; i++ {
		m.slots[i%meterSlots] = 0
	}
	m.at = max(m.at, at)
	return run
}

// Add counts n bytes.
func (m *Meter) Add(now time.Time, n int) {
	m.advance(now)
	m.slots[m.at%meterSlots] += int64(n)
	m.total += int64(n)
}

// Total is the number of bytes counted ever.
func (m *Meter) Total() int64 { return m.total }

// Rate is the mean over the last four seconds, or since the first byte if that is less, in bytes per second.
func (m *Meter) Rate(now time.Time) float64 {
	if m.total == 0 {
		return 0
	}
	run := m.advance(now)
	var sum int64
	for _, n := range m.slots {
		sum += n
	}
	span := min(run, (meterSlots-1)*meterSlot+run%meterSlot)
	return float64(sum) / max(span, leastSpan).Seconds()
}

// Settled reports whether the meter has run long enough for its rate to mean something.
func (m *Meter) Settled(now time.Time) bool {
	return m.total > 0 && now.Sub(m.start) >= settled
}
