package node

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/fault"
)

func TestPromise4_5_EditedShareIsNotServed(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 300_000, "b": 300_000}, func(t *testing.T, h *house) {
		first := h.fetcher("10.0.0.2")
		untilDone(t, first, h.get(first).ID)
		first.Close()

		scribble(t, filepath.Join(h.src, "a"), 1000, 10)
		n := h.fetcher("10.0.0.3")
		o := h.get(n)
		changed := untilState(t, h.seed, h.shared.ID, "changed")
		if changed.Err == nil || changed.Err.Exit != fault.ExitVerify || changed.Err.Hint == "" {
			t.Errorf("%+v", changed.Err)
		}
		time.Sleep(time.Minute)
		if o, _ := n.Object(o.ID); o.State == "seeding" || o.Peers != 0 {
			t.Errorf("%+v", o)
		}
		// It stays so, and is seen at the next start without anybody asking for it.
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		untilState(t, h.seed, h.shared.ID, "changed")
		// Shared again it is another object.
		if again := h.share(h.seed); again.ID == h.shared.ID || again.InfoHashV2 == h.shared.InfoHashV2 || again.State != "seeding" {
			t.Errorf("%+v", again)
		}
	})
}

func TestTouchedShareIsSharedAgain(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		name := filepath.Join(h.src, "b.bin")
		b, _ := os.ReadFile(name)
		// Replaced by a copy: the same bytes in another file.
		os.Rename(name, name+"~")
		os.WriteFile(name, b, 0o600)
		os.Remove(name + "~")
		n := h.fetcher("10.0.0.2")
		o := h.get(n)
		untilState(t, h.seed, h.shared.ID, "changed")
		again := h.share(h.seed)
		if again.ID != h.shared.ID || again.Link != h.shared.Link || again.State != "seeding" {
			t.Errorf("%+v", again)
		}
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
		// For good.
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		untilState(t, h.seed, h.shared.ID, "seeding")
		// And when nobody has noticed yet.
		os.WriteFile(name, b, 0o600)
		if again := h.share(h.seed); again.ID != h.shared.ID || again.State != "seeding" {
			t.Errorf("%+v", again)
		}
		if len(h.seed.Objects()) != 1 {
			t.Errorf("%+v", h.seed.Objects())
		}
		untilDone(t, n, o.ID)
	})
}

func TestMissingShare(t *testing.T) {
	inHouse(t, "v2", uneven, func(t *testing.T, h *house) {
		h.seed.Close()
		away := h.src + "-away"
		os.Rename(h.src, away)
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		o := untilState(t, h.seed, h.shared.ID, "missing")
		if o.Err == nil || o.Err.Exit != fault.ExitDisk {
			t.Errorf("%+v", o.Err)
		}
		if err := h.seed.Resume(o.ID); err != nil {
			t.Error(err)
		}
		untilState(t, h.seed, o.ID, "missing")
		os.Rename(away, h.src)
		if err := h.seed.Resume(o.ID); err != nil {
			t.Error(err)
		}
		untilState(t, h.seed, o.ID, "seeding")
		n := h.fetcher("10.0.0.2")
		untilDone(t, n, h.get(n).ID)
	})
}

func TestVerify(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		verify := func(n *Node, id string) error {
			var last, total atomic.Int64
			err := n.Verify(t.Context(), id, func(done, of int64) { last.Store(done); total.Store(of) })
			if last.Load() != total.Load() {
				t.Errorf("progress ended with %d of %d", last.Load(), total.Load())
			}
			return err
		}
		for range 2 {
			if err := verify(n, o.ID); err != nil {
				t.Error(err)
			}
			if err := verify(h.seed, h.shared.ID); err != nil {
				t.Error(err)
			}
		}
		if now := untilDone(t, n, o.ID); !now.Done.Equal(o.Done) {
			t.Errorf("done at %v, then %v", o.Done, now.Done)
		}
		part := func(what string, f func()) {
			t.Log(what)
			f()
		}
		name := filepath.Join(o.Path, "d", "e.bin")
		part("touched", func() {
			os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0))
			if err := n.Verify(t.Context(), o.ID, nil); err != nil {
				t.Error(err)
			}
			untilDone(t, n, o.ID)
		})
		part("damaged", func() {
			scribble(t, name, 70_000, 20)
			before := list(t, o.Path)
			err := n.Verify(t.Context(), o.ID, nil)
			if exit(err) != fault.ExitVerify || fault.Explain(err).Hint == "" {
				t.Error(err)
			}
			for f := range before {
				if f != "d/e.bin" && list(t, o.Path)[f] != before[f] {
					t.Errorf("%s was touched", f)
				}
			}
		})
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
		if got := downBytes(n); got > 64<<10 {
			t.Errorf("fetched %d bytes for one bad piece", got)
		}
		part("gone, cut and replaced", func() {
			os.Remove(name)
			os.Truncate(filepath.Join(o.Path, "b.bin"), 50_000)
			os.Remove(filepath.Join(o.Path, "a.txt"))
			os.WriteFile(filepath.Join(o.Path, "a.txt"), []byte("0123456789"), 0o644)
			if err := n.Verify(t.Context(), o.ID, nil); exit(err) != fault.ExitVerify {
				t.Error(err)
			}
		})
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
		for f := range list(t, o.Path) {
			if strings.HasSuffix(f, ".part") {
				t.Errorf("%s is left", f)
			}
		}
		part("paused", func() {
			n.Pause(o.ID)
			if err := n.Verify(t.Context(), o.ID, nil); err != nil {
				t.Error(err)
			}
			untilState(t, n, o.ID, "paused")
			scribble(t, name, 0, 20)
			if err := n.Verify(t.Context(), o.ID, nil); exit(err) != fault.ExitVerify {
				t.Error(err)
			}
			untilState(t, n, o.ID, "paused")
			n.Resume(o.ID)
			compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
		})
		part("a share", func() {
			scribble(t, filepath.Join(h.src, "z.bin"), 0, 1)
			if err := verify(h.seed, h.shared.ID); exit(err) != fault.ExitVerify {
				t.Error(err)
			}
			untilState(t, h.seed, h.shared.ID, "changed")
		})
	})
}

func TestVerifyInTheMiddle(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 2 << 20, "b": 100}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", limit(400<<10))
		o := h.get(n)
		until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 1<<20 })
		if err := n.Verify(t.Context(), o.ID, nil); err != nil {
			t.Error(err)
		}
		until(t, n, o.ID, "further", func(o Object) bool { return o.BytesDone > 3<<19 })
		for off := int64(0); off < 2<<20; off += 32 << 10 {
			scribble(t, filepath.Join(h.home("10.0.0.2"), "downloads/photos/a.part"), off, 10)
		}
		if err := n.Verify(t.Context(), o.ID, nil); exit(err) != fault.ExitVerify {
			t.Error(err)
		}
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
	})
}

func TestVerifyGivenUp(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, x := range []struct {
			n  *Node
			id string
		}{{n, o.ID}, {h.seed, h.shared.ID}} {
			if err := x.n.Verify(ctx, x.id, nil); exit(err) != fault.ExitInterrupted {
				t.Error(err)
			}
			untilState(t, x.n, x.id, "seeding")
		}
	})
}
