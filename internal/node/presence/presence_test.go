package presence

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestUnsaid: a scrape is needed while the object is not announced.
func TestUnsaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := tracker.NewClient(tracker.ClientConfig{Network: netxtest.NewWorld(1).Host("8.8.4.4")})
		defer client.Close()
		runner := tracker.NewRunner(client, rand.New(rand.NewPCG(1, 2)))
		life, end := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { runner.Run(life) })
		p := New(Config{
			Runner: runner, Stats: func() tracker.Stats { return tracker.Stats{} }, Guarded: func(work func()) { work() },
		})
		if p.Wake(); !p.Unsaid() {
			t.Error("announced from the beginning")
		}
		plan := tracker.Plan{Tiers: [][]tracker.Server{{{URL: "udp://1.1.1.1:1"}}}, Hashes: [][20]byte{{1}}}
		for range 2 {
			p.Announce(plan)
			if p.Unsaid() {
				t.Error("silent though it is about to be announced")
			}
			synctest.Wait()
			if p.Unsaid() {
				t.Error("silent though it is announced")
			}
			p.Silence()
			if !p.Unsaid() {
				t.Error("announced in silence")
			}
		}
		p.Retire()
		p.Announce(plan)
		if !p.Unsaid() {
			t.Error("announced after its end")
		}
		end()
		work.Wait()
	})
}

func TestPlan(t *testing.T) {
	v1 := metainfo.HashV1{1}
	r := catalog.Record{Kind: catalog.Shared, Private: true, Trackers: [][]string{{"http://a/", "http://b/"}, {"udp://c/"}}}
	plan := PlanOf(r, metainfo.NewInfoHash(&v1, nil))
	if !plan.Private || !slices.Equal(plan.Hashes, [][20]byte{v1}) || len(plan.Tiers) != 2 || len(plan.Tiers[0]) != 2 {
		t.Errorf("%+v", plan)
	}
	for _, kind := range []catalog.Kind{catalog.Shared, catalog.Fetched} {
		r.Kind = kind
		if s := PlanOf(r, metainfo.NewInfoHash(&v1, nil)).Tiers[1][0]; s.URL != "udp://c/" || s.Trusted != (kind == catalog.Shared) {
			t.Errorf("%s: %+v", kind, s)
		}
	}
}

func TestStats(t *testing.T) {
	for _, c := range []struct {
		s               swarm.Snapshot
		left            int64
		want            int
		hungry, partial bool
	}{
		{swarm.Snapshot{State: swarm.Resolving}, 1, wantPeers, true, false},
		{swarm.Snapshot{State: swarm.Resolving, Peers: 1}, 1, wantPeers, false, false},
		{swarm.Snapshot{State: swarm.Checking, LeftBytes: 9}, 9, wantPeers, true, false},
		{swarm.Snapshot{State: swarm.Fetching, LeftBytes: 9, Peers: 1}, 9, wantPeers, true, false},
		{swarm.Snapshot{State: swarm.Fetching, LeftBytes: 9, Sources: 1}, 9, wantPeers, false, false},
		{swarm.Snapshot{State: swarm.Seeding}, 0, 0, false, false},
		{swarm.Snapshot{State: swarm.Seeding, LeftBytes: 9}, 9, 0, false, true},
		{swarm.Snapshot{State: swarm.Paused, LeftBytes: 9}, 9, 0, false, false},
	} {
		c.s.UpBytes, c.s.DownBytes = 5, 6
		st := StatsOf(c.s, nil)
		if st.Left != c.left || st.Want != c.want || st.Hungry != c.hungry || st.Partial != c.partial || st.Uploaded != 5 || st.Downloaded != 6 {
			t.Errorf("%+v: %+v", c.s, st)
		}
	}
}

func TestLacking(t *testing.T) {
	now := time.Unix(1, 0)
	for _, c := range []struct {
		s    tracker.Status
		want bool
	}{
		{tracker.Status{Seeders: -1, Leechers: -1}, false}, // it has not answered
		{tracker.Status{Announced: now, Seeders: 1, Leechers: 0}, false},
		{tracker.Status{Announced: now, Seeders: -1, Leechers: 0}, true},
		{tracker.Status{Announced: now, Seeders: 1, Leechers: -1}, true},
	} {
		if got := lacking([]tracker.Status{{Announced: now}, c.s}); got != c.want {
			t.Errorf("%+v: %v", c.s, got)
		}
	}
}

// TestOwnAddress: of each family one address is known, once enough agree about it.
func TestOwnAddress(t *testing.T) {
	var o OwnAddress
	now := time.Unix(1, 0)
	v4, v6 := netip.MustParseAddr("100.43.7.9"), netip.MustParseAddr("2a0a:77::9")
	changes := 0
	for i := range byte(20) {
		for voter, own := range map[netip.Addr]netip.Addr{
			netip.AddrFrom4([4]byte{20, i, 1, 1}):  v4,
			netip.AddrFrom16([16]byte{0x20, i, 1}): v6,
		} {
			if o.Hear(now, voter, own) {
				changes++
			}
		}
	}
	if got := o.Known(now); !slices.Equal(got, []netip.Addr{v4, v6}) || changes != 2 {
		t.Errorf("%v after %d changes", got, changes)
	}
}

// TestSuggestedAddress: what a router says counts as long as others do not agree, and if it is an address of the internet.
func TestSuggestedAddress(t *testing.T) {
	var o OwnAddress
	now := time.Unix(1, 0)
	router, private, voted := netip.MustParseAddr("100.43.7.8"), netip.MustParseAddr("100.64.0.8"), netip.MustParseAddr("100.43.7.9")
	known := func(want ...netip.Addr) {
		t.Helper()
		if got := o.Known(now); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	o.Suggest([]netip.Addr{private})
	known()
	o.Suggest([]netip.Addr{private, router})
	known(router)
	for i := range byte(20) {
		o.Hear(now, netip.AddrFrom4([4]byte{20, i, 1, 1}), voted)
	}
	known(voted)
	now = now.Add(3 * time.Hour)
	known(router)
	o.Suggest(nil)
	known()
}
