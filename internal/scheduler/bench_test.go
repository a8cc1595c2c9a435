package scheduler

import (
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

const hugeUnits = 2 << 20

func newHuge() *Scheduler {
	s := New(Config{Units: hugeUnits, Blocks: func(int) int { return 16 }, Rand: rand.New(rand.NewPCG(1, 2))})
	s.freshen()
	return s
}

func TestMemoryPerIdleUnit(t *testing.T) {
	s := newTest(1000, 1)
	bytes := cap(s.status)*int(unsafe.Sizeof(s.status[0])) + cap(s.avail)*2 + (cap(s.order.list)+cap(s.order.pos))*4
	if per := bytes / 1000; per > 12 {
		t.Errorf("%d bytes per idle unit, want at most 12", per)
	}
}

func BenchmarkHave(b *testing.B) {
	s := newHuge()
	rng := rand.New(rand.NewPCG(3, 4))
	const sources = 50
	for id := range SourceID(sources) {
		s.AddSource(id)
	}
	b.ResetTimer()
	for i := range b.N {
		s.Have(SourceID(i%sources), rng.IntN(hugeUnits))
	}
}

func BenchmarkPick64(b *testing.B) {
	s := newHuge()
	const sources = 50
	for id := range SourceID(sources) {
		s.AddSource(id)
		if id%2 == 0 {
			s.HaveAll(id)
			continue
		}
		has := bitmap(hugeUnits)
		for u := int(id); u < hugeUnits; u += 3 {
			has.Set(u)
		}
		s.HaveBitmap(id, has)
	}
	s.freshen()
	now := t0
	var rs []Request
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		id := SourceID(i % sources)
		now = now.Add(time.Millisecond)
		rs = s.Pick(rs[:0], now, id, 64, PickOptions{Fast: true})
		for _, r := range rs {
			s.Arriving(now, id, r)
			if done, _ := s.Arrived(now, id, r); done {
				s.Passed(r.Unit, nil)
				s.Unverify(r.Unit)
			}
		}
	}
}

func BenchmarkSeedComesAndGoes(b *testing.B) {
	s := newHuge()
	b.ReportAllocs()
	for range b.N {
		s.AddSource(1)
		s.HaveAll(1)
		s.RemoveSource(1)
	}
}

func BenchmarkPeerComesAndGoes(b *testing.B) {
	s := newHuge()
	has := bitmap(hugeUnits)
	for u := 0; u < hugeUnits; u += 2 {
		has.Set(u)
	}
	for range b.N {
		s.AddSource(1)
		s.HaveBitmap(1, has)
		s.Pick(nil, t0, 1, 1, PickOptions{})
		s.RemoveSource(1)
	}
}
