package choker

import (
	"slices"
	"time"
)

// newcomer is how long a newly connected peer has a better chance in the lots, in optimistic intervals.
const newcomer = 3

// optimistic is how many slots are held back for lots.
func (c *Choker) optimistic(hands []hand) int {
	if slices.ContainsFunc(hands, func(h hand) bool { return !h.seeding }) {
		return c.cfg.Optimistic
	}
	return 0
}

// drawLots fills the slots up with peers of objects we fetch that have none by merit. One that was drawn keeps its
// slot until its time is over.
func (c *Choker) drawLots(now time.Time, hands []hand, slots int, set Set) {
	var all []*Peer
	for _, h := range hands {
		if !h.seeding {
			all = append(all, h.peers...)
		}
	}
	old := c.lots
	c.lots = make(map[Key]time.Time)
	for _, p := range all {
		if ends := old[p.key()]; now.Before(ends) && len(set) < slots && !set.Has(p.Object, p.ID) {
			set.add(p)
			c.lots[p.key()] = ends
		}
	}
	for len(set) < slots {
		p := c.draw(now, all, set)
		if p == nil {
			return
		}
		set.add(p)
		c.lots[p.key()] = now.Add(c.cfg.OptimisticInterval)
	}
}

// draw picks one peer without a slot.
//
// BEP 3: "new connections are three times as likely to start as the current optimistic unchoke as anywhere else in the
// rotation."
func (c *Choker) draw(now time.Time, all []*Peer, set Set) *Peer {
	weight := func(p *Peer) int {
		switch {
		case set.Has(p.Object, p.ID):
			return 0
		case now.Sub(p.Connected) < newcomer*c.cfg.OptimisticInterval:
			return 3
		default:
			return 1
		}
	}
	sum := 0
	for _, p := range all {
		sum += weight(p)
	}
	if sum == 0 {
		return nil
	}
	at := c.cfg.Rand.IntN(sum)
	for _, p := range all {
		if at -= weight(p); at < 0 {
			return p
		}
	}
	return nil
}
