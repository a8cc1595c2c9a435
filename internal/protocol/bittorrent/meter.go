package bittorrent

import "time"

// Meter measures a rate over the last few seconds. The zero value is ready.
type Meter struct {
	slots [meterSlots]int64
	at    int64 // number of the newest slot since the epoch
	first int64 // number of the slot of the first Add
	total int64
}

const (
	meterSlots = 16
	meterSlot  = 250 * time.Millisecond
)

func (m *Meter) advance(now time.Time) {
	at := now.UnixNano() / int64(meterSlot)
	if m.at == 0 {
		m.at, m.first = at, at
	}
	for i := max(m.at+1, at-meterSlots+1); i <= at; i++ {
		m.slots[i%meterSlots] = 0
	}
	m.at = max(m.at, at)
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
	m.advance(now)
	var sum int64
	for _, n := range m.slots {
		sum += n
	}
	slots := min(m.at-m.first, meterSlots-1)
	within := float64(now.UnixNano()%int64(meterSlot)) / float64(meterSlot)
	span := (float64(slots) + within) * meterSlot.Seconds()
	return float64(sum) / max(span, 0.05)
}

// Settled reports whether the meter has run long enough for its rate to mean something.
func (m *Meter) Settled(now time.Time) bool {
	m.advance(now)
	return m.total > 0 && m.at-m.first >= 4
}
