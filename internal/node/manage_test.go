package node

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/news"
)

func TestPauseAndResume(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", limit(200<<10))
		o := h.get(n)
		until(t, n, o.ID, "begun", func(o Object) bool { return o.BytesDone > 200<<10 })
		if err := n.Pause(o.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		before := untilState(t, n, o.ID, "paused").BytesDone
		time.Sleep(time.Minute)
		if o, _ := n.Object(o.ID); o.State != "paused" || o.BytesDone != before || o.Peers != 0 {
			t.Errorf("%+v", o)
		}
		// Also across a restart.
		n.Close()
		n = h.fetcher("10.0.0.2", limit(200<<10))
		time.Sleep(time.Minute)
		if o, _ := n.Object(o.ID); o.State != "paused" || o.BytesDone != before {
			t.Errorf("%+v", o)
		}
		if err := n.Resume(o.ID); err != nil {
			t.Fatal(err)
		}
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
		// A share does not serve while it is paused.
		if err := h.seed.Pause(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		n.Close()
		other := h.fetcher("10.0.0.3")
		got := h.get(other)
		time.Sleep(time.Minute)
		if o, _ := other.Object(got.ID); o.State != "resolving" {
			t.Errorf("%+v", o)
		}
		if err := h.seed.Resume(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		untilDone(t, other, got.ID)
	})
}

// A word of how an object moves that is late does not take back the user's.
func TestLateWordDoesNotResume(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		if err := h.seed.Pause(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		o, err := h.seed.lookup(h.shared.ID)
		if err != nil {
			t.Fatal(err)
		}
		// As if it had not stopped yet, though the record says already that it is to.
		o.Swarm.Resume(time.Now())
		o.Show()
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		untilState(t, h.seed, h.shared.ID, "paused")
	})
}

func TestPauseWhileResolving(t *testing.T) {
	inHouse(t, "v2", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := h.get(n, func(r *GetRequest) { r.Peers = nil })
		if err := n.Pause(o.ID); err != nil {
			t.Fatal(err)
		}
		n.Close()
		n = h.fetcher("10.0.0.2")
		untilState(t, n, o.ID, "paused")
		again := h.get(n) // getting it is resuming it
		if again.ID != o.ID {
			t.Errorf("%+v", again)
		}
		untilDone(t, n, o.ID)
	})
}

func TestRemove(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		if err := h.seed.Remove(t.Context(), h.shared.ID, true); exit(err) != fault.ExitUsage {
			t.Errorf("deleting a share: %v", err)
		}
		n := h.fetcher("10.0.0.2")
		first := untilDone(t, n, h.get(n).ID)
		if err := n.Remove(t.Context(), first.ID, false); err != nil {
			t.Fatal(err)
		}
		compareTrees(t, h.src, first.Path)
		if _, err := n.Object(first.ID); exit(err) != fault.ExitFailed {
			t.Error(err)
		}
		// Getting it again takes over what is there.
		second := untilDone(t, n, h.get(n, func(r *GetRequest) { r.Torrent = h.torrent() }).ID)
		if second.ID == first.ID || second.Path != first.Path {
			t.Errorf("%+v", second)
		}
		if err := n.Remove(t.Context(), second.ID, true); err != nil {
			t.Fatal(err)
		}
		if got := list(t, second.Path); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
		if err := h.seed.Remove(t.Context(), h.shared.ID, false); err != nil {
			t.Fatal(err)
		}
		if len(list(t, h.src)) != len(uneven) {
			t.Error("a share was deleted")
		}
	})
}

func TestRemoveInTheMiddle(t *testing.T) {
	for _, deleteFiles := range []bool{false, true} {
		inHouse(t, "v1", map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
			// Memory for one piece and a bit: what is not given back is missed at once.
			n := h.fetcher("10.0.0.2", limit(200<<10), func(c *Config) { c.PieceMemory = 40 << 10 })
			for range 4 {
				o := h.get(n)
				o = until(t, n, o.ID, "begun", func(o Object) bool { return o.BytesDone > 200<<10 })
				if err := n.Remove(t.Context(), o.ID, deleteFiles); err != nil {
					t.Fatal(err)
				}
				if got := list(t, o.Path); (len(got) == 0) != deleteFiles {
					t.Errorf("left behind: %v", got)
				}
			}
			if o := untilDone(t, n, h.get(n).ID); deleteFiles {
				compareTrees(t, h.src, o.Path)
			}
		})
	}
}

func TestRemoveLeavesWhatTheUserChanged(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		scribble(t, filepath.Join(o.Path, "b.bin"), 5, 5)
		err := n.Remove(t.Context(), o.ID, true)
		if exit(err) != fault.ExitVerify {
			t.Error(err)
		}
		if got := list(t, o.Path); len(got) != 1 || got["b.bin"] == 0 {
			t.Errorf("left: %v", got)
		}
		if len(n.Objects()) != 0 {
			t.Error("it is not forgotten")
		}
	})
}

func TestShareAgainReadsNothing(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		for range 2 {
			read := false
			o, err := h.seed.Share(t.Context(), h.req, func(done, total int64) { read = true }, nil)
			if err != nil {
				t.Fatal(err)
			}
			if o.ID != h.shared.ID || o.Link != h.shared.Link || o.State != "seeding" || read {
				t.Errorf("read %v: %+v", read, o)
			}
			h.seed.Close()
			h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		}
		// Another format is another object.
		h.req.Format = "v1"
		if o := h.share(h.seed); o.ID == h.shared.ID {
			t.Errorf("%+v", o)
		}
	})
}

func TestShareResumesWhatWasPaused(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		h.seed.Pause(h.shared.ID)
		untilState(t, h.seed, h.shared.ID, "paused")
		if o := h.share(h.seed); o.ID != h.shared.ID || o.State != "seeding" {
			t.Errorf("%+v", o)
		}
	})
}

func TestShareRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		n := start(t, netxtest.NewWorld(1).Host("10.0.0.1"), filepath.Join(dir, "home"))
		writeTree(t, dir, map[string]int{"empty": 0, "file": 10})
		os.Mkdir(filepath.Join(dir, "nothing"), 0o755)
		for name, c := range map[string]struct {
			req  create.Request
			exit int
		}{
			"not there":     {create.Request{Path: filepath.Join(dir, "no")}, fault.ExitDisk},
			"empty file":    {create.Request{Path: filepath.Join(dir, "empty")}, fault.ExitUsage},
			"empty folder":  {create.Request{Path: filepath.Join(dir, "nothing")}, fault.ExitFailed},
			"format":        {create.Request{Path: filepath.Join(dir, "file"), Format: "v3"}, fault.ExitUsage},
			"piece length":  {create.Request{Path: filepath.Join(dir, "file"), PieceLength: 1000}, fault.ExitUsage},
			"not a tracker": {create.Request{Path: filepath.Join(dir, "file"), Trackers: []string{"hello"}}, fault.ExitUsage},
		} {
			if _, err := n.Share(t.Context(), c.req, nil, nil); exit(err) != c.exit {
				t.Errorf("%s: exit %d, %v", name, exit(err), err)
			}
		}
		if len(n.Objects()) != 0 {
			t.Errorf("%+v", n.Objects())
		}
	})
}

func TestEvents(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 500_000}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", limit(200<<10))
		ctx, cancel := context.WithCancel(t.Context())
		all, idle := n.Subscribe(t.Context()), n.Subscribe(ctx)
		o := h.get(n)
		var kinds []news.EventKind
		for e := range all {
			if e.Object.ID != o.ID {
				continue
			}
			if len(kinds) == 0 || kinds[len(kinds)-1] != e.Kind {
				kinds = append(kinds, e.Kind)
			}
			if e.Kind == news.EventDone {
				break
			}
		}
		if kinds[0] != news.EventAdded || !bytes.Contains(kindsText(kinds), []byte("progress")) {
			t.Errorf("%s", kindsText(kinds))
		}
		// Who does not read gets the latest progress only, and holds up nobody.
		progress := 0
		for range 5 {
			if e := <-idle; e.Kind == news.EventProgress {
				progress++
			}
		}
		if progress > 2 {
			t.Errorf("%d times progress", progress)
		}
		cancel()
		for range idle {
		}
		if err := n.Remove(t.Context(), o.ID, false); err != nil {
			t.Fatal(err)
		}
		for e := range all {
			if e.Kind == news.EventRemoved && e.Object.ID == o.ID {
				break
			}
		}
	})
}

func kindsText(kinds []news.EventKind) (b []byte) {
	for _, k := range kinds {
		b = append(append(b, k...), ' ')
	}
	return b
}
