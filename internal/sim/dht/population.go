package dht

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// How a network comes to be, and what happens in it when.
const (
	joining   = 2 * time.Minute  // in which all have joined
	settled   = 3 * time.Minute  // when it has come to rest
	vanishing = 30 * time.Second // before that, some vanish
	besieged  = 24               // how many honest nodes near a key its Sybils make themselves known to
	trialGap  = 100 * time.Millisecond
	patience  = 3 * time.Minute // of the last look-up
	contacts  = 24              // how many others a node remembers from the last time
	courted   = 60              // how many honest nodes a hostile one makes itself known to
	ghosts    = 16              // nodes that do not exist for each one that does; the inventive tell of them
)

// populate has everybody join: in any order, each with some nodes it knows from before, of which as many are hostile as of all.
func (w *world) populate() {
	rng := generator(w.plan.Seed, 2)
	w.gang = &gang{w: w, ghosts: invented(rng, ghosts*w.plan.Nodes)}
	var known []netip.AddrPort
	for i := range w.plan.Nodes {
		ip := w.places.address()
		if rng.Float64() < w.plan.Hostile {
			m := w.gang.recruit(ip, conduct(len(w.gang.members))%conducts, rng)
			known = append(known, m.node().Addr)
			continue
		}
		h := newHonest(w, ip, generator(w.plan.Seed, 1000+len(w.honest)))
		w.honest = append(w.honest, h)
		if i > 0 && w.plan.Behind > 0 && rng.Float64() < w.plan.Behind {
			h.ways = make(map[netip.AddrPort]time.Duration)
			if w.plan.ReadOnly {
				h.core.SetMode(w.clock(), krpc.IPv4, core.ReadOnly)
			}
		} else {
			known = append(known, h.addr)
		}
		from := known[:max(1, len(known)-1)]
		w.at(time.Duration(i)*joining/time.Duration(w.plan.Nodes), func() {
			h.core.Contact(w.clock(), sample(rng, from, contacts)...)
			h.step()
		})
	}
	var nodes []krpc.Node
	for _, h := range w.honest {
		nodes = append(nodes, h.node())
	}
	w.gang.meet(rng, nodes, courted, joining)
	w.play(settled - vanishing)
	for _, h := range w.honest {
		if rng.Float64() < w.plan.Gone {
			h.gone = true
		}
	}
	w.honest = slices.DeleteFunc(w.honest, func(h *honest) bool { return h.gone })
	w.play(settled)
}

// tryAll makes the look-ups, many at a time.
func (w *world) tryAll() []*trial {
	rng := generator(w.plan.Seed, 3)
	trials := make([]*trial, w.plan.LookUps)
	for i := range trials {
		pair := sample(rng, w.honest[len(w.honest)/2:], 2)
		t := newTrial(thing(i)%things, pair[0], pair[1], rng)
		trials[i] = t
		w.after(time.Duration(i)*trialGap, func() {
			if w.plan.Sybils == 0 {
				t.keep(0)
				return
			}
			w.besiege(t.key, rng)
			w.after(time.Minute, func() { t.keep(0) })
		})
	}
	end := w.now + time.Duration(len(trials))*trialGap + patience
	for w.now < end && slices.ContainsFunc(trials, func(t *trial) bool { return t.ended == 0 }) {
		w.play(w.now + time.Second)
	}
	return trials
}

// besiege surrounds a key with Sybils, who make themselves known to those who are nearest to it.
func (w *world) besiege(key krpc.ID, rng *rand.Rand) {
	near := make(identities, 0, len(w.honest))
	for _, h := range w.honest {
		near = append(near, h.node())
	}
	near.sort()
	near = near.nearest(key, besieged)
	w.surround(key, w.plan.Sybils, near[0].ID.Distance(key), rng).meet(rng, near, len(near), 30*time.Second)
}

// sample picks some, none twice, fewer if there are not so many.
func sample[T any](rng *rand.Rand, from []T, n int) []T {
	picked := make(map[int]bool, n)
	var list []T
	for len(list) < min(n, len(from)) {
		if i := rng.IntN(len(from)); !picked[i] {
			picked[i] = true
			list = append(list, from[i])
		}
	}
	return list
}
