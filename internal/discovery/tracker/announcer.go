package tracker

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

const (
	// maxServers bounds how many trackers a link or file makes us ask.
	maxServers      = 100
	defaultInterval = 30 * time.Minute
	defaultMin      = 5 * time.Minute
	shortest        = time.Minute // between two announces, whatever a tracker says
)

// Plan says what an object is announced as, and where.
type Plan struct {
	// Tiers are the trackers as in BEP 12.
	Tiers [][]Server
	// Hashes are the info-hashes on the wire; a hybrid has two, which have swarms of their own.
	Hashes [][20]byte
	// Private asks one tracker at a time, the next one only when it fails, as BEP 27 has it. Otherwise each tier has one
	// that is asked: the trackers of today's links do not know each other, and every tier may know other peers.
	Private bool
}

// Announcer decides when to ask which tracker for one object. It does no I/O, its clock is handed in, and it is not safe
// for concurrent use.
type Announcer struct {
	rng     *rand.Rand
	lanes   []*lane
	hungry  bool
	partial bool // we are a partial seed
}

// lane is the announcing of one info-hash over one address family. Lanes do not wait for each other: an IPv6 route that
// leads nowhere must not keep us from IPv4 peers.
//
// BEP 7: "An announce to the tracker should be made for each local IP address".
type lane struct {
	hash   [20]byte
	family netx.Family
	groups []*group
}

// group is a list of tiers of which one tracker is asked at a time.
type group struct {
	tiers   [][]*entry
	busy    *entry    // being asked
	next    time.Time // of the regular announce
	soonest time.Time // that the trackers allow
}

// entry is one tracker as one lane knows it.
type entry struct {
	server    Server
	tier      int
	started   bool // knows that we are there
	completed bool // is to be told so
	plain     bool // does not know the events of partial seeds
	fails     int
	retry     time.Time
	id        string

	announced time.Time
	err       error
	warning   string
	seeders   int
	leechers  int
	peers     int
}

// Job is an announce to be made.
type Job struct {
	Server    Server
	Family    netx.Family
	Hash      [20]byte
	Event     wire.Event
	TrackerID string

	group *group
	entry *entry
}

// NewAnnouncer makes an announcer that begins at once.
func NewAnnouncer(p Plan, rng *rand.Rand) *Announcer {
	a := &Announcer{rng: rng}
	tiers := distinct(p.Tiers)
	// BEP 12: "URLs within each tier will be processed in a randomly chosen order; in other words, the list will be
	// shuffled when first read, and then parsed in order."
	for _, t := range tiers {
		rng.Shuffle(len(t), func(i, j int) { t[i], t[j] = t[j], t[i] })
	}
	for _, h := range p.Hashes {
		for _, f := range []netx.Family{netx.IPv4, netx.IPv6} {
			l := &lane{hash: h, family: f}
			for i, t := range tiers {
				var list []*entry
				for _, s := range t {
					list = append(list, &entry{server: s, tier: i, seeders: -1, leechers: -1})
				}
				if p.Private && len(l.groups) == 1 {
					l.groups[0].tiers = append(l.groups[0].tiers, list)
				} else {
					l.groups = append(l.groups, &group{tiers: [][]*entry{list}})
				}
			}
			a.lanes = append(a.lanes, l)
		}
	}
	return a
}

// distinct copies the tiers without repeated URLs, empty tiers, and what exceeds the bound.
func distinct(tiers [][]Server) [][]Server {
	seen := map[string]bool{}
	var out [][]Server
	for _, t := range tiers {
		var list []Server
		for _, s := range t {
			if !seen[s.URL] && len(seen) < maxServers {
				seen[s.URL] = true
				list = append(list, s)
			}
		}
		if len(list) > 0 {
			out = append(out, list)
		}
	}
	return out
}

func (a *Announcer) groups(visit func(*lane, *group)) {
	for _, l := range a.lanes {
		for _, g := range l.groups {
			visit(l, g)
		}
	}
}

func (g *group) entries(visit func(*entry)) {
	for _, t := range g.tiers {
		for _, e := range t {
			visit(e)
		}
	}
}

// SetHungry asks trackers as often as they allow, or at the interval they ask for.
func (a *Announcer) SetHungry(hungry bool) { a.hungry = hungry }

func (a *Announcer) due(g *group) time.Time {
	if a.hungry {
		return g.soonest
	}
	return g.next
}

// Due returns the announces to make now. Each must be answered by Done or Withdraw.
func (a *Announcer) Due(now time.Time) []Job {
	var jobs []Job
	a.groups(func(l *lane, g *group) {
		if g.busy != nil || a.due(g).After(now) {
			return
		}
		e := g.pick(now)
		if e == nil {
			return
		}
		g.busy = e
		jobs = append(jobs, a.job(l, g, e, a.event(e)))
	})
	return jobs
}

func (a *Announcer) job(l *lane, g *group, e *entry, event wire.Event) Job {
	return Job{Server: e.server, Family: l.family, Hash: l.hash, Event: event, TrackerID: e.id, group: g, entry: e}
}

func (a *Announcer) event(e *entry) wire.Event {
	switch {
	case e.started && e.completed:
		return wire.Completed
	case a.partial && !e.plain:
		return wire.Paused
	case !e.started:
		return wire.Started
	}
	return wire.Regular
}

// pick is the first tracker that is not to be left alone for a failure. If there is none the group waits for one.
func (g *group) pick(now time.Time) *entry {
	var first *entry
	g.entries(func(e *entry) {
		if first == nil && !e.retry.After(now) {
			first = e
		}
	})
	if first == nil {
		g.wait(now)
	}
	return first
}

// wait makes the group due when the first of its trackers may be asked again.
func (g *group) wait(now time.Time) {
	var first time.Time
	g.entries(func(e *entry) {
		at := e.retry
		if at.Before(now) {
			at = now
		}
		if first.IsZero() || at.Before(first) {
			first = at
		}
	})
	g.next, g.soonest = first, first
}

// Done says how a job ended.
func (a *Announcer) Done(now time.Time, job Job, r *Response, err error) {
	g, e := job.group, job.entry
	if g.busy == e {
		g.busy = nil
	}
	e.err = err
	var failure *wire.Failure
	if job.Event == wire.Paused && !e.plain && errors.As(err, &failure) {
		// It may be the event that is refused: the next announce is as BEP 3 has it.
		e.plain = true
		g.next, g.soonest = now, now
		return
	}
	if err != nil {
		e.fails++
		e.retry = now.Add(a.patience(err, e.fails))
		g.wait(now)
		return
	}
	e.fails, e.retry, e.announced = 0, time.Time{}, now
	e.started = true
	if job.Event == wire.Completed || job.Event == wire.Started {
		e.completed = false
	}
	e.warning, e.seeders, e.leechers, e.peers = r.Warning, r.Seeders, r.Leechers, len(r.Peers)
	e.id = cmp.Or(r.TrackerID, e.id)
	g.promote(e)

	least := max(cmp.Or(r.MinInterval, defaultMin), shortest)
	interval := max(cmp.Or(r.Interval, defaultInterval), shortest)
	if r.MinInterval == 0 {
		least = min(least, interval)
	}
	g.next, g.soonest = now.Add(max(interval, least)), now.Add(least)
	if e.completed || (job.Event == wire.Paused) != (a.event(e) == wire.Paused) {
		g.next, g.soonest = now, now // something happened while it was asked
	}
}

// Withdraw says that a job was not begun, and will not be.
func (a *Announcer) Withdraw(job Job) {
	if job.group.busy == job.entry {
		job.group.busy = nil
	}
}

// promote moves a tracker to the front of its tier.
//
// BEP 12: "if a connection with a tracker is successful, it will be moved to the front of the tier."
func (g *group) promote(e *entry) {
	for _, t := range g.tiers {
		for i, other := range t {
			if other == e {
				copy(t[1:i+1], t[:i])
				t[0] = e
				return
			}
		}
	}
}

// Completed says that the last wanted byte has come. Trackers that saw us begin are told at once.
func (a *Announcer) Completed(now time.Time) {
	a.tell(now, func(e *entry) { e.completed = true })
}

// SetPartial says whether we are a partial seed. Trackers that saw us begin are told of a change at once.
func (a *Announcer) SetPartial(now time.Time, partial bool) {
	if a.partial != partial {
		a.partial = partial
		a.tell(now, func(*entry) {})
	}
}

// tell makes an announce due at every tracker that saw us begin.
func (a *Announcer) tell(now time.Time, note func(*entry)) {
	a.groups(func(_ *lane, g *group) {
		g.entries(func(e *entry) {
			if e.started {
				note(e)
				g.next, g.soonest = now, now
			}
		})
	})
}

// Stop returns the announces that say good-bye. Due must not be called after it.
func (a *Announcer) Stop() []Job {
	var jobs []Job
	a.groups(func(l *lane, g *group) {
		g.entries(func(e *entry) {
			// What is being asked may know us although its answer is not there yet.
			if e.started || g.busy == e {
				jobs = append(jobs, a.job(l, g, e, wire.Stopped))
			}
		})
	})
	return jobs
}

// Next is when Due has something to return, the zero time if not before a job is done.
func (a *Announcer) Next() time.Time {
	var first time.Time
	a.groups(func(_ *lane, g *group) {
		if at := a.due(g); g.busy == nil && (first.IsZero() || at.Before(first)) {
			first = at
		}
	})
	return first
}
