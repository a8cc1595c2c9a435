package scheduler

// ranks is the number of availabilities told apart; units with more copies than that are equally common.
const ranks = 64

// buckets is the number of (priority, availability) pairs of wanted units.
const buckets = int(High) * ranks

// order holds the wanted idle units sorted by priority, then by availability. Bucket k is list[starts[k]:starts[k+1]];
// inside a bucket units stand in no order. A have moves a unit to the neighbouring bucket with one swap; a unit that
// comes or goes costs one move for each bucket behind it. After large changes the order is stale, and sorted again in
// one pass when it is next needed.
type order struct {
	list, pos []uint32
	starts    [buckets + 1]uint32
	stale     bool
	churn     int // units that came or went since the order was last used
}

func newOrder(units int) order {
	return order{list: make([]uint32, units), pos: make([]uint32, units), stale: true}
}

// bucket is where a wanted idle unit stands in the order.
func bucket(p Priority, avail uint16) int {
	return int(High-p)*ranks + min(int(avail), ranks-1)
}

func (o *order) put(u, at uint32) { o.list[at], o.pos[u] = u, at }

// many reports whether so many changes at once are cheaper done by sorting again, and if so gives up the order.
func (o *order) many(changes int) bool {
	if changes > len(o.list)/8+64 {
		o.stale = true
	}
	return o.stale
}

func (o *order) insert(u uint32, k int) {
	if o.churn++; o.many(o.churn) {
		return
	}
	hole := o.starts[buckets]
	o.starts[buckets]++
	for j := buckets - 1; j > k; j-- {
		first := o.starts[j]
		if first != hole {
			o.put(o.list[first], hole)
		}
		hole = first
		o.starts[j]++
	}
	o.put(u, hole)
}

func (o *order) remove(u uint32, k int) {
	if o.churn++; o.many(o.churn) {
		return
	}
	hole := o.pos[u]
	for j := k + 1; j <= buckets; j++ {
		o.starts[j]--
		if last := o.starts[j]; last != hole {
			o.put(o.list[last], hole)
			hole = last
		}
	}
}

// raise moves a unit from bucket k to k+1.
func (o *order) raise(u uint32, k int) {
	if o.stale {
		return
	}
	o.starts[k+1]--
	last := o.starts[k+1]
	o.put(o.list[last], o.pos[u])
	o.put(u, last)
}

// lower moves a unit from bucket k to k-1.
func (o *order) lower(u uint32, k int) {
	if o.stale {
		return
	}
	first := o.starts[k]
	o.starts[k]++
	o.put(o.list[first], o.pos[u])
	o.put(u, first)
}

// freshen makes the order usable: a counting sort of all wanted idle units if it was stale.
func (s *Scheduler) freshen() {
	o := &s.order
	o.churn = 0
	if !o.stale {
		return
	}
	var counts [buckets]uint32
	for u, t := range s.status {
		if wantedIdle(t) {
			counts[bucket(t.priority(), s.avail[u])]++
		}
	}
	var next [buckets]uint32
	sum := uint32(0)
	for k, n := range counts {
		o.starts[k], next[k] = sum, sum
		sum += n
	}
	o.starts[buckets] = sum
	for u, t := range s.status {
		if wantedIdle(t) {
			k := bucket(t.priority(), s.avail[u])
			o.put(uint32(u), next[k])
			next[k]++
		}
	}
	o.stale = false
}

// startable is the number of wanted idle units that some source has.
func (s *Scheduler) startable() int {
	if s.seeds > 0 || s.idle == 0 {
		return s.idle
	}
	s.freshen()
	n := s.idle
	for p := Low; p <= High; p++ {
		k := bucket(p, 0)
		n -= int(s.order.starts[k+1] - s.order.starts[k])
	}
	return n
}

func wantedIdle(t status) bool { return t.state() == idle && t.priority() != None }
