package node

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// TestCareRound: a round passes by every object within a minute, and by all of few objects at once.
func TestCareRound(t *testing.T) {
	for _, tt := range []struct{ objects, rounds int }{{0, 1}, {1, 1}, {leastRound, 1}, {leastRound + 1, 2}, {20_000, roundTime}} {
		var all []*object.Object
		for range tt.objects {
			all = append(all, &object.Object{})
		}
		var c care
		seen := make(map[*object.Object]bool)
		for range tt.rounds {
			for _, o := range c.round(all) {
				seen[o] = true
			}
		}
		if len(seen) != tt.objects {
			t.Errorf("%d of %d objects in %d rounds", len(seen), tt.objects, tt.rounds)
		}
		c.round(all[:tt.objects/2]) // some have gone
	}
}

// TestIdleObjectsCostNothing: an idle object has no goroutine and no open file, the loop looks after none, and each is served as soon
// as somebody asks.
func TestIdleObjectsCostNothing(t *testing.T) {
	const shares = 50
	inHouse(t, "v1", map[string]int{"x": 1000}, func(t *testing.T, h *house) {
		settled := func() int {
			time.Sleep(5 * time.Minute) // virtual: the patrol has been round
			synctest.Wait()
			for _, o := range h.seed.books.All() {
				if !o.IsAtRest() {
					t.Error("an object is not at rest", o.ID)
				}
			}
			return runtime.NumGoroutine()
		}
		h.share(h.seed)
		before, open := settled(), openFiles(t, h.dir)
		var last Object
		for i := range shares {
			files := filepath.Join(h.dir, "many")
			writeTree(t, files, map[string]int{fmt.Sprint("f", i): 20_000 + i})
			o, err := h.seed.Share(t.Context(), create.Request{Path: filepath.Join(files, fmt.Sprint("f", i))}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			last = o
		}
		if after := settled(); after > before {
			t.Errorf("%d goroutines for %d objects", after-before, shares)
		}
		if after := openFiles(t, h.dir); after > open {
			t.Errorf("%d open files for %d objects", after-open, shares)
		}
		n := h.fetcher("10.0.0.9")
		o, err := n.Get(t.Context(), GetRequest{Link: last.Link, Peers: []string{peerOf(h.seed)}})
		if err != nil {
			t.Fatal(err)
		}
		untilDone(t, n, o.ID)
	})
}

// openFiles counts the files below a folder that this process has open, where that can be told.
func openFiles(t *testing.T, dir string) (n int) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && within(filepath.Join(dir, "many"), name) {
			n++
		}
	}
	return n
}

// TestCareOfTheBroken: an object whose swarm panics fails by itself: it is news, is not at rest, and the loop goes on. What has not
// been told is news again.
func TestCareOfTheBroken(t *testing.T) {
	inHouse(t, "v1", map[string]int{"x": 1000}, func(t *testing.T, h *house) {
		h.seed.Close()
		all := h.seed.books.All()
		c := care{awake: all}
		for range 2 {
			if !c.isNews(time.Now(), all, nil) {
				t.Error("no news, though nobody was told")
			}
		}
		c.told()
		if c.isNews(time.Now(), all, nil) {
			t.Error("news, though all was told")
		}
		all[0].Swarm = &swarm.Swarm{}
		if !c.isNews(time.Now(), all, nil) {
			t.Error("one that cannot say how it stands is no news")
		}
		all[0].Swarm = nil
		if c.letGo(time.Now()); len(c.awake) != len(all) {
			t.Error("one that cannot say so is at rest")
		}
	})
}
