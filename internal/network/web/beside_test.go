package web

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestLiarBesidePeer: what a web server says never counts against the hash the user gave, and who lied is named exactly:
// the peer that gave the rest is not.
func TestLiarBesidePeer(t *testing.T) {
	for _, format := range []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2} {
		t.Run(format.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				w.SetLink(nil, nil, netxtest.Link{Delay: 10 * time.Millisecond, Bandwidth: 128 << 10})
				s := makeSample(t, format, 256<<10, 8<<20)
				serve(t, w.Host("9.9.9.9"), spoiled(s))
				newRig(t, w.Host("7.7.7.7"), s, options{has: true})
				r := newRig(t, w.Host("8.8.8.8"), s, options{urls: []string{"http://9.9.9.9/"}})
				r.swarm.Found(swarm.FromUser, netip.MustParseAddrPort("7.7.7.7:7000"))
				r.fetched(s)
				r.mu.Lock()
				defer r.mu.Unlock()
				if len(r.accused) != 1 || r.accused[0] != "http://9.9.9.9/" {
					t.Errorf("accused: %v", r.accused)
				}
			})
		})
	}
}

// TestWebSeedBesidePeer: from a web server and a peer, each with a line of its own, an object comes as fast as from both
// together, but for the round trips that the server's requests cost.
func TestWebSeedBesidePeer(t *testing.T) {
	for _, c := range []struct{ web, peer int64 }{{1 << 20, 1 << 20}, {256 << 10, 1 << 20}, {1 << 20, 256 << 10}, {64 << 10, 512 << 10}} {
		t.Run(fmt.Sprintf("%d and %d KiB per second", c.web>>10, c.peer>>10), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const size = 12 << 20
				w := netxtest.NewWorld(1)
				s := makeSample(t, metainfo.FormatHybrid, 256<<10, size)
				here, far, peer := w.Host("8.8.8.8"), w.Host("9.9.9.9"), w.Host("7.7.7.7")
				w.SetLink(here, far, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: c.web / perServer})
				w.SetLink(here, peer, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: c.peer})
				site := serve(t, far, s)
				newRig(t, peer, s, options{has: true})
				r := newRig(t, here, s, options{urls: []string{"http://9.9.9.9/"}})
				r.swarm.Found(swarm.FromUser, netip.MustParseAddrPort("7.7.7.7:7000"))
				r.fetched(s)
				rate := float64(size) / r.complete.Seconds()
				share := rate / float64(c.web+c.peer)
				t.Logf("%.2f of the sum; %d KiB by %d requests, wasted %d KiB", share, site.bytes.Load()>>10, site.asked.Load(), r.swarm.Snapshot(time.Now()).WastedBytes>>10)
				if share < 0.9 {
					t.Errorf("%.2f of the sum of both", share)
				}
			})
		})
	}
}

// TestServerThatSlowsDown: what is under way from a web server whose line gets slow keeps nobody waiting: the rest comes as
// fast as the peer beside it gives it.
func TestServerThatSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size, rate = 28 << 20, 4 << 20
		w := netxtest.NewWorld(1)
		s := makeSample(t, metainfo.FormatHybrid, 256<<10, size)
		here, far, peer := w.Host("8.8.8.8"), w.Host("9.9.9.9"), w.Host("7.7.7.7")
		w.SetLink(here, far, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: 6 * rate / perServer})
		w.SetLink(here, peer, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: rate})
		serve(t, far, s)
		newRig(t, peer, s, options{has: true})
		r := newRig(t, here, s, options{urls: []string{"http://9.9.9.9/"}})
		r.swarm.Found(swarm.FromUser, netip.MustParseAddrPort("7.7.7.7:7000"))
		const fast = time.Second / 2
		time.Sleep(fast)
		left := size - r.swarm.Snapshot(time.Now()).VerifiedBytes
		w.SetLink(here, far, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: 16 << 10})
		r.fetched(s)
		// A block takes a second at 16 KiB/s.
		if alone := time.Duration(left * int64(time.Second) / rate); r.complete > fast+alone+2*time.Second {
			t.Errorf("it took %v, and the peer would have given the rest in %v", r.complete-fast, alone)
		}
	})
}
