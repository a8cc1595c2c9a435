package scheduler

import "slices"

// Digest is a digest of a block as it arrived, of whatever kind the caller likes as long as it always uses the same.
type Digest [32]byte

// Blame is what the outcome of a unit says of its contributors, each list in rising order.
type Blame struct {
	Guilty   []SourceID // certainly sent wrong bytes; never asked again
	Suspects []SourceID // one of these did
}

// Strikes is the number of failed units of which the source is suspected.
func (s *Scheduler) Strikes(id SourceID) int {
	if src := s.sources[id]; src != nil {
		return src.strikes
	}
	return 0
}

// NeedDigests reports whether Passed or Failed, whichever is to be called, could use the digests of the unit's blocks:
// Passed, when there is a failed attempt to compare with; Failed, when several sources have contributed.
func (s *Scheduler) NeedDigests(unit int, passed bool) bool {
	if passed {
		return len(s.evidence.attempts[unit]) > 0
	}
	pt := s.parts[unit]
	return pt != nil && len(pt.contributors()) > 1
}

// Passed says that the complete unit's bytes are good. The digests of its blocks, if NeedDigests asks for
// them, name those who sent others in failed attempts.
func (s *Scheduler) Passed(unit int, digests []Digest) Blame {
	pt := s.parts[unit]
	if pt == nil || s.status[unit].state() != complete {
		return Blame{}
	}
	if by := pt.contributors(); len(by) == 1 {
		if src := s.sources[by[0]]; src != nil {
			src.strikes = 0
		}
	}
	var guilty []SourceID
	for _, a := range s.evidence.take(unit) {
		liars := a.liars(digests)
		for _, id := range a.suspects() {
			if src := s.sources[id]; src != nil && src.strikes > 0 && !slices.Contains(liars, id) {
				src.strikes--
			}
		}
		guilty = append(guilty, liars...)
	}
	s.MarkVerified(unit)
	return Blame{Guilty: s.condemn(guilty)}
}

// Failed says that the complete unit's bytes are wrong: they are wanted again. If it is known which blocks are bad,
// only those are, and their senders are guilty; else all blocks are, as if none had arrived, and the digests of what
// came, if NeedDigests asks for them, are kept to be compared with those of an attempt that passes.
func (s *Scheduler) Failed(unit int, bad []int, digests []Digest) Blame {
	pt := s.parts[unit]
	if pt == nil || s.status[unit].state() != complete {
		return Blame{}
	}
	by, tainted := pt.contributors(), pt.tainted
	pt.tainted = false
	if len(bad) > 0 {
		var guilty []SourceID
		for _, b := range bad {
			guilty = append(guilty, pt.blocks[b].sender)
		}
		guilty = s.condemn(guilty)
		s.reopen(pt, func(b int) bool { return slices.Contains(bad, b) })
		s.settle(pt)
		return Blame{Guilty: guilty}
	}
	pt.solo = true
	if len(by) > 1 && len(digests) == len(pt.blocks) {
		s.evidence.add(unit, pt, digests)
	}
	s.reopen(pt, func(int) bool { return true })
	if len(by) == 1 {
		return Blame{Guilty: s.condemn(by)}
	}
	// A known liar among them explains it.
	if !tainted {
		for _, id := range by {
			if src := s.sources[id]; src != nil {
				src.strikes++
			}
		}
	}
	return Blame{Suspects: by}
}

// contributors are the senders of the part's arrived blocks, in rising order.
func (pt *part) contributors() []SourceID {
	var ids []SourceID
	for b := range pt.blocks {
		if blk := &pt.blocks[b]; blk.phase == arrived && !slices.Contains(ids, blk.sender) {
			ids = append(ids, blk.sender)
		}
	}
	slices.Sort(ids)
	return ids
}

// condemn makes sources guilty: they are never asked again, and what they were asked for is open to others.
func (s *Scheduler) condemn(ids []SourceID) []SourceID {
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, id := range ids {
		if src := s.sources[id]; src != nil {
			src.guilty = true
			s.ReleaseAll(id)
		}
	}
	for _, pt := range s.active {
		pt.tainted = pt.tainted || slices.ContainsFunc(pt.blocks, func(blk block) bool {
			return blk.phase == arrived && slices.Contains(ids, blk.sender)
		})
	}
	return ids
}

// What is kept of failed attempts is bounded: by attempts at one unit, and by digests in all (about 3 MB).
const (
	maxAttempts   = 4
	evidenceLimit = 1 << 16
)

// attempt is a failed attempt at a unit: what came for each block, and from whom.
type attempt struct {
	senders []SourceID
	digests []Digest
}

func (a attempt) suspects() []SourceID {
	ids := slices.Clone(a.senders)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// liars are the senders of blocks that differ from the good ones.
func (a attempt) liars(good []Digest) []SourceID {
	if len(good) != len(a.digests) {
		return nil
	}
	var ids []SourceID
	for b, d := range a.digests {
		if d != good[b] {
			ids = append(ids, a.senders[b])
		}
	}
	return ids
}

// evidence keeps the failed attempts at units that have not passed yet; the oldest units are forgotten first.
type evidence struct {
	attempts map[int][]attempt
	units    []int // with attempts, oldest first
	held     int
}

func (e *evidence) add(unit int, pt *part, digests []Digest) {
	a := attempt{digests: slices.Clone(digests)}
	for b := range pt.blocks {
		a.senders = append(a.senders, pt.blocks[b].sender)
	}
	if e.attempts == nil {
		e.attempts = make(map[int][]attempt)
	}
	if len(e.attempts[unit]) == 0 {
		e.units = append(e.units, unit)
	}
	if as := e.attempts[unit]; len(as) == maxAttempts {
		e.attempts[unit] = slices.Delete(as, 0, 1)
		e.held -= len(digests)
	}
	e.attempts[unit] = append(e.attempts[unit], a)
	e.held += len(digests)
	for e.held > evidenceLimit && len(e.units) > 1 {
		e.take(e.units[0])
	}
}

// take removes and returns the attempts at a unit.
func (e *evidence) take(unit int) []attempt {
	as := e.attempts[unit]
	if len(as) == 0 {
		return nil
	}
	for _, a := range as {
		e.held -= len(a.digests)
	}
	delete(e.attempts, unit)
	e.units = slices.DeleteFunc(e.units, func(u int) bool { return u == unit })
	return as
}
