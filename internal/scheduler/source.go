package scheduler

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

// source is what is known of one source.
type source struct {
	id    SourceID
	slot  int // in Scheduler.list
	all   bool
	has   content.Bitmap // meaningless if all
	asked queue
	mine  []*part // units reserved for it

	// For a source that has everything these two are Scheduler.needed and Scheduler.idle.
	useful int // units it has that are wanted and not verified
	fresh  int // units it has that are wanted and idle

	suggested []uint32  // units that it would rather be asked for, in this order
	hints     []uint32  // units that were worth starting when they were looked up
	receiving []Request // blocks that are arriving from it
	pace      pace
	due       time.Duration // when all it was asked for is expected to have come
	progress  time.Duration // when it was last asked with nothing outstanding, or last delivered
	strikes   int           // failed units it is suspected of
	guilty    bool
}

func (src *source) holds(unit int) bool { return src.all || src.has.Has(unit) }

// AddSource makes a source known that has nothing yet. It reports false, and ignores the source, when there are too
// many.
func (s *Scheduler) AddSource(id SourceID) bool {
	if s.sources[id] != nil {
		return true
	}
	if len(s.list) >= MaxSources {
		return false
	}
	src := &source{id: id, slot: len(s.list)}
	s.sources[id] = src
	s.list = append(s.list, src)
	return true
}

// RemoveSource forgets a source; what it was asked for or was sending is open to others.
func (s *Scheduler) RemoveSource(id SourceID) {
	src := s.sources[id]
	if src == nil {
		return
	}
	for len(src.receiving) > 0 {
		s.Aborted(id, src.receiving[0])
	}
	s.ReleaseAll(id)
	s.setHas(src, false, content.Bitmap{})
	last := len(s.list) - 1
	s.list[src.slot] = s.list[last]
	s.list[src.slot].slot = src.slot
	s.list[last] = nil
	s.list = s.list[:last]
	delete(s.sources, id)
}

// Have says that the source has the unit.
func (s *Scheduler) Have(id SourceID, unit int) {
	src := s.sources[id]
	if src == nil || src.all || !s.valid(unit) {
		return
	}
	if src.has.Len() == 0 {
		src.has = content.NewBitmap(s.units)
	}
	if !src.has.Set(unit) {
		return
	}
	s.addCopies(unit, 1)
	if t := s.status[unit]; t.priority() != None && t.state() != verified {
		src.useful++
		if t.state() == idle {
			src.fresh++
			if len(src.hints) < maxHints {
				src.hints = append(src.hints, uint32(unit))
			}
		}
	}
}

// maxSuggested bounds the units that a source's word is remembered of.
const maxSuggested = 64

// Suggest says that the source would rather be asked for the unit than for others. It is, before others that are wanted as
// much and are as rare; of many suggestions the last ones count.
func (s *Scheduler) Suggest(id SourceID, unit int) {
	src := s.sources[id]
	if src == nil || !s.valid(unit) {
		return
	}
	if len(src.suggested) == maxSuggested {
		src.suggested = slices.Delete(src.suggested, 0, 1)
	}
	src.suggested = append(src.suggested, uint32(unit))
}

// Lost says that the source no longer has the unit. What it was asked for of it is not released.
func (s *Scheduler) Lost(id SourceID, unit int) {
	src := s.sources[id]
	if src == nil || !s.valid(unit) || !src.holds(unit) {
		return
	}
	if src.all {
		full := content.NewBitmap(s.units)
		full.SetAll()
		full.Clear(unit)
		s.setHas(src, false, full)
		return
	}
	src.has.Clear(unit)
	s.addCopies(unit, -1)
	if t := s.status[unit]; t.priority() != None && t.state() != verified {
		src.useful--
		if t.state() == idle {
			src.fresh--
		}
	}
}

// HaveBitmap says what the source has, all of it. The bitmap must be of the object's units; it is copied.
func (s *Scheduler) HaveBitmap(id SourceID, has content.Bitmap) {
	if has.Len() != s.units {
		panic("scheduler: bitmap of another object")
	}
	if src := s.sources[id]; src != nil {
		if has.Full() {
			s.setHas(src, true, content.Bitmap{})
		} else {
			s.setHas(src, false, has.Clone())
		}
	}
}

// HaveAll says that the source has every unit.
func (s *Scheduler) HaveAll(id SourceID) {
	if src := s.sources[id]; src != nil {
		s.setHas(src, true, content.Bitmap{})
	}
}

// HaveNone says that the source has no unit.
func (s *Scheduler) HaveNone(id SourceID) {
	if src := s.sources[id]; src != nil {
		s.setHas(src, false, content.Bitmap{})
	}
}

// Interesting reports whether the source has a unit that is wanted and not verified.
func (s *Scheduler) Interesting(id SourceID) bool {
	src := s.sources[id]
	if src == nil {
		return false
	}
	if src.all {
		return s.needed > 0
	}
	return src.useful > 0
}

// Outstanding is the number of requests the source has not answered.
func (s *Scheduler) Outstanding(id SourceID) int {
	if src := s.sources[id]; src != nil {
		return src.asked.len()
	}
	return 0
}

// AppendOutstanding appends the requests the source has not answered, in the order they were made.
func (s *Scheduler) AppendOutstanding(dst []Request, id SourceID) []Request {
	if src := s.sources[id]; src != nil {
		for r := range src.asked.all() {
			dst = append(dst, r)
		}
	}
	return dst
}

// Receiving reports whether a block is arriving from the source: Arriving has said yes, and neither Arrived nor
// Aborted has followed.
func (s *Scheduler) Receiving(id SourceID) bool {
	src := s.sources[id]
	return src != nil && len(src.receiving) > 0
}

// Overdue appends the sources that owe us blocks and have delivered none for as long as patience, and says when the
// next one will be overdue if nothing arrives (zero: none). The caller releases their requests, and disconnects those
// of which a block is still arriving, since only that makes it open to others.
func (s *Scheduler) Overdue(dst []SourceID, now time.Time, patience time.Duration) ([]SourceID, time.Time) {
	at := s.since(now)
	next := time.Duration(-1)
	for _, src := range s.list {
		if src.asked.len() == 0 && len(src.receiving) == 0 {
			continue
		}
		limit := src.progress + patience
		if limit <= at {
			dst = append(dst, src.id)
		} else if next < 0 || limit < next {
			next = limit
		}
	}
	if next < 0 {
		return dst, time.Time{}
	}
	return dst, s.epoch.Add(next)
}

// setHas replaces all that is known of what the source has, and keeps the counts that depend on it.
func (s *Scheduler) setHas(src *source, all bool, has content.Bitmap) {
	if src.all {
		s.seeds--
	} else {
		s.order.many(src.has.Count())
		for u := range src.has.All() {
			s.addCopies(u, -1)
		}
	}
	src.all, src.has, src.useful, src.fresh = all, has, 0, 0
	src.hints = slices.Delete(src.hints, 0, len(src.hints))
	if all {
		s.seeds++
		return
	}
	s.order.many(has.Count())
	for u := range has.All() {
		s.addCopies(u, 1)
		if t := s.status[u]; t.priority() != None && t.state() != verified {
			src.useful++
			if t.state() == idle {
				src.fresh++
			}
		}
	}
}

// addCopies counts a source that has come (+1) or gone (-1) with an explicit copy of the unit.
func (s *Scheduler) addCopies(unit, step int) {
	old := s.avail[unit]
	s.avail[unit] = uint16(int(old) + step)
	t := s.status[unit]
	if !wantedIdle(t) {
		return
	}
	from, to := bucket(t.priority(), old), bucket(t.priority(), s.avail[unit])
	if to > from {
		s.order.raise(uint32(unit), from)
	} else if to < from {
		s.order.lower(uint32(unit), from)
	}
}
