package scheduler

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// picker is one call of Pick: its arguments, and how many requests are still to be found.
type picker struct {
	*Scheduler
	src  *source
	now  time.Duration
	want int
	opt  PickOptions
	dst  []Request
	made int // length of dst before
}

// Pick appends to dst up to n requests to make of the source now, and counts them as made. The caller calls it when
// the source's pipeline has room, and for a source that got less than it asked for again after every event that may
// make more available, and after Retry.
func (s *Scheduler) Pick(dst []Request, now time.Time, id SourceID, n int, opt PickOptions) []Request {
	src := s.sources[id]
	if src == nil || src.guilty || n <= 0 || !s.Interesting(id) {
		return dst
	}
	p := picker{Scheduler: s, src: src, now: s.since(now), want: n, opt: opt, dst: dst, made: len(dst)}
	p.urgent()
	p.own()
	if src.strikes == 0 {
		p.loose(false)
		p.fresh()
	} else {
		// A suspect shares a unit only when it has none of its own.
		p.loose(true)
		p.fresh()
		p.loose(false)
	}
	p.join()
	p.endgame()
	return p.dst
}

// may reports whether the source has the unit and may be asked for it, and it is wanted.
func (p *picker) may(unit int) bool {
	return p.want > 0 && p.status[unit].priority() != None && p.src.holds(unit) &&
		(p.opt.Only == nil || p.opt.Only.Has(unit)) && (p.opt.Exclude == nil || !p.opt.Exclude(unit))
}

// urgent serves the units with a deadline, the nearest first.
func (p *picker) urgent() {
	for _, d := range p.deadlines {
		if p.want == 0 {
			return
		}
		if !p.may(d.unit) {
			continue
		}
		pt := p.parts[d.unit]
		if pt == nil {
			pt = p.startPart(d.unit)
		}
		if !pt.solo {
			p.take(pt)
			if d.at.Sub(p.epoch)-p.now < urgent {
				p.duplicate(pt)
			}
		}
	}
}

// own continues the units reserved for the source.
func (p *picker) own() {
	for _, pt := range p.src.mine {
		if pt.open > 0 && p.may(pt.unit) {
			p.take(pt)
		}
	}
}

// loose continues started units that are reserved for nobody.
func (p *picker) loose(untouchedOnly bool) {
	for i := 0; i < len(p.active) && p.want > 0; i++ {
		pt := p.active[i]
		if pt.open == 0 || pt.reserver != nil || untouchedOnly && !pt.untouched() || !p.may(pt.unit) {
			continue
		}
		if pt.solo {
			p.reserve(pt, p.src)
		}
		p.take(pt)
	}
}

// fresh starts new units.
func (p *picker) fresh() {
	for p.want > 0 {
		unit, ok := p.next()
		if !ok {
			return
		}
		pt := p.startPart(unit)
		pt.solo = p.src.strikes > 0
		if p.opt.Only == nil && p.opt.Fast || pt.solo {
			p.reserve(pt, p.src)
		}
		p.take(pt)
	}
}

// join takes a share of the units that others have reserved: as much as the source's pace is of both paces. It takes
// from the end, since the reserver works from the start and hashes as it goes.
func (p *picker) join() {
	for i := 0; i < len(p.active) && p.want > 0; i++ {
		pt := p.active[i]
		if pt.open == 0 || pt.reserver == nil || pt.reserver == p.src || !p.shareable(pt) || !p.may(pt.unit) {
			continue
		}
		mine, theirs := p.src.pace.block(), pt.reserver.pace.block()
		share := min(p.want, max(1, int(float64(pt.open)*float64(theirs)/float64(mine+theirs))))
		for b := len(pt.blocks) - 1; b >= 0 && share > 0; b-- {
			if pt.blocks[b].phase == open {
				p.ask(pt, b)
				share--
			}
		}
	}
}

// soloPatience is how long a unit that one source should fetch alone may take before others help all the same.
const soloPatience = 10 * time.Second

// shareable reports whether sources other than the reserver may be asked for blocks of the part. A part that has waited
// too long for one source alone is solo no more.
func (p *picker) shareable(pt *part) bool {
	if pt.solo && pt.reserver != nil {
		silent := p.now - pt.reserver.progress
		if time.Duration(pt.open+pt.live)*pt.reserver.pace.block()+silent > soloPatience {
			pt.solo = false
		}
	}
	return !pt.solo
}

// rival is a request of other sources that this one might answer sooner: the block, and when they will answer.
type rival struct {
	pt    *part
	block int
	due   time.Duration
}

// endgame duplicates requests when there is no unit left that anybody could start, those first that would be answered
// last.
func (p *picker) endgame() {
	if p.want == 0 || p.startable() > 0 {
		return
	}
	p.rivals = p.rivals[:0]
	for _, pt := range p.active {
		if pt.live > 0 && p.may(pt.unit) && p.shareable(pt) {
			p.findRivals(pt)
		}
	}
	p.beat()
}

// duplicate does for one part what endgame does for all.
func (p *picker) duplicate(pt *part) {
	p.rivals = p.rivals[:0]
	p.findRivals(pt)
	p.beat()
}

func (p *picker) findRivals(pt *part) {
	for b := range pt.blocks {
		blk := &pt.blocks[b]
		if blk.phase != requested || blk.live == MaxOwners {
			continue
		}
		due := time.Duration(math.MaxInt64)
		for _, o := range blk.owners {
			if o.live && o.src == p.src {
				due = 0
			} else if o.live {
				due = min(due, o.expected(p.now))
			}
		}
		if p.sooner(due) {
			p.rivals = append(p.rivals, rival{pt, b, due})
		}
	}
}

func (p *picker) beat() {
	slices.SortFunc(p.rivals, func(a, b rival) int {
		return cmp.Or(cmp.Compare(b.due, a.due), cmp.Compare(a.pt.unit, b.pt.unit), cmp.Compare(a.block, b.block))
	})
	for _, r := range p.rivals {
		if p.want == 0 || !p.sooner(r.due) {
			return
		}
		p.ask(r.pt, r.block)
	}
}

// expected is when the owner will answer. Of one that is late nothing is known but that it is late: it is expected to
// take as long again.
func (o *owner) expected(now time.Duration) time.Duration {
	if now <= o.due {
		return o.due
	}
	return now + (now - o.at)
}

// slack is what a duplicate must win, beside half of the time, to be worth the traffic.
const slack = 50 * time.Millisecond

// sooner reports whether the source would answer one more request well before due.
func (p *picker) sooner(due time.Duration) bool {
	mine := max(p.src.due, p.now) + p.src.pace.block()
	return due-p.now > 2*(mine-p.now)+slack
}

// take asks for the part's open blocks in order.
func (p *picker) take(pt *part) {
	for b := pt.low; b < len(pt.blocks) && p.want > 0 && pt.open > 0; b++ {
		if pt.blocks[b].phase == open {
			p.ask(pt, b)
		}
		pt.low = b + 1
	}
}

// ask makes the source an owner of the block.
func (p *picker) ask(pt *part, b int) {
	blk, src := &pt.blocks[b], p.src
	o := blk.owner(src)
	if o == nil {
		o = blk.room()
	}
	if src.asked.len() == 0 {
		src.pace.busy(p.now)
		src.progress = p.now
	}
	src.due = max(src.due, p.now) + src.pace.block()
	*o = owner{src: src, at: p.now, due: src.due, live: true}
	blk.live++
	pt.live++
	if blk.phase == open {
		pt.setPhase(b, requested)
	}
	r := Request{pt.unit, b}
	src.asked.push(r)
	p.dst = append(p.dst, r)
	p.want--
}
