package tracker_test

import (
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// TestPartialSeed: every announce but the good-bye says so for as long as it is so.
func TestPartialSeed(t *testing.T) {
	a := newAnnouncer(plan(false, "a"), 1)
	now := epoch
	a.SetPartial(now, true)
	a.Done(now, one(t, a, now, "a paused"), answer(20*time.Minute, 0), nil)
	none(t, a, now.Add(time.Minute))
	now = now.Add(20 * time.Minute)
	a.Done(now, one(t, a, now, "a paused"), answer(20*time.Minute, 0), nil)
	// It wants the rest after all, and gets it.
	now = now.Add(time.Minute)
	a.SetPartial(now, false)
	a.Done(now, one(t, a, now, "a "), answer(20*time.Minute, 0), nil)
	a.Completed(now)
	a.Done(now, one(t, a, now, "a completed"), answer(20*time.Minute, 0), nil)
	if stops := a.Stop(); len(stops) != 1 || stops[0].Event != wire.Stopped {
		t.Error(stops)
	}
}

// TestPartialWhileAsked: what changes while a tracker is asked is told right after.
func TestPartialWhileAsked(t *testing.T) {
	a := newAnnouncer(plan(false, "a"), 1)
	j := one(t, a, epoch, "a started")
	a.SetPartial(epoch, true)
	a.Done(epoch, j, answer(time.Hour, 0), nil)
	j = one(t, a, epoch, "a paused")
	a.SetPartial(epoch, false)
	a.Done(epoch, j, answer(time.Hour, 0), nil)
	a.Done(epoch, one(t, a, epoch, "a "), answer(time.Hour, 0), nil)
	none(t, a, epoch.Add(time.Minute))
}

// TestEventNotKnown: a tracker that refuses the event is asked in the old words, at once and from then on.
func TestEventNotKnown(t *testing.T) {
	a := newAnnouncer(plan(false, "a"), 1)
	a.SetPartial(epoch, true)
	refusal := &tracker.Error{Tracker: "a", Err: &wire.Failure{Reason: "invalid event"}}
	a.Done(epoch, one(t, a, epoch, "a paused"), nil, refusal)
	a.Done(epoch, one(t, a, epoch, "a started"), answer(time.Hour, 0), nil)
	now := epoch.Add(time.Hour)
	a.Done(now, one(t, a, now, "a "), answer(time.Hour, 0), nil)

	// Who refuses those too has another reason, and is left alone.
	a = newAnnouncer(plan(false, "a"), 1)
	a.SetPartial(epoch, true)
	a.Done(epoch, one(t, a, epoch, "a paused"), nil, refusal)
	a.Done(epoch, one(t, a, epoch, "a started"), nil, refusal)
	none(t, a, epoch.Add(14*time.Second))
	// So is one that is down.
	a = newAnnouncer(plan(false, "a"), 1)
	a.SetPartial(epoch, true)
	a.Done(epoch, one(t, a, epoch, "a paused"), nil, errDown)
	none(t, a, epoch.Add(14*time.Second))
	one(t, a, epoch.Add(time.Minute), "a paused")
}

// TestRunnerOfPartialSeed: the runner passes on what the facts say, and what the tracker says our address is (BEP 24).
func TestRunnerOfPartialSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var log told
		httpTracker(t, host, "1.1.1.1:80", func(rw http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			log.add("%s left %s", q.Get("event"), q.Get("left"))
			_, _ = rw.Write([]byte("d11:external ip4:\x08\x08\x04\x04e"))
		})
		c := newClient(t, us)
		defer c.Close()
		var partial atomic.Bool
		var voters []netip.Addr
		o := tracker.NewAnnounced(tracker.Task{
			Stats: func() tracker.Stats { return tracker.Stats{Left: 9, Partial: partial.Load()} },
			Told: func(tracker, own netip.Addr) {
				if own != netip.MustParseAddr("8.8.4.4") {
					t.Error("told that we are", own)
				}
				voters = append(voters, tracker)
			},
			Guarded: func(work func()) { work() },
		})
		r, stop := running(t, c)
		r.Announce(o, planOf("http://1.1.1.1/announce"))
		synctest.Wait()
		partial.Store(true)
		r.Wake(o)
		synctest.Wait()
		stop()
		if got, want := log.take(), []string{"started left 9", "paused left 9", "stopped left 9"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
		if one := netip.MustParseAddr("1.1.1.1"); !slices.Equal(voters, []netip.Addr{one, one}) {
			t.Error("voters", voters)
		}
	})
}
