package scheduler

import "slices"

// next finds the wanted idle unit that the source should start.
func (p *picker) next() (unit int, ok bool) {
	if p.src.all && p.idle == 0 || !p.src.all && p.src.fresh == 0 {
		return 0, false
	}
	switch {
	case p.opt.Only != nil:
		return p.allowed()
	case p.sequential:
		return p.lowest()
	}
	if p.opt.Runs {
		if u, ok := p.following(); ok {
			return u, true
		}
	}
	unit, ok = p.rarest()
	if ok && len(p.src.suggested) > 0 {
		unit = p.suggested(unit)
	}
	return unit, ok
}

// suggested takes what the source suggests, if it is wanted as much as another unit and as rare.
func (p *picker) suggested(other int) int {
	least := p.bucketOf(other)
	for i, u := range p.src.suggested {
		if unit := int(u); p.fits(unit) && p.bucketOf(unit) <= least {
			p.src.suggested = slices.Delete(p.src.suggested, 0, i+1)
			return unit
		}
	}
	p.src.suggested = p.src.suggested[:0]
	return other
}

func (p *picker) bucketOf(unit int) int { return bucket(p.status[unit].priority(), p.avail[unit]) }

// following takes the unit behind the one asked for last, unless that would put it before others that are wanted more.
func (p *picker) following() (int, bool) {
	if len(p.dst) == p.made {
		return 0, false
	}
	last := p.dst[len(p.dst)-1].Unit
	u := last + 1
	return u, u < p.units && p.status[u].priority() == p.status[last].priority() && p.fits(u)
}

// fits reports whether the source could start the unit.
func (p *picker) fits(unit int) bool { return wantedIdle(p.status[unit]) && p.may(unit) }

// allowed takes the first of the few units of PickOptions.Only.
func (p *picker) allowed() (int, bool) {
	for u := range p.opt.Only.All() {
		if p.valid(u) && p.fits(u) {
			return u, true
		}
	}
	return 0, false
}

// lowest takes the unit of the lowest index.
func (p *picker) lowest() (int, bool) {
	for p.low < p.units && !wantedIdle(p.status[p.low]) {
		p.low++
	}
	has := p.src.has.Bytes()
	for u := p.low; u < p.units; u++ {
		if !p.src.all && u&7 == 0 {
			for u < p.units && has[u>>3] == 0 {
				u += 8
			}
			if u >= p.units {
				break
			}
		}
		if p.fits(u) {
			return u, true
		}
	}
	return 0, false
}

const (
	// looks is how many units are looked at in the order before a source that has none of them is asked itself.
	looks = 1024
	// maxHints is how many units to start are remembered once a source's whole bitmap has been read.
	maxHints = 256
)

// rarest takes a unit of the highest priority and the lowest availability, at random among equals.
func (p *picker) rarest() (int, bool) {
	p.freshen()
	budget := looks
	if p.src.all {
		budget = p.units
	}
	for k := range buckets {
		lo, hi := int(p.order.starts[k]), int(p.order.starts[k+1])
		if lo == hi || !p.src.all && k%ranks == 0 {
			continue // nothing here, or nothing that has even one explicit copy
		}
		first := p.rng.IntN(hi - lo)
		for i := range hi - lo {
			at := lo + first + i
			if at >= hi {
				at -= hi - lo
			}
			if u := int(p.order.list[at]); p.fits(u) {
				return u, true
			}
			if budget--; budget == 0 {
				return p.hinted()
			}
		}
	}
	return 0, false
}

// hinted serves a source that has few of the rarest units: from what it has, the rarest are found in one pass and
// remembered.
func (p *picker) hinted() (int, bool) {
	if u, ok := p.popHint(); ok {
		return u, true
	}
	best, seen := buckets, 0
	hints := p.src.hints[:0]
	for u := range p.src.has.All() {
		if !p.fits(u) {
			continue
		}
		k := bucket(p.status[u].priority(), p.avail[u])
		if k < best {
			best, seen, hints = k, 0, hints[:0]
		}
		if k > best {
			continue
		}
		// A sample of all units seen in this bucket, each as likely as any other.
		if seen++; len(hints) < maxHints {
			hints = append(hints, uint32(u))
		} else if i := p.rng.IntN(seen); i < maxHints {
			hints[i] = uint32(u)
		}
	}
	p.rng.Shuffle(len(hints), func(i, j int) { hints[i], hints[j] = hints[j], hints[i] })
	p.src.hints = hints
	return p.popHint()
}

func (p *picker) popHint() (int, bool) {
	for n := len(p.src.hints); n > 0; n-- {
		u := int(p.src.hints[n-1])
		p.src.hints = p.src.hints[:n-1]
		if p.fits(u) {
			return u, true
		}
	}
	return 0, false
}
