package scheduler

import (
	"slices"
	"testing"
)

// check compares every count the scheduler keeps with what a plain look at its state gives.
func check(t *testing.T, s *Scheduler) {
	t.Helper()
	var needed, left, fresh int
	for u, st := range s.status {
		pt := s.parts[u]
		if (pt != nil) != (st.state() == started || st.state() == complete) {
			t.Fatalf("unit %d in state %d: part %v", u, st.state(), pt != nil)
		}
		if wantedIdle(st) {
			fresh++
			if u < s.low {
				t.Fatalf("unit %d is idle below low %d", u, s.low)
			}
		}
		if st.priority() != None && st.state() != verified {
			needed++
			left += s.blocks(u)
			if pt != nil {
				left -= pt.arrived
			}
		}
	}
	if s.needed != needed || s.left != left || s.idle != fresh {
		t.Fatalf("needed %d left %d idle %d, counted %d %d %d", s.needed, s.left, s.idle, needed, left, fresh)
	}
	checkParts(t, s)
	checkSources(t, s)
	checkOrder(t, s)
}

func checkParts(t *testing.T, s *Scheduler) {
	t.Helper()
	if len(s.active) != len(s.parts) {
		t.Fatalf("%d active, %d parts", len(s.active), len(s.parts))
	}
	for i, pt := range s.active {
		if pt.slot != i || s.parts[pt.unit] != pt {
			t.Fatalf("part of unit %d is not in its place", pt.unit)
		}
		var counts [arrived + 1]int
		live := 0
		for b, blk := range pt.blocks {
			counts[blk.phase]++
			n := 0
			for _, o := range blk.owners {
				if !o.live {
					continue
				}
				n++
				if s.sources[o.src.id] != o.src || !slices.Contains(o.src.asked.items, Request{pt.unit, b}) {
					t.Fatalf("unit %d block %d is owned by source %d, which does not know", pt.unit, b, o.src.id)
				}
			}
			live += n
			if n != int(blk.live) || (blk.phase == requested) != (n > 0) && blk.phase != arriving {
				t.Fatalf("unit %d block %d: phase %d, %d live owners, counted %d", pt.unit, b, blk.phase, blk.live, n)
			}
			if blk.phase == open && b < pt.low {
				t.Fatalf("unit %d block %d is open below low %d", pt.unit, b, pt.low)
			}
		}
		if counts[open] != pt.open || counts[arriving] != pt.arriving || counts[arrived] != pt.arrived || live != pt.live {
			t.Fatalf("unit %d: counts %v live %d, kept %d %d %d %d", pt.unit, counts, live, pt.open, pt.arriving, pt.arrived, pt.live)
		}
		if (s.status[pt.unit].state() == complete) != (pt.arrived == len(pt.blocks)) {
			t.Fatalf("unit %d: %d of %d arrived in state %d", pt.unit, pt.arrived, len(pt.blocks), s.status[pt.unit].state())
		}
	}
}

func checkSources(t *testing.T, s *Scheduler) {
	t.Helper()
	seeds := 0
	for i, src := range s.list {
		if src.slot != i || s.sources[src.id] != src {
			t.Fatalf("source %d is not in its place", src.id)
		}
		for r := range src.asked.all() {
			pt := s.parts[r.Unit]
			if pt == nil {
				t.Fatalf("source %d owes a block of idle unit %d", src.id, r.Unit)
			}
			if o := pt.blocks[r.Block].owner(src); o == nil || !o.live {
				t.Fatalf("source %d owes %v, which does not know", src.id, r)
			}
		}
		if src.all {
			seeds++
			continue
		}
		useful, fresh := 0, 0
		for u := range src.has.All() {
			if st := s.status[u]; st.priority() != None && st.state() != verified {
				useful++
				if st.state() == idle {
					fresh++
				}
			}
		}
		if useful != src.useful || fresh != src.fresh {
			t.Fatalf("source %d: useful %d fresh %d, counted %d %d", src.id, src.useful, src.fresh, useful, fresh)
		}
	}
	if seeds != s.seeds {
		t.Fatalf("%d seeds, counted %d", s.seeds, seeds)
	}
}

func checkOrder(t *testing.T, s *Scheduler) {
	t.Helper()
	avail := make([]int, s.units)
	for _, src := range s.list {
		for u := range src.has.All() {
			if !src.all {
				avail[u]++
			}
		}
	}
	for u := range avail {
		if avail[u] != int(s.avail[u]) {
			t.Fatalf("unit %d: availability %d, counted %d", u, s.avail[u], avail[u])
		}
	}
	if s.order.stale {
		return
	}
	if int(s.order.starts[buckets]) != s.idle {
		t.Fatalf("%d units in order, %d are idle", s.order.starts[buckets], s.idle)
	}
	for k := range buckets {
		for i := s.order.starts[k]; i < s.order.starts[k+1]; i++ {
			u := s.order.list[i]
			if s.order.pos[u] != i || !wantedIdle(s.status[u]) || bucket(s.status[u].priority(), s.avail[u]) != k {
				t.Fatalf("unit %d stands wrongly at %d in bucket %d", u, i, k)
			}
		}
	}
}
