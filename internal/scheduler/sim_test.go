package scheduler

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

// simSource is a source in virtual time: it sends what it is asked for one block after another.
type simSource struct {
	id       SourceID
	perBlock time.Duration
	delay    time.Duration // from a request to the source
	window   int
	has      content.Bitmap
	lies     float64 // share of its blocks that are wrong

	queue   []Request
	sending bool
	choking bool
	silent  bool
	gone    bool
}

// sim drives one scheduler with a set of sources until it is done.
type sim struct {
	t       *testing.T
	rng     *rand.Rand
	s       *Scheduler
	now     time.Time
	events  events
	serial  int
	sources []*simSource
	blocks  func(int) int

	got      map[Request]Digest // of the attempt under way
	asked    map[Request]map[SourceID]bool
	guilty   []SourceID
	received int // blocks that came, wanted or not
	log      []string
	limit    time.Duration
}

type event struct {
	at     time.Time
	serial int
	do     func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return cmp.Or(e[i].at.Compare(e[j].at), cmp.Compare(e[i].serial, e[j].serial)) < 0
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newSim(t *testing.T, seed uint64, units int, blocks func(int) int) *sim {
	rng := rand.New(rand.NewPCG(seed, 99))
	return &sim{
		t: t, rng: rng, now: t0, blocks: blocks, limit: time.Hour,
		s:     New(Config{Units: units, Blocks: blocks, Rand: rand.New(rand.NewPCG(seed, 3))}),
		got:   make(map[Request]Digest),
		asked: make(map[Request]map[SourceID]bool),
	}
}

func (m *sim) after(d time.Duration, do func()) {
	m.serial++
	heap.Push(&m.events, event{m.now.Add(d), m.serial, do})
}

func (m *sim) add(src *simSource) *simSource {
	src.id = SourceID(len(m.sources) + 1)
	src.window = cmp.Or(src.window, 32)
	src.delay = cmp.Or(src.delay, 5*time.Millisecond)
	if src.has.Len() == 0 {
		src.has = content.NewBitmap(m.s.units)
		src.has.SetAll()
	}
	m.sources = append(m.sources, src)
	m.s.AddSource(src.id)
	m.s.HaveBitmap(src.id, src.has)
	return src
}

// run goes on until all is verified.
func (m *sim) run() {
	m.t.Helper()
	m.tick()
	for !m.s.Done() && len(m.events) > 0 {
		e := heap.Pop(&m.events).(event)
		m.now = e.at
		e.do()
		if m.now.Sub(t0) > m.limit {
			units, blocks := m.s.Remaining()
			m.t.Fatalf("not done after %v: %d units, %d blocks are left", m.limit, units, blocks)
		}
	}
	check(m.t, m.s)
	if !m.s.Done() {
		m.t.Fatal("nothing happens any more, and it is not done")
	}
}

// tick is the swarm's housekeeping: whoever has sent nothing for 10 s loses its requests, and all are asked again.
func (m *sim) tick() {
	ids, _ := m.s.Overdue(nil, m.now, 10*time.Second)
	for _, id := range ids {
		m.release(id)
		if src := m.sources[id-1]; m.s.Receiving(id) {
			m.leave(src)
		}
	}
	for _, src := range m.sources {
		m.fill(src)
	}
	m.after(Retry, m.tick)
}

func (m *sim) release(id SourceID) {
	for _, who := range m.asked {
		delete(who, id)
	}
	m.s.ReleaseAll(id)
}

func (m *sim) choke(src *simSource, on bool) {
	src.choking = on
	if on {
		src.queue = nil
		m.release(src.id)
	}
	m.fill(src)
}

func (m *sim) leave(src *simSource) {
	if src.gone {
		return
	}
	src.gone = true
	src.queue = nil
	for _, who := range m.asked {
		delete(who, src.id)
	}
	m.s.RemoveSource(src.id)
	for _, other := range m.sources {
		m.fill(other)
	}
}

func (m *sim) fill(src *simSource) {
	room := src.window - m.s.Outstanding(src.id)
	if src.gone || src.choking || room < src.window/2 {
		return
	}
	fast := src.perBlock < 250*time.Millisecond
	calm := m.s.startable() > 0
	startable := m.s.startable()
	rs := m.s.Pick(nil, m.now, src.id, room, PickOptions{Fast: fast})
	for _, r := range rs {
		who := m.asked[r]
		if who == nil {
			who = make(map[SourceID]bool)
			m.asked[r] = who
		}
		if who[src.id] {
			m.t.Fatalf("%v is asked of source %d twice", r, src.id)
		}
		// In one Pick the last unit may be started and the endgame begin.
		if len(who) > 0 && calm && startable > room {
			m.t.Fatalf("%v is asked twice outside the endgame", r)
		}
		if who[src.id] = true; len(who) > MaxOwners {
			m.t.Fatalf("%v is asked of %d sources", r, len(who))
		}
	}
	m.after(src.delay, func() {
		if !src.choking && !src.gone {
			src.queue = append(src.queue, rs...)
			m.send(src)
		}
	})
}

func (m *sim) send(src *simSource) {
	if src.sending || src.silent || src.gone || len(src.queue) == 0 {
		return
	}
	r := src.queue[0]
	src.queue = src.queue[1:]
	src.sending = true
	m.received++
	wanted := m.s.Arriving(m.now, src.id, r)
	if !wanted {
		delete(m.asked[r], src.id)
	}
	m.after(src.perBlock, func() {
		src.sending = false
		if src.gone {
			return
		}
		if wanted {
			m.arrived(src, r)
		}
		m.fill(src)
		m.send(src)
	})
}

func (m *sim) arrived(src *simSource, r Request) {
	m.got[r] = good(r)
	if m.rng.Float64() < src.lies {
		m.got[r] = Digest{31: 1, 0: byte(src.id), 1: byte(r.Block)}
	}
	delete(m.asked[r], src.id)
	complete, cancel := m.s.Arrived(m.now, src.id, r)
	for _, id := range cancel {
		delete(m.asked[r], id)
		other := m.sources[id-1]
		m.after(other.delay, func() {
			other.queue = slices.DeleteFunc(other.queue, func(x Request) bool { return x == r })
		})
	}
	m.log = append(m.log, fmt.Sprint(m.now.Sub(t0), src.id, r))
	if complete {
		m.after(time.Millisecond, func() { m.verify(r.Unit) })
	}
}

func good(r Request) (d Digest) {
	binary.LittleEndian.PutUint64(d[:], uint64(r.Unit))
	binary.LittleEndian.PutUint64(d[8:], uint64(r.Block))
	return d
}

func (m *sim) verify(unit int) {
	ds := make([]Digest, m.blocks(unit))
	ok := true
	for b := range ds {
		r := Request{unit, b}
		ds[b] = m.got[r]
		ok = ok && ds[b] == good(r)
		delete(m.got, r)
	}
	var blame Blame
	if ok {
		if !m.s.NeedDigests(unit, true) {
			ds = nil
		}
		blame = m.s.Passed(unit, ds)
	} else {
		if !m.s.NeedDigests(unit, false) {
			ds = nil
		}
		blame = m.s.Failed(unit, nil, ds)
	}
	for _, id := range blame.Guilty {
		m.guilty = append(m.guilty, id)
		m.leave(m.sources[id-1])
	}
	for _, src := range m.sources {
		m.fill(src)
	}
}

func (m *sim) total() (n int) {
	for u := range m.s.units {
		n += m.blocks(u)
	}
	return n
}

func (m *sim) wasteAtMost(share float64) {
	m.t.Helper()
	waste := float64(m.received-m.total()) / float64(m.total())
	if waste > share {
		m.t.Errorf("%.1f %% of the blocks came in vain, want at most %.1f %%", waste*100, share*100)
	}
}
