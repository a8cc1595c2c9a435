package node

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/home"
)

// downBytes is the payload that the only object of a node has got in this run.
func downBytes(n *Node) int64 { return n.books.All()[0].Swarm.Snapshot(time.Now()).DownBytes }

func TestRestartInTheMiddle(t *testing.T) {
	for _, format := range []string{"v1", "v2", "hybrid"} {
		t.Run(format, func(t *testing.T) {
			inHouse(t, format, map[string]int{"a": 900_000, "b": 70_000, "c": 900_000}, func(t *testing.T, h *house) {
				n := h.fetcher("10.0.0.2", limit(200<<10))
				o := h.get(n)
				for range 3 {
					was := until(t, n, o.ID, "further", func(x Object) bool { return x.BytesDone > o.BytesDone+300_000 })
					if err := n.Close(); err != nil {
						t.Fatal(err)
					}
					if f := list(t, was.Path); f["a"] == 900_000 && f["c"] == 900_000 {
						t.Fatal("finished too early")
					}
					n = h.fetcher("10.0.0.2", limit(200<<10))
					o = untilState(t, n, o.ID, "fetching")
					if o.BytesDone < was.BytesDone {
						t.Errorf("%d bytes were done, and now %d", was.BytesDone, o.BytesDone)
					}
				}
				left, before := o.BytesWanted-o.BytesDone, downBytes(n)
				done := untilDone(t, n, o.ID)
				compareTrees(t, h.src, done.Path)
				if got := downBytes(n) - before; got > left {
					t.Errorf("%d bytes were missing, and %d fetched", left, got)
				}
			})
		})
	}
}

// corruptible fetches a part, closes the node, and says where the unfinished file is.
func corruptible(t *testing.T, h *house) (id, part string, done int64) {
	t.Helper()
	n := h.fetcher("10.0.0.2", limit(200<<10))
	o := h.get(n)
	o = until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 1<<20 })
	part = filepath.Join(o.Path, "a.part")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	return o.ID, part, o.BytesDone
}

func TestPromise4_1_UnfinishedFileThatWasWrittenToIsHashedAgain(t *testing.T) {
	for _, format := range []string{"v1", "hybrid"} {
		inHouse(t, format, map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
			id, part, _ := corruptible(t, h)
			for off := int64(0); off < 2<<20; off += 32 << 10 {
				scribble(t, part, off, 10)
			}
			n := h.fetcher("10.0.0.2")
			compareTrees(t, h.src, untilDone(t, n, id).Path)
			if got := downBytes(n); got != 2<<20 {
				t.Errorf("fetched %d bytes", got)
			}
		})
	}
}

// What is hashed again and right is not fetched again: as after a crash, when nobody has seen the file last.
func TestPromise4_2_UnfinishedFileThatIsRightIsNotFetchedAgain(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
		id, part, before := corruptible(t, h)
		if err := os.Chtimes(part, time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
		n := h.fetcher("10.0.0.2")
		compareTrees(t, h.src, untilDone(t, n, id).Path)
		if got := downBytes(n); got > 2<<20-before {
			t.Errorf("%d bytes were missing, and %d fetched", 2<<20-before, got)
		}
	})
}

func TestUnfinishedFileOfTheWrongSize(t *testing.T) {
	for _, size := range []int64{0, 1 << 20, 3 << 20} {
		inHouse(t, "v1", map[string]int{"a": 2 << 20, "b": 100}, func(t *testing.T, h *house) {
			id, part, _ := corruptible(t, h)
			if err := os.Truncate(part, size); err != nil {
				t.Fatal(err)
			}
			n := h.fetcher("10.0.0.2")
			compareTrees(t, h.src, untilDone(t, n, id).Path)
		})
	}
}

func TestUnfinishedFileThatIsGone(t *testing.T) {
	inHouse(t, "v2", map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
		id, part, _ := corruptible(t, h)
		if err := os.RemoveAll(filepath.Dir(part)); err != nil {
			t.Fatal(err)
		}
		n := h.fetcher("10.0.0.2")
		compareTrees(t, h.src, untilDone(t, n, id).Path)
	})
}

func TestFinishedFileThatIsGone(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		n.Close()
		if err := os.Rename(o.Path, o.Path+"-away"); err != nil {
			t.Fatal(err)
		}
		n = h.fetcher("10.0.0.2")
		o = untilState(t, n, o.ID, "missing")
		if o.Err == nil || o.Err.Exit != fault.ExitDisk {
			t.Errorf("%+v", o.Err)
		}
		// Back in its place, it goes on; gone for good, verify fetches it again.
		if err := n.Resume(o.ID); err != nil {
			t.Error(err)
		}
		untilState(t, n, o.ID, "missing")
		if err := os.Rename(o.Path+"-away", o.Path); err != nil {
			t.Fatal(err)
		}
		if err := n.Resume(o.ID); err != nil {
			t.Error(err)
		}
		untilDone(t, n, o.ID)
		if got := downBytes(n); got != 0 {
			t.Errorf("fetched %d bytes", got)
		}
		os.RemoveAll(o.Path)
		n.Close()
		n = h.fetcher("10.0.0.2")
		untilState(t, n, o.ID, "missing")
		if err := n.Verify(t.Context(), o.ID, nil); exit(err) != fault.ExitVerify && err != nil {
			t.Error(err)
		}
		h.get(n)
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
	})
}

// What went to and fro is recorded beside the transfer, so that a run that is killed does not lose it; and only then.
func TestCountsOfAKilledRun(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 600_000}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		if err := h.seed.Pause(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		for _, ip := range []string{"10.0.0.3", "10.0.0.4"} {
			other := h.fetcher(ip)
			untilDone(t, other, h.get(other, func(r *GetRequest) { r.Peers = []string{peerOf(n)} }).ID)
			if err := other.Close(); err != nil {
				t.Fatal(err)
			}
		}
		ever := func(n *Node) [2]int64 {
			o, err := n.Object(o.ID)
			if err != nil {
				t.Fatal(err)
			}
			return [2]int64{o.Downloaded, o.Uploaded}
		}
		was := ever(n)
		if was[0] < 600_000 || was[1] < 1_200_000 {
			t.Fatalf("%d bytes came and %d went", was[0], was[1])
		}
		time.Sleep(10 * time.Minute) // virtual
		synctest.Wait()
		first, later := h.home("killed"), h.home("later")
		snapshot(t, h.home("10.0.0.2"), first)
		time.Sleep(time.Hour) // virtual
		synctest.Wait()
		snapshot(t, h.home("10.0.0.2"), later)
		for _, name := range []string{"catalog.db", "catalog.db-wal"} {
			a, _ := os.ReadFile(filepath.Join(first, name))
			b, _ := os.ReadFile(filepath.Join(later, name))
			if !bytes.Equal(a, b) {
				t.Errorf("%s was written to though nothing went to and fro", name)
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{first, h.home("10.0.0.2")} {
			again := start(t, h.world.Host("10.0.0.2"), dir)
			untilState(t, again, o.ID, "seeding")
			if got := ever(again); got != was {
				t.Errorf("after another start %d, before %d", got, was)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOneHomeHasOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		dir := filepath.Join(t.TempDir(), "home")
		n := start(t, w.Host("10.0.0.1"), dir)
		_, err := Open(t.Context(), config(t, w.Host("10.0.0.2"), dir))
		var locked *home.LockedError
		if !errors.As(err, &locked) || locked.Home != dir {
			t.Errorf("%v", err)
		}
		n.Close()
		start(t, w.Host("10.0.0.3"), dir)
	})
}

func TestPortIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		home := filepath.Join(t.TempDir(), "home")
		host := w.Host("10.0.0.1")
		n := start(t, host, home)
		port := n.sockets.Port()
		n.Close()
		if n = start(t, host, home); n.sockets.Port() != port {
			t.Errorf("%d, then %d", port, n.sockets.Port())
		}
		n.Close()
		// Taken today: another, without a fuss.
		other := start(t, host, filepath.Join(t.TempDir(), "other"), func(c *Config) {
			c.Listen = append(c.Listen, n.ListenAddrs()[0])
		})
		defer other.Close()
		start(t, host, home)
	})
}

func TestDamagedCatalogIsRecovered(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		n.Close()
		name := filepath.Join(h.home("10.0.0.2"), "catalog.db")
		for off := int64(0); off < 40_000; off += 1000 {
			scribble(t, name, off, 500)
		}
		n = h.fetcher("10.0.0.2")
		if o = untilDone(t, n, o.ID); downBytes(n) != 0 {
			t.Errorf("%+v", o)
		}
		n.Close()
		// With no backup there is nothing to go on with, and nothing is thrown away.
		os.Remove(name + ".bak")
		for off := int64(0); off < 40_000; off += 1000 {
			scribble(t, name, off, 500)
		}
		_, err := Open(t.Context(), config(t, h.world.Host("10.0.0.9"), h.home("10.0.0.2")))
		if err == nil || fault.Explain(err).Code != "damaged-home" {
			t.Error(err)
		}
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseIsQuickAndComplete(t *testing.T) {
	for _, after := range []time.Duration{0, time.Millisecond, 100 * time.Millisecond, time.Second, 3 * time.Second} {
		inHouse(t, "hybrid", map[string]int{"a": 900_000, "b": 900_000}, func(t *testing.T, h *house) {
			n := h.fetcher("10.0.0.2", limit(300<<10))
			events := n.Subscribe(context.Background())
			o := h.get(n)
			h.get(n, func(r *GetRequest) { r.Link = "magnet:?xt=urn:btih:0123456789012345678901234567890123456789" })
			time.Sleep(after)
			begun := time.Now()
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(begun); took > time.Second {
				t.Errorf("took %v", took)
			}
			for range events {
			}
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			// A node that is closed says so.
			if _, err := n.Get(t.Context(), GetRequest{Link: h.shared.Link}); exit(err) != fault.ExitFailed {
				t.Error(err)
			}
			if _, err := n.Share(t.Context(), h.req, nil, nil); exit(err) != fault.ExitFailed {
				t.Error(err)
			}
			for _, err := range []error{n.Pause(o.ID), n.Resume(o.ID), n.Verify(t.Context(), o.ID, nil), n.Remove(t.Context(), o.ID, true)} {
				if exit(err) != fault.ExitFailed {
					t.Error(err)
				}
			}
			if _, err := n.Object(o.ID); err == nil {
				t.Error("the catalog is closed")
			}
			for range n.Subscribe(context.Background()) {
			}
			// And nothing was taken for a failure of the object.
			n = h.fetcher("10.0.0.2")
			untilDone(t, n, o.ID)
		})
	}
}

// Everything at once, while the node ends.
func TestCloseAmidCalls(t *testing.T) {
	for round := range 5 {
		inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
			n := h.fetcher("10.0.0.2")
			o := h.get(n)
			other := filepath.Join(h.dir, "other")
			writeTree(t, other, map[string]int{"x": 100_000})
			var all sync.WaitGroup
			for _, f := range []func(){
				func() { n.Get(t.Context(), GetRequest{Link: h.shared.Link, Peers: []string{peerOf(h.seed)}}) },
				func() { n.Share(t.Context(), create.Request{Path: other}, nil, nil) },
				func() { n.Pause(o.ID) },
				func() { n.Resume(o.ID) },
				func() { n.Verify(t.Context(), o.ID, nil) },
				func() { n.Remove(t.Context(), o.ID, true) },
				func() { n.Objects() },
				func() { n.Files(o.ID) },
				func() { n.Peers("") },
				func() { n.Torrent(o.ID) },
				func() { n.Subscribe(t.Context()) },
			} {
				for range 3 {
					all.Go(f)
				}
			}
			time.Sleep(time.Duration(round) * 3 * time.Millisecond)
			if err := n.Close(); err != nil {
				t.Error(err)
			}
			all.Wait()
		})
	}
}
