package tracker_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

var (
	epoch   = time.Unix(1_700_000_000, 0)
	errDown = errors.New("connection refused")
)

func tiers(list ...string) [][]tracker.Server {
	var out [][]tracker.Server
	for _, t := range list {
		var tier []tracker.Server
		for u := range strings.FieldsSeq(t) {
			tier = append(tier, tracker.Server{URL: "http://" + u + "/announce"})
		}
		out = append(out, tier)
	}
	return out
}

func plan(private bool, list ...string) tracker.Plan {
	return tracker.Plan{Tiers: tiers(list...), Hashes: [][20]byte{{1}}, Private: private}
}

func newAnnouncer(p tracker.Plan, seed uint64) *tracker.Announcer {
	return tracker.NewAnnouncer(p, rand.New(rand.NewPCG(seed, 1)))
}

func name(j tracker.Job) string {
	return strings.TrimSuffix(strings.TrimPrefix(j.Server.URL, "http://"), "/announce")
}

// due answers all announces over IPv6 with the lack of a way, and returns those over IPv4.
func due(a *tracker.Announcer, now time.Time) []tracker.Job {
	jobs := a.Due(now)
	for _, j := range jobs {
		if j.Family == netx.IPv6 {
			a.Done(now, j, nil, fmt.Errorf("x: %w", urls.ErrNoAddress))
		}
	}
	return slices.DeleteFunc(jobs, func(j tracker.Job) bool { return j.Family == netx.IPv6 })
}

func one(t *testing.T, a *tracker.Announcer, now time.Time, want string) tracker.Job {
	t.Helper()
	jobs := due(a, now)
	if len(jobs) != 1 || name(jobs[0])+" "+jobs[0].Event.String() != want {
		t.Fatalf("at %v: %v, want %s", now.Sub(epoch), jobs, want)
	}
	return jobs[0]
}

func none(t *testing.T, a *tracker.Announcer, now time.Time) {
	t.Helper()
	if jobs := due(a, now); len(jobs) > 0 {
		t.Fatalf("at %v: %v", now.Sub(epoch), jobs)
	}
}

func answer(interval, least time.Duration) *tracker.Response {
	return &tracker.Response{Response: wire.Response{Interval: interval, MinInterval: least, Seeders: 1, Leechers: 2}}
}

func TestEventsInOrder(t *testing.T) {
	a := newAnnouncer(plan(false, "a"), 1)
	now := epoch
	j := one(t, a, now, "a started")
	none(t, a, now.Add(time.Hour)) // not while it is being asked
	r := answer(20*time.Minute, 0)
	r.TrackerID = "id"
	a.Done(now, j, r, nil)
	none(t, a, now.Add(20*time.Minute-1))
	now = now.Add(20 * time.Minute)
	j = one(t, a, now, "a ")
	if j.TrackerID != "id" {
		t.Error("tracker id", j.TrackerID)
	}
	// Complete while an announce is under way: the tracker is told right after it.
	a.Completed(now)
	a.Done(now, j, answer(20*time.Minute, 0), nil)
	j = one(t, a, now, "a completed")
	a.Done(now, j, answer(20*time.Minute, 0), nil)
	now = now.Add(20 * time.Minute)
	a.Done(now, one(t, a, now, "a "), answer(0, 0), nil)
	stops := a.Stop()
	if len(stops) != 1 || stops[0].Event != wire.Stopped {
		t.Error(stops)
	}
}

func TestCompletedIsToldOnlyToWhoSawUsBegin(t *testing.T) {
	a := newAnnouncer(plan(false, "a", "b"), 1)
	jobs := due(a, epoch)
	a.Done(epoch, jobs[0], answer(time.Hour, 0), nil)
	a.Completed(epoch.Add(time.Second))
	jobs2 := due(a, epoch.Add(time.Second))
	if len(jobs2) != 1 || jobs2[0].Event != wire.Completed || name(jobs2[0]) != name(jobs[0]) {
		t.Fatal(jobs2)
	}
	a.Done(epoch.Add(2*time.Second), jobs[1], nil, errDown)
	j := one(t, a, epoch.Add(time.Minute), name(jobs[1])+" started")
	a.Done(epoch, j, nil, errDown)
	for _, j := range a.Stop() {
		if name(j) == name(jobs[1]) {
			t.Error("good-bye to who does not know us")
		}
	}
}

func TestTierOrderAndPromotion(t *testing.T) {
	a := newAnnouncer(plan(true, "a b c", "d"), 3)
	now := epoch
	var order []string
	for range 4 {
		jobs := due(a, now)
		if len(jobs) != 1 {
			t.Fatal(jobs)
		}
		order = append(order, name(jobs[0]))
		a.Done(now, jobs[0], nil, errDown)
	}
	if order[3] != "d" {
		t.Fatal("the second tier came before the first was through:", order)
	}
	// After a failure the next one is asked at once; when all have failed, the first again after a while.
	none(t, a, now.Add(10*time.Second))
	now = now.Add(20 * time.Second)
	a.Done(now, one(t, a, now, order[0]+" started"), nil, errDown)
	a.Done(now, one(t, a, now, order[1]+" started"), nil, errDown)
	a.Done(now, one(t, a, now, order[2]+" started"), answer(time.Hour, 0), nil)
	now = now.Add(time.Hour)
	// BEP 12: the one that worked is in front now.
	j := one(t, a, now, order[2]+" ")
	a.Done(now, j, nil, errDown)
	j = one(t, a, now, order[0]+" started")
	a.Done(now, j, answer(time.Hour, 0), nil)
	if stops := a.Stop(); len(stops) != 2 {
		t.Error("good-byes:", stops)
	}
}

func TestShuffleWithinTierOnly(t *testing.T) {
	firsts := map[string]int{}
	for seed := range uint64(60) {
		a := newAnnouncer(plan(true, "a b c", "d e"), seed)
		firsts[name(due(a, epoch)[0])]++
	}
	if len(firsts) != 3 || firsts["a"] == 0 || firsts["b"] == 0 || firsts["c"] == 0 {
		t.Error(firsts)
	}
}

func TestEveryTierIsAskedUnlessPrivate(t *testing.T) {
	if jobs := due(newAnnouncer(plan(false, "a b", "c", "a"), 1), epoch); len(jobs) != 2 {
		t.Error(jobs)
	}
	if jobs := due(newAnnouncer(plan(true, "a b", "c"), 1), epoch); len(jobs) != 1 {
		t.Error(jobs)
	}
	if jobs := due(newAnnouncer(plan(false), 1), epoch); len(jobs) != 0 {
		t.Error(jobs)
	}
	if next := newAnnouncer(plan(false), 1).Next(); !next.IsZero() {
		t.Error("nothing to do at", next)
	}
}

func TestHybridAnnouncesBothHashesOverBothFamilies(t *testing.T) {
	p := plan(false, "a")
	p.Hashes = [][20]byte{{1}, {2}}
	seen := map[string]bool{}
	for _, j := range newAnnouncer(p, 1).Due(epoch) {
		seen[fmt.Sprint(j.Hash[0], j.Family)] = true
	}
	if len(seen) != 4 {
		t.Error(seen)
	}
}

func TestTooManyTrackers(t *testing.T) {
	var list []string
	for i := range 500 {
		list = append(list, fmt.Sprintf("t%d", i))
	}
	if n := len(due(newAnnouncer(plan(false, list...), 1), epoch)); n != 100 {
		t.Error(n)
	}
}

func TestIntervals(t *testing.T) {
	tests := []struct {
		interval, least time.Duration
		regular, hungry time.Duration
	}{
		{0, 0, 30 * time.Minute, 5 * time.Minute},
		{30 * time.Minute, 15 * time.Minute, 30 * time.Minute, 15 * time.Minute},
		{2 * time.Minute, 0, 2 * time.Minute, 2 * time.Minute},
		{time.Second, 0, time.Minute, time.Minute},       // would have us hammer it
		{time.Hour, time.Second, time.Hour, time.Minute}, // likewise
		{time.Minute, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute},
		{24 * time.Hour, 0, 24 * time.Hour, 5 * time.Minute},
	}
	for _, tt := range tests {
		a := newAnnouncer(plan(false, "a"), 1)
		for _, j := range a.Due(epoch) {
			a.Done(epoch, j, answer(tt.interval, tt.least), nil)
		}
		if got := a.Next().Sub(epoch); got != tt.regular {
			t.Errorf("%v, %v: next after %v, want %v", tt.interval, tt.least, got, tt.regular)
		}
		a.SetHungry(true)
		if got := a.Next().Sub(epoch); got != tt.hungry {
			t.Errorf("%v, %v: hungry after %v, want %v", tt.interval, tt.least, got, tt.hungry)
		}
	}
}

func TestBackoff(t *testing.T) {
	a := newAnnouncer(plan(false, "a"), 1)
	a.SetHungry(true) // is no reason to hammer who is down
	now := epoch
	want := 15 * time.Second
	for range 12 {
		a.Done(now, one(t, a, now, "a started"), nil, errDown)
		none(t, a, now.Add(want-1))
		now = now.Add(want + want/4)
		want = min(2*want, time.Hour)
	}
	// What the tracker itself says counts, whatever happened before.
	a.Done(now, one(t, a, now, "a started"), nil, &wire.Failure{Reason: "full", Retry: 2 * time.Hour})
	none(t, a, now.Add(2*time.Hour-1))
	now = now.Add(2 * time.Hour)
	a.Done(now, one(t, a, now, "a started"), nil, &wire.Failure{Reason: "gone", Never: true})
	none(t, a, now.Add(300*24*time.Hour))
	a = newAnnouncer(plan(false, "a"), 1)
	a.Done(epoch, one(t, a, epoch, "a started"), nil, &urls.Error{})
	none(t, a, epoch.Add(59*time.Minute))
	// Success forgets.
	now = epoch.Add(time.Hour)
	a.Done(now, one(t, a, now, "a started"), answer(0, 0), nil)
	now = now.Add(time.Hour)
	a.Done(now, one(t, a, now, "a "), nil, errDown)
	one(t, a, now.Add(19*time.Second), "a ")
}

func TestStatus(t *testing.T) {
	p := plan(false, "a", "b")
	p.Tiers[1][0].URL = "http://me:secret@b/announce?passkey=secret"
	a := newAnnouncer(p, 1)
	for _, j := range a.Due(epoch) {
		switch {
		case j.Family == netx.IPv6:
			a.Done(epoch, j, nil, urls.ErrNoAddress)
		case name(j) == "a":
			r := answer(time.Hour, 0)
			r.Warning = "\x1b[31mslow"
			r.Peers = make([]netip.AddrPort, 7)
			a.Done(epoch, j, r, nil)
		default:
			a.Done(epoch, j, nil, errDown)
		}
	}
	s := a.Status()
	if len(s) != 2 {
		t.Fatal(s)
	}
	if s[0].URL != "http://a/announce" || s[0].Err != nil || s[0].Warning != `\x1b[31mslow` || s[0].Seeders != 1 || s[0].Leechers != 2 ||
		s[0].Peers != 7 || !s[0].Announced.Equal(epoch) {
		t.Errorf("%+v", s[0])
	}
	if s[1].URL != "http://b/announce" || !errors.Is(s[1].Err, errDown) || s[1].Seeders != -1 || s[1].Next.Sub(epoch) < 15*time.Second {
		t.Errorf("%+v", s[1])
	}
}
