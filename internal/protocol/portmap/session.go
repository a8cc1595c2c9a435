package portmap

import (
	"net/netip"
	"time"
)

const (
	// lookEvery is how often the router is asked whether it is still the one it was, lookAgain when it did not answer.
	lookEvery = 5 * time.Minute
	lookAgain = time.Minute
	// Pauses between rounds that have brought nothing.
	firstPause, longestPause = time.Minute, time.Hour
	// Bounds of a lifetime that a router gives. RFC 6887 recommends that of 24 hours.
	shortest, longest = 30 * time.Second, 24 * time.Hour
	// leastRenewal is the pause before a renewal that is not answered is tried again. RFC 6887: not "within 4 seconds".
	leastRenewal = 4 * time.Second
	// maxConflicts is how many other ports are asked for.
	maxConflicts = 6
	// lossesApart is how long a router's losses are not heeded again; repairWithin is within which repair begins. RFC 6886: "a
	// random amount of time selected with uniform random distribution in the range 0 to 5 seconds".
	lossesApart, repairWithin = time.Minute, 5 * time.Second
)

// Session is the mappings of our port at one router. It is not safe for concurrent use.
type Session struct {
	cfg      Config
	dialects []dialect
	at       int  // the dialect that is spoken
	found    bool // the router speaks it
	address  netip.Addr
	ports    [2]port // by transport
	open     *asked
	number   int // of the last call

	nextLook time.Time
	retry    time.Time // nothing is asked before
	lost     time.Time // when the router was last heard to have lost its mappings
	rounds   int       // in a row that have brought nothing
	refusals []Refusal // of this round
	unmapped error     // what the last whole round has brought
	leaving  bool
}

// port is one of our two.
type port struct {
	external       netip.AddrPort // that it has, or is wanted
	held           bool
	since, expires time.Time
	next           time.Time // when it is asked for, again
	conflicts      int
	why            error // it is not held though the other is
}

// asked is the open question.
type asked struct {
	question
	tries    int
	call     int // the number of the call that is under way
	deadline time.Time
}

// NewSession makes a session that has asked nothing yet.
func NewSession(cfg Config) *Session {
	s := &Session{cfg: cfg}
	s.dialects = []dialect{&pcpDialect{cfg: &s.cfg}}
	if cfg.Source.Is4() {
		s.dialects = append(s.dialects, &natpmpDialect{cfg: &s.cfg}, &upnpDialect{cfg: &s.cfg})
	}
	s.forget(time.Time{})
	return s
}

// forget begins all ports anew.
func (s *Session) forget(now time.Time) {
	for i := range s.ports {
		s.ports[i] = port{external: netip.AddrPortFrom(netip.Addr{}, s.cfg.Port), next: now}
	}
	s.found = false
}

// Step does what is due, and returns what to send.
func (s *Session) Step(now time.Time) (out []Out) {
	for {
		if s.open == nil {
			q, ok := s.due(now)
			if !ok {
				return out
			}
			s.open = &asked{question: q}
		} else if now.Before(s.open.deadline) {
			return out
		}
		waits := s.dialect().patience(s.open.question)
		if s.open.tries == len(waits) {
			s.giveUp(now)
			continue
		}
		s.open.deadline = now.Add(waits[s.open.tries])
		s.open.tries++
		for _, o := range s.dialect().ask(s.open.question) {
			if o.Call != nil {
				s.number++
				o.Call.Number, s.open.call = s.number, s.number
			}
			out = append(out, o)
		}
	}
}

func (s *Session) dialect() dialect { return s.dialects[s.at] }

// due is the next question, if its time has come.
func (s *Session) due(now time.Time) (question, bool) {
	if s.leaving {
		for t, p := range s.ports {
			if p.held {
				return question{kind: remove, transport: Transport(t), external: p.external}, true
			}
		}
		return question{}, false
	}
	switch {
	case now.Before(s.retry):
		return question{}, false
	case !s.found:
		return question{kind: find}, true
	}
	for t, p := range s.ports {
		if !now.Before(p.next) {
			return question{kind: add, transport: Transport(t), external: p.external}, true
		}
	}
	if !now.Before(s.nextLook) {
		return question{kind: look}, true
	}
	return question{}, false
}

// Next is when Step has something to do again, which may have passed; ok is false if it never has.
func (s *Session) Next() (at time.Time, ok bool) {
	switch {
	case s.Over():
		return time.Time{}, false
	case s.open != nil:
		return s.open.deadline, true
	case s.leaving:
		return time.Time{}, true
	case !s.found:
		return s.retry, true
	}
	at = s.nextLook
	for _, p := range s.ports {
		if p.next.Before(at) {
			at = p.next
		}
	}
	if at.Before(s.retry) {
		at = s.retry
	}
	return at, true
}

// Hear takes a datagram, from whomever it comes.
func (s *Session) Hear(now time.Time, from netip.AddrPort, b []byte) {
	var q *question
	if s.open != nil && s.open.tries > 0 {
		q = &s.open.question
	}
	r, ok, lost := s.dialect().hear(now, q, from, b)
	if lost {
		s.repair(now)
	}
	if ok {
		s.answered(now, r)
	}
}

// Called takes the answer to a call, or why there is none.
func (s *Session) Called(now time.Time, number int, body []byte, err error) {
	if s.open == nil || s.open.call != number {
		return // it came too late
	}
	s.answered(now, s.dialect().called(s.open.question, body, err))
}

// repair has all mappings asked for again, soon.
func (s *Session) repair(now time.Time) {
	if !s.lost.IsZero() && now.Sub(s.lost) < lossesApart {
		return
	}
	s.lost = now
	at := now.Add(time.Duration(s.cfg.Rand.Int64N(int64(repairWithin))))
	for i := range s.ports {
		if s.ports[i].held && at.Before(s.ports[i].next) {
			s.ports[i].next = at
		}
	}
}

// answered takes the answer to the open question.
func (s *Session) answered(now time.Time, r reply) {
	q := s.open.question
	s.open = nil
	p := &s.ports[q.transport]
	switch {
	case q.kind == remove:
		p.held = false
	case r.outcome == silent:
		s.unanswered(now, q)
	case r.outcome == further:
		s.open = &asked{question: q, deadline: now}
	case q.kind == look:
		// A router that has no address for a moment keeps its mappings.
		s.nextLook = now.Add(lookEvery)
		s.learn(r.address)
	case r.outcome == refused:
		s.refused(now, q, r.why)
	case q.kind == find:
		s.found, s.nextLook = true, now.Add(lookEvery)
		s.learn(r.address)
	case r.outcome == taken:
		s.conflict(now, p)
	case r.external.Port() == 0:
		s.refused(now, q, errNoPort)
	default:
		s.learn(r.address)
		s.mapped(now, q.transport, r)
	}
}

func (s *Session) learn(address netip.Addr) {
	if address.IsValid() && !address.IsUnspecified() {
		s.address = address
	}
}

// mapped takes a mapping as the router gave it.
func (s *Session) mapped(now time.Time, t Transport, r reply) {
	lifetime := min(max(r.lifetime, shortest), longest)
	p := &s.ports[t]
	if !p.held {
		p.since = now
	}
	p.held, p.why, p.conflicts = true, nil, 0
	p.external, p.expires, p.next = r.external, now.Add(lifetime), now.Add(s.dialect().renewal(lifetime))
	s.rounds, s.refusals, s.unmapped = 0, nil, nil
	// Whoever knows one port of ours takes it for both transports, so that the second should be the same.
	if other := &s.ports[UDP]; t == TCP && !other.held {
		other.external = r.external
	}
}

// conflict asks for another port.
func (s *Session) conflict(now time.Time, p *port) {
	const lowest, ports = 20_000, 40_000
	p.held = false
	if p.conflicts++; p.conflicts > maxConflicts {
		p.conflicts = 0
		s.notMapped(now, p, errNoFree)
		return
	}
	p.external = netip.AddrPortFrom(netip.Addr{}, uint16(lowest+s.cfg.Rand.IntN(ports)))
	p.next = now
}

func (s *Session) refused(now time.Time, q question, why error) {
	if q.kind == find {
		s.nextDialect(now, why)
		return
	}
	s.notMapped(now, &s.ports[q.transport], why)
}

// giveUp waits no longer for an answer to the open question.
func (s *Session) giveUp(now time.Time) {
	if s.open.call != 0 {
		s.answered(now, s.dialect().called(s.open.question, nil, ErrSilent))
		return
	}
	q := s.open.question
	s.open = nil
	s.unanswered(now, q)
}

func (s *Session) unanswered(now time.Time, q question) {
	p := &s.ports[q.transport]
	switch {
	case q.kind == remove:
		p.held = false
	case q.kind == find:
		s.nextDialect(now, ErrSilent)
	case q.kind == look:
		s.nextLook = now.Add(lookAgain)
	case p.held && p.expires.Sub(now) > leastRenewal:
		p.next = now.Add(max(leastRenewal, p.expires.Sub(now)/2))
	default:
		s.notMapped(now, p, ErrSilent)
	}
}

// notMapped takes that a port is not mapped now. While the other one is, it is asked for again later; otherwise another
// dialect may do better.
func (s *Session) notMapped(now time.Time, p *port, why error) {
	*p = port{external: netip.AddrPortFrom(netip.Addr{}, s.cfg.Port), why: why, next: now.Add(longestPause)}
	for _, other := range s.ports {
		if other.held {
			return
		}
	}
	s.nextDialect(now, why)
}

// nextDialect goes on to the next one, or after the last has a pause before the first.
func (s *Session) nextDialect(now time.Time, why error) {
	s.refusals = append(s.refusals, Refusal{s.dialect().protocol(), why})
	s.forget(now)
	if s.at++; s.at < len(s.dialects) {
		return
	}
	s.unmapped = &Unmapped{s.cfg.Router, s.refusals}
	s.at, s.refusals, s.address = 0, nil, netip.Addr{}
	s.retry = now.Add(min(longestPause, firstPause<<min(s.rounds, 10)))
	s.rounds++
}

// Leave has the mappings removed from now on, that included which was asked for and may come about without our hearing of it.
func (s *Session) Leave() {
	if s.open != nil && s.open.kind == add && s.open.tries > 0 {
		s.ports[s.open.transport].held = true
	}
	s.leaving, s.open = true, nil
}

// Over reports whether a session that leaves has nothing left to do.
func (s *Session) Over() bool {
	return s.leaving && s.open == nil && !s.ports[TCP].held && !s.ports[UDP].held
}

// Status is how the session is doing.
func (s *Session) Status() Status {
	st := Status{Router: s.cfg.Router, Source: s.cfg.Source, Address: s.address, Err: s.unmapped}
	for t, p := range s.ports {
		if p.held {
			st.Protocol = s.dialect().protocol()
			external := p.external
			if !external.Addr().IsValid() {
				external = netip.AddrPortFrom(s.address, external.Port())
			}
			st.Ports = append(st.Ports, Port{Transport(t), s.cfg.Port, external, p.since, p.expires})
		}
	}
	for t, p := range s.ports {
		if p.why != nil && st.Protocol != 0 {
			st.Err = &Partly{Transport(t), s.cfg.Port, p.why}
		}
	}
	return st
}
