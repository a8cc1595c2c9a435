package choker

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newTest(c Config) *Choker {
	c.Rand = rand.New(rand.NewPCG(5, 6))
	return New(c)
}

// ids are the peers of a set, of all objects, in rising order.
func ids(s Set) []uint64 {
	var out []uint64
	for k := range s {
		out = append(out, k.ID)
	}
	slices.Sort(out)
	return out
}

func apply(now time.Time, peers []Peer, s Set) {
	for i := range peers {
		p := &peers[i]
		on := s.Has(p.Object, p.ID)
		if on && !p.Unchoked {
			p.LastUnchoke, p.UploadedSinceUnchoke = now, 0
		}
		p.Unchoked = on
	}
}

func TestRun(t *testing.T) {
	old := t0.Add(-time.Hour)
	tests := []struct {
		name  string
		cfg   Config
		peers []Peer
		want  []uint64
	}{
		{"nobody", Config{}, nil, nil},
		{
			"everybody while there are slots", Config{Slots: 3},
			[]Peer{{ID: 1, Interested: true}, {ID: 2, Interested: true, Seeding: true}, {ID: 3}}, []uint64{1, 2},
		},
		{
			"who gives most", Config{Slots: 2, Optimistic: -1},
			[]Peer{
				{ID: 1, Interested: true, DownRate: 10e3}, {ID: 2, Interested: true, DownRate: 30e3},
				{ID: 3, Interested: true, DownRate: 20e3}, {ID: 4, DownRate: 90e3},
			},
			[]uint64{2, 3},
		},
		{
			"a little more is not enough to take a slot", Config{Slots: 1, Optimistic: -1},
			[]Peer{{ID: 1, Interested: true, Unchoked: true, DownRate: 100e3}, {ID: 2, Interested: true, DownRate: 105e3}},
			[]uint64{1},
		},
		{
			"a pittance is no gift, need decides", Config{Slots: 1, Optimistic: -1},
			[]Peer{{ID: 1, Interested: true, DownRate: 900, Need: 0.1}, {ID: 2, Interested: true, Need: 0.9}},
			[]uint64{2},
		},
		{
			"seeding: within the quota a slot is kept", Config{Slots: 1},
			[]Peer{
				{ID: 1, Interested: true, Seeding: true, Unchoked: true, LastUnchoke: t0.Add(-20 * time.Second), UploadedSinceUnchoke: 1 << 30, Connected: old},
				{ID: 2, Interested: true, Seeding: true, Need: 1, Connected: old},
			},
			[]uint64{1},
		},
		{
			"seeding: after the quota it goes to who waits", Config{Slots: 1},
			[]Peer{
				{ID: 1, Interested: true, Seeding: true, Unchoked: true, LastUnchoke: t0.Add(-40 * time.Second), UploadedSinceUnchoke: 1 << 30, Connected: old},
				{ID: 2, Interested: true, Seeding: true, Need: 0.1, Connected: t0},
			},
			[]uint64{2},
		},
		{
			"seeding: who lacks more of those who wait as long", Config{Slots: 1},
			[]Peer{
				{ID: 1, Interested: true, Seeding: true, Need: 0.2, Connected: old},
				{ID: 2, Interested: true, Seeding: true, Need: 0.8, Connected: old},
			},
			[]uint64{2},
		},
		{
			"seeding: coming anew earns nothing", Config{Slots: 1},
			[]Peer{
				{ID: 1, Interested: true, Seeding: true, Need: 0.5, Connected: old, LastUnchoke: t0.Add(-5 * time.Minute)},
				{ID: 2, Interested: true, Seeding: true, Need: 1, Connected: t0.Add(-time.Second)},
			},
			[]uint64{1},
		},
		{
			"objects share", Config{Slots: 4, Optimistic: -1},
			[]Peer{
				{Object: 1, ID: 1, Interested: true, DownRate: 90e3}, {Object: 1, ID: 2, Interested: true, DownRate: 80e3},
				{Object: 1, ID: 3, Interested: true, DownRate: 70e3}, {Object: 2, ID: 11, Interested: true, Seeding: true},
				{Object: 2, ID: 12, Interested: true, Seeding: true}, {Object: 2, ID: 13, Interested: true, Seeding: true},
			},
			[]uint64{1, 2, 11, 12},
		},
		{
			"free slots stay with who wants nothing just now", Config{Slots: 2},
			[]Peer{{ID: 1, Unchoked: true}, {ID: 2, Interested: true}, {ID: 3, Unchoked: true}},
			[]uint64{1, 2},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ids(newTest(tt.cfg).Run(t0, tt.peers)); !slices.Equal(got, tt.want) {
				t.Errorf("unchoked %v, want %v", got, tt.want)
			}
		})
	}
}

func TestGrantGivesFreeSlotsOnly(t *testing.T) {
	c := newTest(Config{Slots: 2})
	peers := []Peer{{ID: 1, Interested: true, Unchoked: true}, {ID: 2, Unchoked: true}, {ID: 3, Interested: true}, {ID: 4, Interested: true}}
	if got := ids(c.Grant(t0, peers)); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Errorf("unchoked %v, want 1, 2 and 3", got)
	}
	peers[1].Interested = true
	if got := ids(c.Grant(t0, peers)); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("unchoked %v though there is no free slot", got)
	}
}

func TestRoundsComeQuicklyAtFirst(t *testing.T) {
	c := newTest(Config{})
	if !c.Next().IsZero() {
		t.Error("the first round is not due at once")
	}
	now := t0
	for _, want := range []time.Duration{2, 4, 8, 10, 10} {
		c.Run(now, []Peer{{ID: 1}})
		if got := c.Next().Sub(now); got != want*time.Second {
			t.Errorf("next round after %v, want %d s", got, want)
		}
		now = c.Next()
	}
}

func TestOptimisticUnchoke(t *testing.T) {
	c := newTest(Config{Slots: 2, MaxSlots: 2, Optimistic: 1})
	peers := []Peer{{ID: 1, Interested: true, DownRate: 50e3, Connected: t0.Add(-time.Hour)}}
	for id := uint64(2); id <= 7; id++ {
		p := Peer{ID: id, Interested: true, Connected: t0.Add(-time.Hour)}
		if id == 7 {
			p.Connected = t0.Add(100 * time.Hour) // always new
		}
		peers = append(peers, p)
	}
	drawn := make(map[uint64]int)
	now := t0
	for range 3000 {
		first := c.Run(now, peers)
		apply(now, peers, first)
		again := c.Run(now.Add(29*time.Second), peers)
		if !maps.Equal(first, again) {
			t.Fatalf("an optimistic unchoke was taken back early: %v, then %v", ids(first), ids(again))
		}
		if !first.Has(0, 1) || len(first) != 2 {
			t.Fatalf("unchoked %v, want 1 and another", ids(first))
		}
		drawn[ids(first)[1]]++
		now = now.Add(31 * time.Second)
	}
	for id := uint64(2); id <= 7; id++ {
		want := 3000 / 8
		if id == 7 {
			want *= 3
		}
		if n := drawn[id]; n < want*8/10 || n > want*12/10 {
			t.Errorf("peer %d was drawn %d times, want about %d", id, n, want)
		}
	}
}

func TestSeedingGoesRound(t *testing.T) {
	c := newTest(Config{Slots: 3, MaxSlots: 3})
	var peers []Peer
	for id := range uint64(12) {
		peers = append(peers, Peer{ID: id, Interested: true, Seeding: true, Need: 1, Connected: t0.Add(-time.Minute)})
	}
	served := make(map[uint64]time.Duration)
	now := t0
	for range 720 {
		apply(now, peers, c.Run(now, peers))
		d := c.Next().Sub(now)
		now = c.Next()
		for i := range peers {
			if p := &peers[i]; p.Unchoked {
				served[p.ID] += d
				p.UploadedSinceUnchoke += int64(d.Seconds() * 1e6)
			}
		}
	}
	fair := now.Sub(t0) * 3 / 12
	for id := range uint64(12) {
		if s := served[id]; s < fair*9/10 || s > fair*11/10 {
			t.Errorf("peer %d was served %v, fair is %v", id, s, fair)
		}
	}
}

func TestMoreObjectsThanSlotsTakeTurns(t *testing.T) {
	c := newTest(Config{Slots: 4, MaxSlots: 4, Optimistic: -1})
	var peers []Peer
	for o := range uint64(10) {
		for id := range uint64(2) {
			peers = append(peers, Peer{ID: id, Object: o, Interested: true, Seeding: o%2 == 0, DownRate: float64(o) * 1e5, Connected: t0})
		}
	}
	served := make(map[uint64]int)
	now := t0
	for range 1000 {
		set := c.Run(now, peers)
		if len(set) != 4 {
			t.Fatalf("%d slots given, want 4", len(set))
		}
		apply(now, peers, set)
		for k := range set {
			served[k.Object]++
		}
		now = c.Next()
	}
	for o := range uint64(10) {
		if n := served[o]; n < 360 || n > 440 {
			t.Errorf("object %d had a slot in %d rounds, want about 400", o, n)
		}
	}
}

func TestSlotsAdapt(t *testing.T) {
	const mb = 1e6
	tests := []struct {
		name     string
		uplink   float64
		downlink float64 // of each peer
		peers    int
		min, max int
	}{
		{"a fast uplink has room", 20 * mb, 100 * mb, 60, 25, 40},
		{"a slow uplink is not split further", 0.3 * mb, 100 * mb, 60, 8, 9},
		{"peers slower than their share leave room", 2 * mb, 0.02 * mb, 60, 20, 60},
		{"not more slots than peers", 100 * mb, 100 * mb, 12, 8, 12},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newTest(Config{Slots: 8})
			var peers []Peer
			for id := range uint64(tt.peers) {
				peers = append(peers, Peer{ID: id, Interested: true, Seeding: true, Connected: t0})
			}
			now := t0
			for now.Before(t0.Add(20 * time.Minute)) {
				set := c.Run(now, peers)
				if len(set) > c.Slots() {
					t.Fatalf("%d unchoked, %d slots", len(set), c.Slots())
				}
				apply(now, peers, set)
				for i := range peers {
					peers[i].UpRate = 0
					if peers[i].Unchoked {
						peers[i].UpRate = min(tt.downlink, tt.uplink/float64(len(set)))
					}
				}
				now = c.Next()
			}
			if n := c.Slots(); n < tt.min || n > tt.max {
				t.Errorf("%d slots, want %d to %d", n, tt.min, tt.max)
			}
		})
	}
}

// TestRoomIsFoundAtOnce: on a fast line those who had to wait get slots long before the next round, however long there have been
// rounds, and nobody loses one.
func TestRoomIsFoundAtOnce(t *testing.T) {
	c := newTest(Config{})
	now := t0
	for range 20 {
		c.Run(now, nil)
		c.Run(now, []Peer{{ID: 99, Connected: t0}})
		now = c.Next()
	}
	c.Run(now, []Peer{{ID: 99, Connected: t0}})
	now = now.Add(time.Second)
	var peers []Peer
	for id := range uint64(30) {
		peers = append(peers, Peer{ID: id, Interested: true, Seeding: true, Connected: now})
	}
	set := c.Grant(now, peers)
	if len(set) != 8 {
		t.Fatalf("%d served at first", len(set))
	}
	for began := now; len(set) < len(peers); {
		before := set
		apply(now, peers, set)
		for i := range peers {
			if peers[i].Unchoked {
				peers[i].UpRate = 500e6 / float64(len(set))
			}
		}
		if now = c.Next(); now.Sub(began) > time.Second {
			t.Fatalf("%d of %d served after a second", len(set), len(peers))
		}
		set = c.Run(now, peers)
		for k := range before {
			if !set.Has(k.Object, k.ID) {
				t.Errorf("peer %d has lost its slot", k.ID)
			}
		}
	}
}

// TestLooksEnd: where there is no room, nobody looks for it all the time.
func TestLooksEnd(t *testing.T) {
	c := newTest(Config{})
	var peers []Peer
	for id := range uint64(30) {
		peers = append(peers, Peer{ID: id, Interested: true, Seeding: true, Connected: t0, UpRate: 100})
	}
	now, runs := t0, 0
	for ; now.Before(t0.Add(10 * time.Minute)); runs++ {
		apply(now, peers, c.Run(now, peers))
		apply(now, peers, c.Grant(now.Add(time.Millisecond), peers))
		now = c.Next()
	}
	if runs > 60*5 {
		t.Errorf("looked at %d times in ten minutes", runs)
	}
}

// Whatever comes, the invariant holds, and the same seed decides the same.
func TestInvariantOnRandomInput(t *testing.T) {
	for seed := range uint64(50) {
		var logs [2]string
		for run := range logs {
			logs[run] = randomRun(t, seed)
		}
		if logs[0] != logs[1] {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

func randomRun(t *testing.T, seed uint64) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	c := New(Config{Slots: 1 + rng.IntN(9), Optimistic: rng.IntN(3), Rand: rng})
	peers := make([]Peer, rng.IntN(40))
	for i := range peers {
		o := rng.Uint64N(4)
		peers[i] = Peer{ID: uint64(i), Object: o, Seeding: o < 2, Connected: t0}
	}
	var log strings.Builder
	now := t0
	for range 200 {
		for i := range peers {
			p := &peers[i]
			p.Interested = rng.IntN(4) > 0
			p.DownRate, p.UpRate, p.Need = rng.Float64()*1e5, rng.Float64()*1e6, rng.Float64()
		}
		if rng.IntN(3) > 0 {
			set := c.Grant(now, peers)
			for i := range peers {
				if peers[i].Unchoked && !set.Has(peers[i].Object, peers[i].ID) {
					t.Fatal("Grant took a slot away")
				}
			}
			apply(now, peers, set)
		} else {
			set := c.Run(now, peers)
			wanting, served := 0, 0
			for i := range peers {
				if peers[i].Interested {
					wanting++
					if set.Has(peers[i].Object, peers[i].ID) {
						served++
					}
				}
			}
			if len(set) > c.Slots() || served != min(wanting, c.Slots()) {
				t.Fatalf("seed %d: %d slots, %d want one, %d served, %d unchoked", seed, c.Slots(), wanting, served, len(set))
			}
			apply(now, peers, set)
		}
		for i := range peers {
			fmt.Fprint(&log, peers[i].Unchoked)
		}
		now = now.Add(time.Duration(rng.IntN(8000)) * time.Millisecond)
	}
	return log.String()
}
