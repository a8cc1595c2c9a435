package scheduler

import (
	"slices"
	"time"
)

// Release says that the source will not answer the request: it rejected it, or it was cancelled. Should the block
// arrive all the same, Arriving still accepts it while it is wanted.
//
// A source that rejects while it does not choke us would be asked again at once: tell Lost first.
func (s *Scheduler) Release(id SourceID, r Request) {
	if src := s.sources[id]; src != nil && src.asked.remove(r) {
		s.release(src, r)
	}
}

// ReleaseAll says that the source will answer none of its requests, for it chokes us or has been silent too long, and
// opens the units reserved for it to all. A block that is arriving from it goes on arriving.
func (s *Scheduler) ReleaseAll(id SourceID) {
	src := s.sources[id]
	if src == nil {
		return
	}
	for len(src.mine) > 0 {
		s.disown(src.mine[len(src.mine)-1])
	}
	for {
		r, ok := src.asked.first()
		if !ok {
			break
		}
		src.asked.remove(r)
		s.release(src, r)
	}
	src.due = 0
}

// release takes back a request that has left the source's queue.
func (s *Scheduler) release(src *source, r Request) {
	src.due -= min(src.due, src.pace.block())
	pt := s.parts[r.Unit]
	if pt == nil {
		return
	}
	s.unask(pt, r.Block, src)
	blk := &pt.blocks[r.Block]
	if blk.phase == requested {
		pt.setPhase(r.Block, blk.relax())
	}
	s.settle(pt)
}

// unask makes the source a former owner of the block.
func (s *Scheduler) unask(pt *part, b int, src *source) {
	blk := &pt.blocks[b]
	if o := blk.owner(src); o != nil && o.live {
		o.live = false
		blk.live--
		pt.live--
	}
}

// Arriving says that a block's payload begins to arrive from the source, which was asked for it, if only once and long
// ago. If it reports true the payload is wanted, and later copies of the block are refused until Arrived or Aborted
// follows; if false, the payload must be thrown away, and a request for it counts as answered.
func (s *Scheduler) Arriving(now time.Time, id SourceID, r Request) bool {
	src := s.sources[id]
	if src == nil || src.guilty {
		return false
	}
	pt := s.parts[r.Unit]
	if pt == nil {
		pt = s.revive(src, r)
	}
	if pt == nil || r.Block < 0 || r.Block >= len(pt.blocks) {
		return false
	}
	blk := &pt.blocks[r.Block]
	if blk.owner(src) == nil && !pt.welcomes(src) {
		return false
	}
	if blk.phase == arriving || blk.phase == arrived {
		s.Release(id, r)
		src.progress = s.since(now)
		return false
	}
	if src.asked.len() == 0 && len(src.receiving) == 0 {
		src.progress = s.since(now)
	}
	blk.sender = id
	pt.setPhase(r.Block, arriving)
	src.receiving = append(src.receiving, r)
	return true
}

// revive starts a wanted unit again of which a late block comes: all that was asked of it had been taken back.
func (s *Scheduler) revive(src *source, r Request) *part {
	if !s.valid(r.Unit) || !wantedIdle(s.status[r.Unit]) || r.Block < 0 || r.Block >= s.blocks(r.Unit) || src.strikes > 0 {
		return nil
	}
	return s.startPart(r.Unit)
}

// welcomes reports whether a late block of one who is no owner any more may become part of the unit. It must not blur who
// lied: not in a unit that somebody else is to fetch alone, nor from a suspect.
func (pt *part) welcomes(src *source) bool {
	return pt.reserver == src || !pt.solo && src.strikes == 0
}

// Aborted says that the payload announced by Arriving will not come: the connection died in the middle of it.
func (s *Scheduler) Aborted(id SourceID, r Request) {
	src := s.sources[id]
	if src == nil || !src.stopReceiving(r) {
		return
	}
	pt := s.parts[r.Unit]
	if src.asked.remove(r) {
		s.unask(pt, r.Block, src)
	}
	pt.setPhase(r.Block, pt.blocks[r.Block].relax())
	s.settle(pt)
}

// Arrived says that the payload announced by Arriving has come. It reports whether the unit is complete, so that its
// bytes must be verified and Passed or Failed called, and who else was asked for the block and can be sent a cancel;
// their requests are released. The slice is valid until the next call of Arrived.
func (s *Scheduler) Arrived(now time.Time, id SourceID, r Request) (unitComplete bool, cancel []SourceID) {
	src := s.sources[id]
	if src == nil || !src.stopReceiving(r) {
		return false, nil
	}
	at := s.since(now)
	pt := s.parts[r.Unit]
	blk := &pt.blocks[r.Block]
	if src.asked.remove(r) {
		s.unask(pt, r.Block, src)
	}
	src.pace.arrived(at, src.asked.len() == 0)
	src.progress = at
	src.due = at + time.Duration(src.asked.len())*src.pace.block()

	pt.setPhase(r.Block, arrived)
	s.countLeft(r.Unit, -1)
	s.cancels = s.cancels[:0]
	for i := range blk.owners {
		if o := &blk.owners[i]; o.live {
			s.cancels = append(s.cancels, o.src.id)
			s.Release(o.src.id, r)
		}
	}
	if pt.arrived < len(pt.blocks) {
		return false, s.cancels
	}
	s.disown(pt)
	s.setStatus(r.Unit, complete, s.status[r.Unit].priority())
	return true, s.cancels
}

// stopReceiving forgets that a block is arriving and reports whether it was.
func (src *source) stopReceiving(r Request) bool {
	i := slices.Index(src.receiving, r)
	if i < 0 {
		return false
	}
	src.receiving = slices.Delete(src.receiving, i, i+1)
	return true
}
