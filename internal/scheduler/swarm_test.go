package scheduler

import (
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

func TestSimRates(t *testing.T) {
	for seed := range uint64(10) {
		m := newSim(t, seed, 200, func(u int) int { return 16 })
		rate := 0.0
		for _, ms := range []int{2, 5, 20, 100, 400, 1500} {
			d := time.Duration(ms) * time.Millisecond
			m.add(&simSource{perBlock: d})
			rate += float64(time.Second) / float64(d)
		}
		m.run()
		ideal := time.Duration(float64(m.total()) / rate * float64(time.Second))
		if took := m.now.Sub(t0); took > ideal*12/10 {
			t.Errorf("seed %d: took %v, all sources together could do it in %v", seed, took, ideal)
		}
		m.wasteAtMost(0.03)
	}
}

func TestSimChurn(t *testing.T) {
	for seed := range uint64(20) {
		m := newSim(t, seed, 150, func(u int) int { return 1 + u%16 })
		m.add(&simSource{perBlock: 30 * time.Millisecond}) // stays, and has everything
		for range 8 {
			has := content.NewBitmap(150)
			for range 100 {
				has.Set(m.rng.IntN(150))
			}
			src := m.add(&simSource{perBlock: time.Duration(1+m.rng.IntN(300)) * time.Millisecond, has: has})
			m.trouble(src)
		}
		m.run()
		m.wasteAtMost(0.25)
	}
}

// trouble makes a source choke, unchoke, fall silent or leave at random.
func (m *sim) trouble(src *simSource) {
	m.after(time.Duration(m.rng.IntN(3000))*time.Millisecond, func() {
		if src.gone {
			return
		}
		switch m.rng.IntN(8) {
		case 0:
			m.leave(src)
			return
		case 1:
			src.silent = true
		case 2, 3, 4:
			m.choke(src, true)
		default:
			src.silent = false
			m.choke(src, false)
			m.send(src)
		}
		m.trouble(src)
	})
}

func TestSimDeadSourceIsReplaced(t *testing.T) {
	m := newSim(t, 1, 20, func(int) int { return 16 })
	m.add(&simSource{perBlock: 10 * time.Millisecond})
	dead := m.add(&simSource{perBlock: 10 * time.Millisecond})
	m.after(300*time.Millisecond, func() { dead.silent = true })
	m.limit = 15 * time.Second
	m.run()
}

func TestSimLiar(t *testing.T) {
	for seed := range uint64(30) {
		for _, perBlock := range []time.Duration{5 * time.Millisecond, 300 * time.Millisecond} { // fast: whole units; slow: shared
			m := newSim(t, seed, 60, func(int) int { return 16 })
			for range 3 {
				m.add(&simSource{perBlock: perBlock})
			}
			liar := m.add(&simSource{perBlock: perBlock, lies: 0.3})
			m.run()
			if !slices.Equal(m.guilty, []SourceID{liar.id}) {
				t.Errorf("seed %d, %v: guilty %v, want only %d", seed, perBlock, m.guilty, liar.id)
			}
			m.wasteAtMost(0.30)
		}
	}
}

func TestSimRareLies(t *testing.T) {
	for seed := range uint64(30) {
		m := newSim(t, seed, 100, func(int) int { return 16 })
		for i := range 5 {
			m.add(&simSource{perBlock: time.Duration(300+100*i) * time.Millisecond})
		}
		m.add(&simSource{perBlock: 300 * time.Millisecond, lies: 0.02})
		m.add(&simSource{perBlock: 260 * time.Millisecond, lies: 0.05})
		m.run()
		for _, id := range m.guilty {
			if m.sources[id-1].lies == 0 {
				t.Errorf("seed %d: honest source %d is called guilty", seed, id)
			}
		}
		m.wasteAtMost(0.30)
	}
}

func TestSimSequential(t *testing.T) {
	m := newSim(t, 4, 100, func(int) int { return 8 })
	m.s.SetSequential(true)
	m.add(&simSource{perBlock: 7 * time.Millisecond})
	m.add(&simSource{perBlock: 50 * time.Millisecond})
	m.run()
	m.wasteAtMost(0.05)
}

func TestSimIsDeterministic(t *testing.T) {
	run := func() []string {
		m := newSim(t, 11, 80, func(u int) int { return 1 + u%7 })
		m.add(&simSource{perBlock: 20 * time.Millisecond})
		for range 5 {
			m.trouble(m.add(&simSource{perBlock: time.Duration(5+m.rng.IntN(100)) * time.Millisecond, lies: 0.05}))
		}
		m.run()
		return m.log
	}
	if a, b := run(), run(); !slices.Equal(a, b) {
		t.Error("two runs with one seed differ")
	}
}
