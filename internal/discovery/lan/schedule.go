package lan

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/lsd"
)

const (
	// interval is the time between two announces of one info-hash. BEP 14: "it should send a LSD announce every 5 minutes".
	interval = 5 * time.Minute
	// jitter is added to it, so that those who began together do not stay together.
	jitter = 30 * time.Second
	// firstWait is how long a new info-hash waits for others at most, to be told of in one datagram.
	firstWait = 2 * time.Second
	// pace and burst bound all datagrams. BEP 14: "To avoid causing multicast storms on large networks a client should send
	// no more than 1 announce per minute." After a rest a few may go out at once, since a user who shares something waits.
	pace  = time.Minute
	burst = 5
	// few is how many info-hashes get a datagram each, which every client understands. BEP 14: "If more than 5 torrents are
	// active a client may either round-robin announce the active torrents or include multiple infohashes per announce",
	// which "may not be supported by older implementations".
	few = 5
	// maxHashes bounds what is told of; with more, the newest have to wait until others end.
	maxHashes = 10_000
)

// Schedule decides when the local network is told of which info-hashes. It does no I/O, its clock is handed in, and it is
// not safe for concurrent use.
type Schedule struct {
	rng     *rand.Rand
	entries map[[20]byte]*entry
	spent   time.Time // the datagrams sent would have kept the pace until then
	hold    time.Time // nothing is sent before
}

type entry struct {
	active bool
	told   time.Time // zero: never
	due    time.Time
}

// free is when it may be told of again.
func (e *entry) free() time.Time {
	if e.told.IsZero() {
		return e.told
	}
	return e.told.Add(interval)
}

// NewSchedule makes an empty schedule.
func NewSchedule(rng *rand.Rand) *Schedule {
	return &Schedule{rng: rng, entries: map[[20]byte]*entry{}}
}

// Set says which info-hashes are active. What was told of a moment ago is not told of again because it ended and began
// anew in between.
func (s *Schedule) Set(now time.Time, hashes [][20]byte) {
	for _, e := range s.entries {
		e.active = false
	}
	for _, h := range hashes {
		e := s.entries[h]
		if e == nil {
			if len(s.entries) >= maxHashes {
				continue
			}
			e = &entry{due: now.Add(s.upTo(firstWait))}
			s.entries[h] = e
		}
		e.active = true
	}
	for h, e := range s.entries {
		if !e.active && !e.free().After(now) {
			delete(s.entries, h)
		}
	}
}

// upTo is a random time of at most d.
func (s *Schedule) upTo(d time.Duration) time.Duration { return time.Duration(s.rng.Int64N(int64(d))) }

// Has reports whether an info-hash is active.
func (s *Schedule) Has(h [20]byte) bool {
	e := s.entries[h]
	return e != nil && e.active
}

// Due returns the info-hashes for one datagram to be sent now, none if it is not time. Of many, those that will be due soon
// come along with one that is. Sent or Failed must follow.
func (s *Schedule) Due(now time.Time) [][20]byte {
	if s.open().After(now) {
		return nil
	}
	type candidate struct {
		hash [20]byte
		due  time.Time
	}
	var list []candidate
	due, active := false, 0
	for h, e := range s.entries {
		if !e.active {
			continue
		}
		active++
		if !e.free().After(now) {
			list = append(list, candidate{h, e.due})
			due = due || !e.due.After(now)
		}
	}
	if !due {
		return nil
	}
	slices.SortFunc(list, func(a, b candidate) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return slices.Compare(a.hash[:], b.hash[:])
	})
	most := lsd.MaxHashes
	if active <= few {
		most = 1
	}
	list = list[:min(len(list), most)]
	hashes := make([][20]byte, len(list))
	for i, c := range list {
		hashes[i] = c.hash
	}
	return hashes
}

// Sent notes that the info-hashes were told of.
func (s *Schedule) Sent(now time.Time, hashes [][20]byte) {
	if s.spent.Before(now) {
		s.spent = now
	}
	s.spent = s.spent.Add(pace)
	for _, h := range hashes {
		if e := s.entries[h]; e != nil {
			e.told = now
			e.due = now.Add(interval + s.upTo(jitter))
		}
	}
}

// Failed notes that nothing could be sent. It will be tried again after a while.
func (s *Schedule) Failed(now time.Time) { s.hold = now.Add(pace) }

// open is when a datagram may be sent.
func (s *Schedule) open() time.Time {
	if at := s.spent.Add(-(burst - 1) * pace); at.After(s.hold) {
		return at
	}
	return s.hold
}

// Next is when Due has something to return; zero while nothing is active.
func (s *Schedule) Next() time.Time {
	var first time.Time
	for _, e := range s.entries {
		if e.active && (first.IsZero() || e.due.Before(first)) {
			first = e.due
		}
	}
	if open := s.open(); !first.IsZero() && open.After(first) {
		return open
	}
	return first
}
