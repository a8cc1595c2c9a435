package scheduler

import (
	"iter"
	"slices"
	"time"
)

// phase is where a block of a started unit is.
type phase uint8

const (
	open phase = iota
	requested
	arriving
	arrived
)

// owner is a source that was asked for a block. One that was released stays as a former owner for as long as there
// is room, so that a late answer is still accepted.
type owner struct {
	src     *source
	at, due time.Duration // when it was asked and when it is expected to answer
	live    bool
}

// block is one block of a started unit.
type block struct {
	phase  phase
	live   uint8 // live owners
	owners [MaxOwners]owner
	sender SourceID // of an arriving or arrived block
}

// part is a unit that is being fetched.
type part struct {
	unit     int
	slot     int // in Scheduler.active
	blocks   []block
	open     int // blocks in that phase
	live     int // live owners of all blocks
	arriving int
	arrived  int
	low      int     // no block below this one is open
	reserver *source // whose it is alone while others have something better to do; nil: open to all
	solo     bool    // to be fetched from one source only, to find out who lied
	tainted  bool    // a source that is known to lie has contributed
}

// untouched reports whether nobody has contributed anything to the part or been asked to.
func (pt *part) untouched() bool { return pt.open == len(pt.blocks) }

const maxSpare = 64

// startPart makes a wanted idle unit a started one.
func (s *Scheduler) startPart(unit int) *part {
	var pt *part
	if n := len(s.spare); n > 0 {
		pt, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		pt = new(part)
	}
	n := s.blocks(unit)
	blocks := pt.blocks
	if cap(blocks) < n {
		blocks = make([]block, n)
	}
	blocks = blocks[:n]
	clear(blocks)
	*pt = part{unit: unit, slot: len(s.active), blocks: blocks, open: n}
	s.leaveOrder(unit)
	s.parts[unit] = pt
	s.active = append(s.active, pt)
	s.setStatus(unit, started, s.status[unit].priority())
	return pt
}

// removePart takes the part out of the tables. The unit's status is the caller's to set.
func (s *Scheduler) removePart(pt *part) {
	s.disown(pt)
	last := len(s.active) - 1
	s.active[pt.slot] = s.active[last]
	s.active[pt.slot].slot = pt.slot
	s.active[last] = nil
	s.active = s.active[:last]
	delete(s.parts, pt.unit)
	if len(s.spare) < maxSpare {
		s.spare = append(s.spare, pt)
	}
}

// dropPart removes a part with all that is outstanding of it, and counts its arrived blocks as not arrived.
func (s *Scheduler) dropPart(pt *part) {
	for b := range pt.blocks {
		blk := &pt.blocks[b]
		for i := range blk.owners {
			if o := &blk.owners[i]; o.live {
				o.src.asked.remove(Request{pt.unit, b})
				o.src.due -= min(o.src.due, o.src.pace.block())
			}
		}
		if blk.phase == arriving {
			if src := s.sources[blk.sender]; src != nil {
				src.stopReceiving(Request{pt.unit, b})
			}
		}
	}
	s.countLeft(pt.unit, pt.arrived)
	pt.arrived = 0
	s.removePart(pt)
}

// settle makes a part of which nothing is requested, arriving or arrived an idle unit again.
func (s *Scheduler) settle(pt *part) {
	if pt.live > 0 || pt.arriving > 0 || pt.arrived > 0 || pt.solo {
		return
	}
	p := s.status[pt.unit].priority()
	s.removePart(pt)
	s.setStatus(pt.unit, idle, p)
	if p != None {
		s.enterOrder(pt.unit)
	}
}

// countLeft adjusts the number of blocks left when arrived blocks of a unit are counted as not arrived.
func (s *Scheduler) countLeft(unit, blocks int) {
	if t := s.status[unit]; t.priority() != None && t.state() != verified {
		s.left += blocks
	}
}

// setPhase moves a block to another phase and keeps the part's counts.
func (pt *part) setPhase(b int, to phase) {
	blk := &pt.blocks[b]
	pt.count(blk.phase, -1)
	pt.count(to, 1)
	blk.phase = to
	if to == open {
		pt.low = min(pt.low, b)
	}
}

func (pt *part) count(ph phase, step int) {
	switch ph {
	case open:
		pt.open += step
	case arriving:
		pt.arriving += step
	case arrived:
		pt.arrived += step
	case requested:
	}
}

// relax is the phase of a block that is neither arriving nor arrived.
func (blk *block) relax() phase {
	if blk.live > 0 {
		return requested
	}
	return open
}

// owner finds the source among those who were asked for the block, released or not.
func (blk *block) owner(src *source) *owner {
	for i := range blk.owners {
		if blk.owners[i].src == src {
			return &blk.owners[i]
		}
	}
	return nil
}

// room is where one more owner can be noted: a place not used yet, or else that of a former owner.
func (blk *block) room() *owner {
	if o := blk.owner(nil); o != nil {
		return o
	}
	i := slices.IndexFunc(blk.owners[:], func(o owner) bool { return !o.live })
	return &blk.owners[i]
}

// reopen makes those arrived blocks that lost selects wanted again.
func (s *Scheduler) reopen(pt *part, lost func(b int) bool) {
	n := 0
	for b := range pt.blocks {
		if pt.blocks[b].phase == arrived && lost(b) {
			pt.blocks[b] = block{phase: arrived}
			pt.setPhase(b, open)
			n++
		}
	}
	if n == 0 {
		return
	}
	s.countLeft(pt.unit, n)
	if t := s.status[pt.unit]; t.state() == complete {
		s.setStatus(pt.unit, started, t.priority())
	}
}

// reserve gives the part to one source.
func (s *Scheduler) reserve(pt *part, src *source) {
	s.disown(pt)
	pt.reserver = src
	src.mine = append(src.mine, pt)
}

// disown opens the part to all.
func (s *Scheduler) disown(pt *part) {
	if src := pt.reserver; src != nil {
		i := slices.Index(src.mine, pt)
		src.mine = slices.Delete(src.mine, i, i+1)
		pt.reserver = nil
	}
}

// Requests yields the unanswered requests of a unit: who was asked for which block.
func (s *Scheduler) Requests(unit int) iter.Seq2[SourceID, Request] {
	return func(yield func(SourceID, Request) bool) {
		pt := s.parts[unit]
		if pt == nil {
			return
		}
		for b := range pt.blocks {
			for _, o := range pt.blocks[b].owners {
				if o.live && !yield(o.src.id, Request{unit, b}) {
					return
				}
			}
		}
	}
}
