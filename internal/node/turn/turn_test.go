package turn_test

import (
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/node/turn"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

var now = time.Unix(1_700_000_000, 0)

func TestOf(t *testing.T) {
	for _, c := range []struct {
		state swarm.State
		r     catalog.Record
		want  turn.Queue
	}{
		{swarm.Fetching, catalog.Record{Kind: catalog.Fetched, State: catalog.Fetching}, turn.Fetch},
		{swarm.Paused, catalog.Record{Kind: catalog.Fetched, State: catalog.Resolving}, turn.Fetch},
		{swarm.Checking, catalog.Record{Kind: catalog.Shared, State: catalog.Checking}, turn.Seed},
		{swarm.Seeding, catalog.Record{Kind: catalog.Fetched, State: catalog.Seeding, DoneAt: now}, turn.Seed},
		{swarm.Seeding, catalog.Record{Kind: catalog.Fetched, State: catalog.Seeding}, turn.None},
		{swarm.Paused, catalog.Record{Kind: catalog.Fetched, State: catalog.Paused}, turn.None},
		{swarm.Failed, catalog.Record{Kind: catalog.Fetched, State: catalog.Fetching}, turn.None},
		{swarm.Missing, catalog.Record{Kind: catalog.Shared, State: catalog.Seeding, DoneAt: now}, turn.None},
	} {
		if got := turn.Of(c.state, &c.r); got != c.want {
			t.Errorf("%v, %+v: queue %d, want %d", c.state, c.r, got, c.want)
		}
	}
}

func TestDeal(t *testing.T) {
	type in struct {
		q       turn.Queue
		stalled bool
	}
	for _, c := range []struct {
		bounds  turn.Bounds
		objects []in
		want    []bool
	}{
		{turn.Bounds{}, []in{{q: turn.Fetch}, {q: turn.Fetch}, {q: turn.Seed}}, []bool{true, true, true}},
		{turn.Bounds{Fetches: 1}, []in{{q: turn.Fetch}, {q: turn.Seed}, {q: turn.Fetch}, {q: turn.Seed}}, []bool{true, true, false, true}},
		{turn.Bounds{Fetches: 1, Seeds: 1}, []in{{q: turn.Seed}, {q: turn.None}, {q: turn.Seed}, {q: turn.Fetch}}, []bool{true, true, false, true}},
		// Who has stalled goes on, and keeps nobody waiting.
		{turn.Bounds{Fetches: 1}, []in{{turn.Fetch, true}, {turn.Fetch, false}, {turn.Fetch, true}, {turn.Fetch, false}}, []bool{true, true, true, false}},
	} {
		d := turn.NewDeal(c.bounds)
		var got []bool
		for _, o := range c.objects {
			got = append(got, d.Next(o.q, o.stalled))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v, %v: %v, want %v", c.bounds, c.objects, got, c.want)
		}
	}
}

func TestProgress(t *testing.T) {
	var p turn.Progress
	for _, c := range []struct {
		after   time.Duration
		s       swarm.Snapshot
		moving  bool
		stalled bool
	}{
		{0, swarm.Snapshot{}, true, false},
		{2 * time.Minute, swarm.Snapshot{}, true, false},
		{3 * time.Minute, swarm.Snapshot{}, true, true},
		{4 * time.Minute, swarm.Snapshot{DownBytes: 1}, true, false},
		{8 * time.Minute, swarm.Snapshot{DownBytes: 1}, true, true},
		{9 * time.Minute, swarm.Snapshot{DownBytes: 1, Sources: 1}, true, false},
		{20 * time.Minute, swarm.Snapshot{DownBytes: 1}, false, false}, // it is no wonder
	} {
		p.Watch(now.Add(c.after), c.s, c.moving)
		if p.Stalled() != c.stalled {
			t.Errorf("after %v: %v", c.after, p.Stalled())
		}
	}
}

func TestEnough(t *testing.T) {
	fetched := catalog.Record{Kind: catalog.Fetched, Size: 100, DoneAt: now.Add(-time.Hour)}
	for _, c := range []struct {
		why   string
		e     turn.Enough
		r     catalog.Record
		given int64
		want  bool
	}{
		{"no end", turn.Enough{}, fetched, 1e9, false},
		{"not yet", turn.Enough{Ratio: 2, Time: 2 * time.Hour}, fetched, 199, false},
		{"ratio", turn.Enough{Ratio: 2}, fetched, 200, true},
		{"time", turn.Enough{Time: time.Hour}, fetched, 0, true},
		{"a share", turn.Enough{Ratio: 1, Time: 1}, catalog.Record{Kind: catalog.Shared, Size: 100, DoneAt: fetched.DoneAt}, 1e9, false},
		{"not complete", turn.Enough{Ratio: 1, Time: 1}, catalog.Record{Kind: catalog.Fetched, Size: 100}, 1e9, false},
		{"empty", turn.Enough{Ratio: 1}, catalog.Record{Kind: catalog.Fetched, DoneAt: fetched.DoneAt}, 0, false},
	} {
		if got := c.e.Reached(now, &c.r, c.given); got != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
	}
}
