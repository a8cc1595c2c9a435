// Package choker decides whom we serve: which of the peers that want something of us are unchoked. One Choker serves
// all objects of a node; it knows no protocol, no clock and no I/O.
//
// Invariant: of the peers that are interested and take what they ask for, never more are unchoked by Run than there are slots
// and tries, and none is left choked while a slot is free.
//
// Inputs of the policy:
//   - who is interested, who is unchoked now, and who of these takes nothing;
//   - while we fetch the object: how fast the peer gives to us, and how new it is;
//   - while we seed it: how long the peer has waited, how much of the object it lacks, and what it was given since it was
//     unchoked;
//   - how fast all peers together take from us, which says whether there is room for more slots;
//   - when each object last had a slot;
//   - a random generator for the optimistic unchoke.
//
// Slots are dealt to objects in turn. Inside an object we fetch, those who give us most come first (BEP 3's
// tit-for-tat), with a few slots drawn by lot so that newcomers can show what they give. Inside an object we seed,
// those served keep their slot until a quota is used up, and those waiting follow by waiting time and need.
//
// The first rounds come quickly one after another, since a transfer may be over before an ordinary interval is; a free
// slot is given at once, by Grant.
//
// To be unchoked and take nothing costs the others nothing: such a slot is another's, and the more there are of them, the more
// of those who wait are tried at once (room.go). While all slots together carry next to nothing, a few more are tried for
// moments (try.go). So a crowd that reads slowly or not at all keeps nobody waiting for long.
//
// A Choker is not safe for concurrent use, and given the same calls and the same generator it decides the same.
package choker

import (
	"math/rand/v2"
	"time"
)

// Config sets up a Choker. Zero values mean the defaults.
type Config struct {
	// Slots is the number of slots to start with, and the least there ever are; 8.
	Slots int
	// MaxSlots is the most there ever are; 100.
	MaxSlots int
	// Optimistic is how many of the slots are drawn by lot among those who give us nothing worth a slot; 1. Negative: 0.
	Optimistic int
	// Interval is the time between rounds; 10 s.
	Interval time.Duration
	// OptimisticInterval is how long an optimistic unchoke lasts; 30 s.
	OptimisticInterval time.Duration
	// Rand draws the lots.
	Rand *rand.Rand
}

// Peer is what a decision takes into account about one peer of one object.
type Peer struct {
	ID     uint64 // unique within its object
	Object uint64

	Interested           bool      // it wants something of us
	Unchoked             bool      // it may ask us now
	Stalled              bool      // it is unchoked and takes nothing: it asks for nothing, or does not read what it asked for
	Seeding              bool      // we have all we want of the object
	DownRate             float64   // bytes per second it gives us
	UpRate               float64   // bytes per second we give it
	Connected            time.Time // since when it is connected
	LastUnchoke          time.Time // when it was last unchoked; zero: never
	UploadedSinceUnchoke int64     // bytes we gave it since then
	Need                 float64   // share of the object that it lacks, 0 to 1
}

// Key names a peer among those of all objects.
type Key struct{ Object, ID uint64 }

func (p *Peer) key() Key { return Key{p.Object, p.ID} }

// Set is the outcome: the peers to be unchoked. All others are to be choked.
type Set map[Key]struct{}

// Has reports whether the peer is to be unchoked.
func (s Set) Has(object, id uint64) bool {
	_, ok := s[Key{object, id}]
	return ok
}

func (s Set) add(p *Peer) { s[p.key()] = struct{}{} }

// firstInterval is the time between the first and the second round; each one after takes twice as long, up to Interval.
const firstInterval = 2 * time.Second

// Choker remembers what one decision must know of the ones before.
type Choker struct {
	cfg      Config
	capacity capacity
	turns    turns
	lots     map[Key]time.Time // optimistic unchokes and when they end
	tries    tries

	interval time.Duration // of the round to come
	next     time.Time
	lookout  lookout // for room between rounds
}

// New makes a Choker that serves nobody yet.
func New(c Config) *Choker {
	c.Slots = withDefault(c.Slots, 8)
	c.MaxSlots = max(withDefault(c.MaxSlots, 100), c.Slots)
	c.Optimistic = min(max(withDefault(c.Optimistic, 1), 0), c.Slots-1)
	c.Interval = withDefault(c.Interval, 10*time.Second)
	c.OptimisticInterval = withDefault(c.OptimisticInterval, 30*time.Second)
	return &Choker{
		cfg:      c,
		capacity: newCapacity(c.Slots, c.MaxSlots),
		turns:    turns{hold: c.OptimisticInterval, stints: make(map[uint64]stint)},
		lots:     make(map[Key]time.Time),
		tries:    tries{of: make(map[Key]bool)},
		interval: min(firstInterval, c.Interval),
	}
}

func withDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// Slots is the number of peers that may be served at once now.
func (c *Choker) Slots() int { return c.capacity.slots }

// Next is when Run should be called. Before the first Run it is the zero time: at once.
func (c *Choker) Next() time.Time { return c.lookout.before(c.next) }

// Run holds a round: it decides anew who of the peers is unchoked. Where somebody waits, it is also called between rounds, to see
// whether there is room for more by now: then nobody loses a slot.
func (c *Choker) Run(now time.Time, peers []Peer) Set {
	l := loadOf(now, peers)
	if now.Before(c.next) && c.lookout.due(now) && l.served <= c.room(l)+len(c.tries.of) {
		return c.look(now, peers, l)
	}
	if len(peers) == 0 {
		c.interval = min(firstInterval, c.cfg.Interval)
	}
	c.next = now.Add(c.interval)
	c.interval = min(2*c.interval, c.cfg.Interval)

	peers = c.endTries(now, peers, l)
	c.capacity.adapt(now, l)
	slots := c.room(l)
	c.lookout.next = time.Time{}
	c.lookout.begin(now, l.served+l.waiting > slots && slots < c.cfg.MaxSlots)

	hands := c.rank(now, peers, l, func(p *Peer) bool { return p.Interested && !p.Stalled })
	set := make(Set)
	if l.served+l.waiting <= slots {
		// No competition: nobody is left out, and no lots need be drawn.
		clear(c.lots)
		c.turns.deal(now, hands, slots, set)
	} else {
		c.turns.deal(now, hands, slots-c.optimistic(hands), set)
		c.drawLots(now, hands, slots, set)
		c.turns.deal(now, hands, slots-len(set), set)
	}
	c.turns.note(now, hands, set)
	c.turns.forget(hands)
	keepIdle(peers, slots-len(set), set)
	keepStalled(peers, set)
	c.keepTries(peers, set)
	c.try(now, peers, l, set, true)
	c.lookout.await(now, peers, set)
	return set
}

// Grant gives the slots that are free to those who wait, and takes none away. Call it when a peer becomes interested,
// and when one that was served goes or is no longer interested.
func (c *Choker) Grant(now time.Time, peers []Peer) Set {
	set := make(Set)
	l := loadOf(now, peers)
	free := c.room(l) - l.served
	c.lookout.begin(now, l.waiting > free && c.capacity.slots < c.cfg.MaxSlots)
	for i := range peers {
		if p := &peers[i]; p.Unchoked {
			set.add(p)
		}
	}
	if free > 0 {
		hands := c.rank(now, peers, l, func(p *Peer) bool { return p.Interested && !p.Unchoked })
		c.turns.deal(now, hands, free, set)
		c.turns.note(now, hands, set)
	}
	c.try(now, peers, l, set, false)
	c.lookout.await(now, peers, set)
	return set
}

// keepIdle leaves slots that nobody wants to peers who had one, though they want nothing just now: when they do, they
// need not wait for us.
func keepIdle(peers []Peer, free int, set Set) {
	for i := range peers {
		if p := &peers[i]; free > 0 && p.Unchoked && !p.Interested {
			set.add(p)
			free--
		}
	}
}
