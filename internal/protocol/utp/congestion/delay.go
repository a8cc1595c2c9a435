package congestion

import "time"

const (
	// baseMinutes is how long the lowest delay is remembered. BEP 29: "a sliding minimum of the lowest value for the last two
	// minutes"; the third is the one that is under way.
	baseMinutes = 3
	// maxDrift bounds what is taken for the drift of a clock; a larger step has another reason.
	maxDrift = 10_000 // microseconds
)

// DelayHistory turns differences of two clocks into the time that packets spent in queues: what they are above the lowest of
// the last minutes. The clocks have nothing in common, so differences are compared on the circle of 2^32 microseconds.
type DelayHistory struct {
	base    uint32
	minutes [baseMinutes]uint32 // the lowest of each
	at      int
	turned  time.Time // when the minute began; zero before the first sample
	recent  [3]uint32 // the last samples
	next    int
}

func lower(a, b uint32) bool { return int32(a-b) < 0 }

// Add takes a sample, in microseconds, and returns by how much it lowered the base.
func (h *DelayHistory) Add(now time.Time, sample uint32) (lowered uint32) {
	if h.turned.IsZero() {
		h.turned, h.base = now, sample
		for i := range h.minutes {
			h.minutes[i] = sample
		}
		for i := range h.recent {
			h.recent[i] = sample
		}
		return 0
	}
	h.recent[h.next] = sample
	h.next = (h.next + 1) % len(h.recent)
	if now.Sub(h.turned) >= time.Minute {
		h.turned = now
		h.at = (h.at + 1) % baseMinutes
		h.minutes[h.at] = sample
		h.base = sample
		for _, m := range h.minutes {
			if lower(m, h.base) {
				h.base = m
			}
		}
		return 0
	}
	if lower(sample, h.minutes[h.at]) {
		h.minutes[h.at] = sample
	}
	if lower(sample, h.base) {
		lowered, h.base = h.base-sample, sample
	}
	return lowered
}

// Drifted raises the base by what the peer's fell: its clock runs at another rate than ours, and every sample of ours grows by as
// much as every one of the peer's shrinks.
func (h *DelayHistory) Drifted(by uint32) {
	if by == 0 || by > maxDrift || h.turned.IsZero() {
		return
	}
	h.base += by
	for i := range h.minutes {
		h.minutes[i] += by
	}
}

// Queueing is the delay above the base, the least of the last samples, so that one late packet does not count.
func (h *DelayHistory) Queueing() time.Duration {
	least := h.recent[0]
	for _, s := range h.recent[1:] {
		if lower(s, least) {
			least = s
		}
	}
	if h.turned.IsZero() || lower(least, h.base) {
		return 0
	}
	return time.Duration(least-h.base) * time.Microsecond
}
