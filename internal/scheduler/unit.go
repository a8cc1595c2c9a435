package scheduler

// SetWanted changes how much a unit is wanted. What has been requested of a unit that is no longer wanted may still
// arrive; nothing more is asked of it.
func (s *Scheduler) SetWanted(unit int, p Priority) {
	if !s.valid(unit) || s.blocks(unit) == 0 {
		return
	}
	old := s.status[unit]
	if old.priority() == p {
		return
	}
	if wantedIdle(old) {
		s.leaveOrder(unit)
	}
	s.setStatus(unit, old.state(), p)
	if s.status[unit].state() == idle && p != None {
		s.enterOrder(unit)
	}
}

// MarkVerified says that the unit's bytes are known to be good. If it was being fetched, that is forgotten: ask
// Requests before for whom to send a cancel.
func (s *Scheduler) MarkVerified(unit int) {
	if !s.valid(unit) || s.status[unit].state() == verified {
		return
	}
	if pt := s.parts[unit]; pt != nil {
		s.dropPart(pt)
	} else if wantedIdle(s.status[unit]) {
		s.leaveOrder(unit)
	}
	s.setStatus(unit, verified, s.status[unit].priority())
	s.dropDeadline(unit)
	s.evidence.take(unit)
}

// Unverify says that the unit's bytes are lost or have turned out bad: they are wanted again.
func (s *Scheduler) Unverify(unit int) {
	if !s.Verified(unit) {
		return
	}
	p := s.status[unit].priority()
	s.setStatus(unit, idle, p)
	if p != None {
		s.enterOrder(unit)
	}
}

// Forget says that the arrived blocks of a unit that is not verified yet were lost, which is nobody's fault. They are
// wanted again; what is requested or arriving goes on.
func (s *Scheduler) Forget(unit int) {
	pt := s.parts[unit]
	if pt == nil {
		return
	}
	s.reopen(pt, func(int) bool { return true })
	s.settle(pt)
}

// setStatus is the only place that changes a unit's state or priority, and keeps the counts that depend on them.
func (s *Scheduler) setStatus(unit int, to state, p Priority) {
	old := s.status[unit]
	was := old.priority() != None && old.state() != verified
	is := p != None && to != verified
	s.status[unit] = status(to)<<2 | status(p)
	if was == is {
		return
	}
	left, step := s.blocks(unit), 1
	if pt := s.parts[unit]; pt != nil {
		left -= pt.arrived
	}
	if was {
		left, step = -left, -1
	}
	s.left += left
	s.needed += step
	for _, src := range s.list {
		if !src.all && src.has.Has(unit) {
			src.useful += step
		}
	}
}

func (s *Scheduler) enterOrder(unit int) {
	s.order.insert(uint32(unit), bucket(s.status[unit].priority(), s.avail[unit]))
	s.idle++
	s.low = min(s.low, unit)
	s.countFresh(unit, 1)
}

func (s *Scheduler) leaveOrder(unit int) {
	s.order.remove(uint32(unit), bucket(s.status[unit].priority(), s.avail[unit]))
	s.idle--
	s.countFresh(unit, -1)
}

func (s *Scheduler) countFresh(unit, step int) {
	for _, src := range s.list {
		if !src.all && src.has.Has(unit) {
			src.fresh += step
		}
	}
}
