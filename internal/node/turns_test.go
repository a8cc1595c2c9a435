package node

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
)

// several shares as many more objects at the first node, and returns requests that fetch them.
func (h *house) several(count int) (reqs []GetRequest) {
	h.t.Helper()
	for i := range count {
		src := filepath.Join(h.dir, "several", fmt.Sprint("s", i))
		writeTree(h.t, src, map[string]int{"a": 400_000 + i})
		o, err := h.seed.Share(h.t.Context(), create.Request{Path: src, PieceLength: 32 << 10}, nil, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		reqs = append(reqs, GetRequest{Link: o.Link, Peers: []string{peerOf(h.seed)}})
	}
	return reqs
}

func (h *house) getAll(n *Node, reqs []GetRequest) (ids []string) {
	h.t.Helper()
	for _, req := range reqs {
		o, err := n.Get(h.t.Context(), req)
		if err != nil {
			h.t.Fatal(err)
		}
		ids = append(ids, o.ID)
	}
	return ids
}

// active counts the objects in motion, and those that wait.
func active(n *Node) (moving, queued int) {
	for _, o := range n.Objects() {
		switch {
		case o.Queued && o.State == "paused":
			queued++
		case o.State == "fetching" || o.State == "resolving" || o.State == "seeding" && o.Done.IsZero():
			moving++
		}
	}
	return moving, queued
}

func dealt() {
	time.Sleep(3 * time.Second) // virtual
	synctest.Wait()
}

func TestFetchesWaitForTheirTurn(t *testing.T) {
	inHouse(t, "v1", map[string]int{"x": 1000}, func(t *testing.T, h *house) {
		reqs := h.several(4)
		bounded := func(c *Config) { c.ActiveFetches, c.Down = 2, 20_000 }
		n := h.fetcher("10.0.0.2", bounded)
		ids := h.getAll(n, reqs)
		dealt()
		if moving, queued := active(n); moving != 2 || queued != 2 {
			t.Fatalf("%d move and %d wait", moving, queued)
		}
		// The order is that of adding, also after a restart, and nobody begins whose turn it is not.
		n.Close()
		n = h.fetcher("10.0.0.2", bounded)
		dealt()
		for i, id := range ids {
			if o, _ := n.Object(id); o.Queued != (i >= 2) {
				t.Errorf("object %d: %+v", i, o)
			}
		}
		// Resuming what waits changes nothing; pausing it is the user's pause, and frees nothing.
		if err := n.Resume(ids[2]); err != nil {
			t.Error(err)
		}
		dealt()
		if o, _ := n.Object(ids[2]); !o.Queued {
			t.Errorf("%+v", o)
		}
		if err := n.Pause(ids[2]); err != nil {
			t.Error(err)
		}
		if o, _ := n.Object(ids[2]); o.Queued || o.State != "paused" {
			t.Errorf("%+v", o)
		}
		// The user's pause of one that moves makes room.
		if err := n.Pause(ids[0]); err != nil {
			t.Error(err)
		}
		until(t, n, ids[3], "begun", func(o Object) bool { return !o.Queued })
		if err := n.Resume(ids[0]); err != nil {
			t.Error(err)
		}
		until(t, n, ids[3], "queued again", func(o Object) bool { return o.Queued })
		if err := n.Resume(ids[2]); err != nil {
			t.Error(err)
		}
		for _, id := range ids {
			untilDone(t, n, id)
		}
	})
}

func TestAStalledFetchMakesRoom(t *testing.T) {
	inHouse(t, "v1", map[string]int{"x": 1000}, func(t *testing.T, h *house) {
		reqs := h.several(2)
		reqs[0].Peers = nil // nobody is known to have it
		n := h.fetcher("10.0.0.2", func(c *Config) { c.ActiveFetches = 1 })
		ids := h.getAll(n, reqs)
		dealt()
		if o, _ := n.Object(ids[1]); !o.Queued {
			t.Fatalf("%+v", o)
		}
		was := time.Now()
		untilDone(t, n, ids[1])
		if after := time.Since(was); after < 2*time.Minute || after > 5*time.Minute {
			t.Errorf("room after %v", after)
		}
		if o, _ := n.Object(ids[0]); o.State != "resolving" {
			t.Errorf("%+v", o)
		}
	})
}

func TestSeedsWaitForTheirTurn(t *testing.T) {
	inHouse(t, "v1", map[string]int{"x": 1000}, func(t *testing.T, h *house) {
		h.several(3)
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"), func(c *Config) { c.ActiveSeeds = 1 })
		dealt()
		queued := 0
		for _, o := range h.seed.Objects() {
			if o.Queued {
				queued++
			}
		}
		if o, _ := h.seed.Object(h.shared.ID); queued != 3 || o.State != "seeding" {
			t.Errorf("%d wait, and the first is %+v", queued, o)
		}
		// They were not paused for good.
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		for _, o := range h.seed.Objects() {
			untilState(t, h.seed, o.ID, "seeding")
		}
	})
}
