package sim

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

// spread is what it took until there was a second copy.
type spread struct {
	given float64 // by the first seeder, in sizes of the object
	took  time.Duration
	all   time.Duration // until everybody had it
}

// secondCopy plays a plan to its end, and finds when every piece was at somebody else.
func secondCopy(t *testing.T, p Plan) (s spread) {
	t.Helper()
	w := newWorld(p, Options{})
	if err := w.populate(); err != nil {
		t.Fatal(err)
	}
	w.after(0, func() { w.lookForCopy(&s) })
	w.play()
	if w.failure != nil {
		t.Fatal(w.failure)
	}
	if s.took == 0 { // it came with the end
		s.note(w)
	}
	s.all = w.elapsed()
	return s
}

func (s *spread) note(w *world) {
	given := w.nodes[0].run.swarm.Snapshot(w.now).UpBytes
	s.given, s.took = float64(given)/float64(w.plan.size()), w.elapsed()
}

func (w *world) lookForCopy(s *spread) {
	var others content.Bitmap
	for _, n := range w.nodes[1:] {
		if n.run == nil {
			continue
		}
		have := n.run.swarm.Have()
		if others.Len() == 0 {
			others = have
		}
		for i := range have.All() {
			others.Set(i)
		}
	}
	if others.Len() > 0 && others.Full() {
		s.note(w)
		return
	}
	w.after(200*time.Millisecond, func() { w.lookForCopy(s) })
}

// TestSuperSeeding: the only seed gives little more than the object once until there is a second copy, others give the rest, and
// everybody gets it.
func TestSuperSeeding(t *testing.T) {
	for _, leechers := range []int{1, 3, 10} {
		plan := smallPlan(func(p *Plan) {
			p.Sizes, p.Bound = []int64{2 << 20}, 10*time.Minute
			first := p.Nodes[0]
			p.Nodes = p.Nodes[:1]
			for range leechers {
				n := first
				n.Seeder, n.Up, n.Down = false, 200<<10, 800<<10
				p.Nodes = append(p.Nodes, n)
			}
			for i := range p.Nodes {
				p.Nodes[i].MaxPeers = 40
			}
		})
		usual := secondCopy(t, plan)
		plan.Nodes[0].Super = true
		super := secondCopy(t, plan)
		t.Logf("%d others: %.3f times the size in %v, all done in %v; without super-seeding %.3f in %v, all in %v",
			leechers, super.given, super.took, super.all, usual.given, usual.took, usual.all)
		if super.given > 1.1 {
			t.Errorf("%d others: the seed gives %.3f times the size until there is a second copy", leechers, super.given)
		}
	}
}
