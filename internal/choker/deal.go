package choker

import (
	"cmp"
	"slices"
	"time"
)

// turns remembers when objects had slots, so that they take turns when there are more objects than slots.
type turns struct {
	hold   time.Duration // how long an object that has a slot comes before those that wait
	stints map[uint64]stint
}

// stint is an object's last time with a slot.
type stint struct {
	began, last time.Time
	on          bool // it has one now
	rounds      int  // in how many rounds it had one
}

// deal gives n more slots to the hands, one to each in turn, until all are given or everybody has one.
func (t *turns) deal(now time.Time, hands []hand, n int, set Set) {
	if n <= 0 || len(hands) == 0 {
		return
	}
	order := t.order(now, hands)
	for given := true; given; {
		given = false
		for i := range order {
			if n == 0 {
				return
			}
			if p := order[i].next(set); p != nil {
				set.add(p)
				n--
				given = true
			}
		}
	}
}

// next is the most deserving peer that has no slot yet.
func (h *hand) next(set Set) *Peer {
	for len(h.peers) > 0 {
		p := h.peers[0]
		h.peers = h.peers[1:]
		if !set.Has(p.Object, p.ID) {
			return p
		}
	}
	return nil
}

// order sorts a copy of the hands by whose turn it is: first those that have a slot and have not had it for long, then
// those that wait, the longest waiting first, then those that have had one for long, the longest last.
func (t *turns) order(now time.Time, hands []hand) []hand {
	const short, waiting, long = 0, 1, 2
	class := func(st stint) int {
		switch {
		case !st.on:
			return waiting
		case now.Sub(st.began) < t.hold:
			return short
		default:
			return long
		}
	}
	order := slices.Clone(hands)
	slices.SortStableFunc(order, func(a, b hand) int {
		x, y := t.stints[a.object], t.stints[b.object]
		if c := cmp.Compare(class(x), class(y)); c != 0 {
			return c
		}
		if class(x) == waiting {
			return cmp.Or(x.last.Compare(y.last), cmp.Compare(x.rounds, y.rounds))
		}
		return y.began.Compare(x.began)
	})
	return order
}

// note records which of the objects have a slot now.
func (t *turns) note(now time.Time, hands []hand, set Set) {
	served := make(map[uint64]bool)
	for key := range set {
		served[key.Object] = true
	}
	for _, h := range hands {
		st := t.stints[h.object]
		if served[h.object] {
			if !st.on {
				st.began = now
			}
			st.last = now
			st.rounds++
		}
		st.on = served[h.object]
		t.stints[h.object] = st
	}
}

// forget drops the objects that want no slot.
func (t *turns) forget(hands []hand) {
	for object := range t.stints {
		if !slices.ContainsFunc(hands, func(h hand) bool { return h.object == object }) {
			delete(t.stints, object)
		}
	}
}
