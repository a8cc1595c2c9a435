package dht

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// A node that is known and asked by no stranger becomes read-only, tries again, and serves as soon as one comes.
func TestReadOnly(t *testing.T) {
	friend, stranger := netip.MustParseAddr("21.1.1.1"), netip.MustParseAddr("22.1.1.1")
	us, moved := netip.MustParseAddr("23.1.1.1"), netip.MustParseAddr("24.1.1.1")
	known := dht.SideStats{Family: krpc.IPv4, State: dht.Joined, Good: strangers.good, Network: strangers.all * float64(strangers.good), External: us}
	change := func(f func(*dht.SideStats)) dht.SideStats {
		s := known
		f(&s)
		return s
	}
	few := change(func(s *dht.SideStats) { s.Good-- })
	small := change(func(s *dht.SideStats) { s.Good++ })
	local := change(func(s *dht.SideStats) { s.External = netip.Addr{} })
	joining := change(func(s *dht.SideStats) { s.State = dht.Joining })
	elsewhere := change(func(s *dht.SideStats) { s.External = moved })
	queried := func(by netip.Addr) func(*readOnly, time.Time) {
		return func(r *readOnly, now time.Time) { r.heard(now, by, true) }
	}
	answered := func(r *readOnly, now time.Time) { r.heard(now, stranger, false) }
	wrote := func(r *readOnly, now time.Time) { r.wrote(now, stranger) }

	type step struct {
		at    time.Duration // from the start on
		does  func(*readOnly, time.Time)
		stats dht.SideStats
		mode  dht.Mode
		stand Standing
	}
	const serving, hidden = dht.Serving, dht.ReadOnly
	for name, steps := range map[string][]step{
		"nobody comes": {
			{0, nil, known, serving, Unknown},
			{hearing - time.Minute, nil, known, serving, Unknown},
			{hearing, nil, known, hidden, Unreached},
			{hearing + hiding - time.Minute, nil, known, hidden, Unreached},
			{hearing + hiding, nil, known, serving, Unreached},
			{hearing + hiding + trial - time.Minute, nil, known, serving, Unreached},
			{hearing + hiding + trial, nil, known, hidden, Unreached},
		},
		"a small network":        {{0, nil, small, serving, Unknown}, {3 * hearing, nil, small, serving, Unknown}},
		"few know us":            {{0, nil, few, serving, Unknown}, {3 * hearing, nil, few, serving, Unknown}},
		"a network without NATs": {{0, nil, local, serving, Unknown}, {3 * hearing, nil, local, serving, Unknown}},
		"not in yet":             {{0, nil, joining, serving, Unknown}, {3 * hearing, nil, joining, serving, Unknown}},
		"out for a while": {
			{0, nil, known, serving, Unknown},
			{hearing / 2, nil, few, serving, Unknown},
			{hearing, nil, known, serving, Unknown},
			{2*hearing - time.Minute, nil, known, serving, Unknown},
			{2 * hearing, nil, known, hidden, Unreached},
		},
		"a stranger comes": {
			{0, queried(stranger), known, serving, Reached},
			{hearing - time.Minute, nil, known, serving, Reached},
			{hearing, nil, known, hidden, Unreached},
		},
		"and another, later": {
			{0, queried(stranger), known, serving, Reached},
			{hearing - time.Minute, queried(friend), known, serving, Reached},
			{2*hearing - 2*time.Minute, nil, known, serving, Reached},
			{2*hearing - time.Minute, nil, known, hidden, Unreached},
		},
		"while it is read-only": {
			{0, nil, known, serving, Unknown},
			{hearing, nil, known, hidden, Unreached},
			{hearing + time.Minute, queried(stranger), known, serving, Reached},
		},
		"whom we wrote to": {
			{0, wrote, known, serving, Unknown},
			{generation - time.Second, queried(stranger), known, serving, Unknown},
			{2*generation - 2*time.Second, queried(stranger), known, serving, Unknown},
			{hearing + time.Minute, nil, known, hidden, Unreached},
		},
		"whom we wrote to long ago": {
			{0, wrote, known, serving, Unknown},
			{2 * generation, queried(stranger), known, serving, Reached},
		},
		"an answer": {{0, answered, known, serving, Unknown}, {hearing, nil, known, hidden, Unreached}},
		"a neighbour": {
			{0, queried(netip.MustParseAddr("192.168.1.2")), known, serving, Unknown},
			{time.Minute, queried(us), known, serving, Unknown},
			{hearing, nil, known, hidden, Unreached},
		},
		"another port": {
			{0, nil, known, serving, Unknown},
			{hearing, nil, known, hidden, Unreached},
			{hearing + time.Minute, (*readOnly).moved, known, serving, Unknown},
			{2*hearing + 2*time.Minute, nil, known, hidden, Unreached},
		},
		"another address": {
			{0, nil, known, serving, Unknown},
			{hearing, nil, known, hidden, Unreached},
			{hearing + time.Minute, nil, elsewhere, serving, Unknown},
			{2*hearing + 2*time.Minute, nil, elsewhere, hidden, Unreached},
		},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Unix(1e9, 0)
			r := newReadOnly(krpc.IPv4, rand.New(rand.NewPCG(1, 1)))
			now, stats := begin, steps[0].stats
			for _, s := range steps {
				for now.Before(begin.Add(s.at)) { // what is due is done when it is due
					if !now.Before(r.next()) {
						r.advance(now, stats)
					}
					now = now.Add(time.Minute / 2)
				}
				now, stats = begin.Add(s.at), s.stats
				if r.advance(now, stats); s.does != nil {
					s.does(r, now)
					r.advance(now, stats)
				}
				if r.mode != s.mode || r.fact.Standing != s.stand || (r.fact.Standing == Unknown) != r.fact.At.IsZero() {
					t.Fatalf("after %v: mode %d, %+v", s.at, r.mode, r.fact)
				}
				if next := r.next(); !next.After(now) || next.After(now.Add(hiding)) {
					t.Fatalf("after %v: wants to be asked again after %v", s.at, next.Sub(now))
				}
			}
		})
	}
}

// Strangers are counted, and each change of standing is told once.
func TestReadOnlyTells(t *testing.T) {
	now := time.Unix(1e9, 0)
	r := newReadOnly(krpc.IPv4, rand.New(rand.NewPCG(1, 1)))
	if r.news() {
		t.Error("news at the beginning")
	}
	for i := range 3 {
		for range 2 {
			r.heard(now, netip.AddrFrom4([4]byte{21, byte(i), 1, 1}), true)
		}
	}
	if want := (Reachability{Reached, now, 3}); r.fact != want || !r.news() || r.news() {
		t.Errorf("%+v", r.fact)
	}
}

// However many acquaintances there are, none is taken for a stranger; and few strangers for acquaintances while they are not too many.
func TestAcquaintances(t *testing.T) {
	now := time.Unix(1e9, 0)
	host := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{20, byte(i >> 16), byte(i >> 8), byte(i)}) }
	a := newAcquaintances(rand.New(rand.NewPCG(1, 1)))
	const met = 20_000
	for i := range met {
		a.add(now, host(i))
	}
	mistaken := 0
	for i := range met {
		if !a.has(now, host(i)) {
			t.Fatal("forgotten:", host(i))
		}
		if a.has(now, host(1<<20+i)) {
			mistaken++
		}
	}
	if mistaken > met/50 {
		t.Errorf("%d of %d strangers are taken for acquaintances", mistaken, met)
	}
	if !a.has(now.Add(generation), host(1)) || a.has(now.Add(2*generation), host(1)) {
		t.Error("not remembered for one to two generations")
	}
	a.add(now.Add(time.Hour), host(2))
	if !a.has(now.Add(time.Hour+generation), host(2)) {
		t.Error("forgotten after a long rest")
	}
}
