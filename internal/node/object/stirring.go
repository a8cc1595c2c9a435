package object

import (
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/node/turn"
)

// Stirring are the objects of which there is news that nobody has taken yet. Its cost does not grow with the objects of which there is
// none. It is safe for concurrent use, and never blocks whoever has news.
type Stirring struct {
	wake chan struct{}

	mu   sync.Mutex
	list []*Object
}

// NewStirring is for a node without objects.
func NewStirring() *Stirring { return &Stirring{wake: make(chan struct{}, 1)} }

// Wake has something to read when there is news.
func (s *Stirring) Wake() <-chan struct{} { return s.wake }

// Poke makes Wake have something to read though there is no news of an object.
func (s *Stirring) Poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Stirring) add(o *Object) {
	s.mu.Lock()
	s.list = append(s.list, o)
	s.mu.Unlock()
	s.Poke()
}

// Take hands over the objects that have stirred since the last call, each once.
func (s *Stirring) Take() []*Object {
	s.mu.Lock()
	list := s.list
	s.list = nil
	s.mu.Unlock()
	for _, o := range list {
		o.stirred.Store(false)
		o.resting.Store(false)
	}
	return list
}

// Stir says that there is news of an object. One that is in no books has none: whoever is about to enter it tells of it first.
func (o *Object) Stir() {
	if o.booked.Load() && !o.stirred.Swap(true) {
		o.rooms.Stirring.add(o)
	}
}

// IsBooked reports whether an object is in the books, as an object or as a scout.
func (o *Object) IsBooked() bool { return o.booked.Load() }

// IsScout reports whether it is a scout, of which users do not know.
func (o *Object) IsScout() bool { return o.scouting != nil }

// Rest reports whether an object needs no looking after until it stirs, but for a look now and then, and notes that: its swarm is
// idle, and it does not wait for what it has to become durable. It may wait for its turn where turns are dealt to those at rest too.
func (o *Object) Rest(now time.Time) bool {
	q, _ := o.contends()
	dealt := !o.Waits() || q == turn.Seed && o.rooms.Bounds.Bound(q)
	rests := q != turn.Fetch && dealt && !o.stirred.Load() && o.Swarm.IsIdle(now)
	o.resting.Store(rests)
	return rests
}

// IsAtRest reports what Rest noted, unless the object has stirred since.
func (o *Object) IsAtRest() bool { return o.resting.Load() }

// Place is where the object stands in the books: before all that have a higher one.
func (o *Object) Place() uint64 { return o.place }
