// Package scheduler decides which source is asked for which block of one object. It knows units and blocks by number
// only: no protocol, no bytes, no clock, no I/O.
//
// Invariant: a block of a wanted unit is always in exactly one state - open, requested from one to three sources,
// arriving from exactly one, or arrived - and only Passed and MarkVerified make a unit verified.
//
// Inputs of the policy:
//   - what is wanted: the unit's priority, its deadline, sequential mode;
//   - who has it: haves of each source, and so the number of copies of each unit;
//   - what is in flight: the owners of each requested block and when they were asked;
//   - how fast each source has delivered so far, and whether the caller calls it Fast;
//   - trust: strikes and verdicts, from the outcome of units it contributed to;
//   - a random generator for ties.
//
// A Pick serves, in this order: units with a deadline; units the source has reserved; started units that nobody has
// reserved; a new unit, rarest first; a share of a unit that another source has reserved; and when nothing is left to
// start anywhere, the endgame: duplicates of requests that this source would answer sooner.
//
// Blame: a unit that fails with one contributor names the liar. With several, they are suspects: the unit is fetched
// again from one source alone, and when it passes, the digests of its blocks are compared with those of the failed
// attempt, which names the liars exactly. A suspect works on units of its own for as long as there are any, so that
// its next lie is a proof.
//
// A Scheduler is not safe for concurrent use, and given the same calls and the same generator it decides the same.
package scheduler

import (
	"math/rand/v2"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

// SourceID names a source for as long as it is connected; it is never used again for another one.
type SourceID uint64

// Request names a block: the Block-th of unit Unit.
type Request struct{ Unit, Block int }

// Priority says how much a unit is wanted.
type Priority uint8

// The priorities. A unit of a higher one is started before any of a lower one.
const (
	None   Priority = iota // not wanted
	Low                    // after everything else
	Normal                 // the priority of every unit at first
	High                   // before everything else but deadlines
)

// Config describes the object to schedule.
type Config struct {
	// Units is the number of units of the object.
	Units int
	// Blocks is the number of blocks of a unit. A unit of no blocks (all padding) is never wanted from anyone.
	Blocks func(unit int) int
	// Rand breaks ties.
	Rand *rand.Rand
}

// Limits of the policy.
const (
	// MaxOwners is the number of sources that one block is asked from at once.
	MaxOwners = 3
	// MaxSources is the number of sources that one scheduler counts.
	MaxSources = 1<<16 - 1
	// Retry is when Pick is worth calling again for a source that got less than it asked for though nothing has
	// happened: only time decides whether a slow request is duplicated.
	Retry = 500 * time.Millisecond
)

// state is where a unit is in its life. Whether an idle unit is wanted is said by its priority.
type state uint8

const (
	idle     state = iota // no block requested or arrived
	started               // has a part
	complete              // has a part whose blocks have all arrived, to be verified
	verified
)

// Scheduler holds the state of one object's fetching.
type Scheduler struct {
	units  int
	blocks func(int) int
	rng    *rand.Rand

	// Eleven bytes per unit: these two and the two arrays of order.
	status []status
	avail  []uint16
	order  order

	parts  map[int]*part
	active []*part // the values of parts, in no order that matters but a deterministic one
	spare  []*part

	sources map[SourceID]*source
	list    []*source // the values of sources, likewise
	seeds   int       // sources that have everything; avail does not count them

	needed     int // wanted units that are not verified
	left       int // blocks of those that have not arrived
	idle       int // wanted units that are idle: those in order
	low        int // no wanted idle unit is below this index
	sequential bool
	deadlines  []deadline
	evidence   evidence

	epoch   time.Time // the first now ever given; times are kept as distances from it
	cancels []SourceID
	rivals  []rival
}

// status packs a unit's state and priority.
type status uint8

func (t status) state() state       { return state(t >> 2) }
func (t status) priority() Priority { return Priority(t & 3) }

// New makes a scheduler that wants every unit at Normal priority and knows no source.
func New(c Config) *Scheduler {
	s := &Scheduler{
		units:   c.Units,
		blocks:  c.Blocks,
		rng:     c.Rand,
		status:  make([]status, c.Units),
		avail:   make([]uint16, c.Units),
		order:   newOrder(c.Units),
		parts:   make(map[int]*part),
		sources: make(map[SourceID]*source),
	}
	for u := range s.status {
		if n := c.Blocks(u); n > 0 {
			s.status[u] = status(Normal)
			s.needed++
			s.idle++
			s.left += n
		}
	}
	return s
}

// Remaining is the number of wanted units that are not verified, and of their blocks that have not arrived.
func (s *Scheduler) Remaining() (units, blocks int) { return s.needed, s.left }

// Done reports whether every wanted unit is verified.
func (s *Scheduler) Done() bool { return s.needed == 0 }

// Verified reports whether the unit is verified.
func (s *Scheduler) Verified(unit int) bool {
	return s.valid(unit) && s.status[unit].state() == verified
}

// Availability is the number of sources that have the unit.
func (s *Scheduler) Availability(unit int) int {
	if !s.valid(unit) {
		return 0
	}
	return int(s.avail[unit]) + s.seeds
}

// SetSequential makes new units start in rising order of their index, whatever their priority and rarity.
func (s *Scheduler) SetSequential(on bool) { s.sequential = on }

func (s *Scheduler) valid(unit int) bool { return unit >= 0 && unit < s.units }

// since turns a moment into a distance from the first moment this scheduler has seen.
func (s *Scheduler) since(now time.Time) time.Duration {
	if s.epoch.IsZero() {
		s.epoch = now
	}
	return now.Sub(s.epoch)
}

// PickOptions narrow what a source is asked for.
type PickOptions struct {
	// Fast says that the source is fast enough to be given whole units, which others then leave to it.
	Fast bool
	// Only, if not nil, are the units that may be asked for, such as those allowed while the source chokes us (BEP 6). They
	// are started in rising order.
	Only *content.Bitmap
	// Exclude, if not nil, names units that must not be asked for now, such as those whose hashes are not known yet.
	Exclude func(unit int) bool
	// Runs says that units which follow each other are cheaper to ask for than others: a new unit is the one after that
	// asked for just before, if it may be, and only otherwise the rarest.
	Runs bool
}
