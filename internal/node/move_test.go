package node

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

// targets runs a test with a folder to move to in the file system of the house, and with one in another.
func targets(t *testing.T, test func(t *testing.T, to string)) {
	t.Run("one file system", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "new", "place")) })
	t.Run("two file systems", func(t *testing.T) {
		_, other := vfstest.Two(t)
		test(t, filepath.Join(other, "new", "place"))
	})
}

// noHashing fails the test if any byte of an object is hashed from the disk: it takes all the tokens that allow it.
func noHashing(t *testing.T, n *Node) (allow func()) {
	t.Helper()
	for range maxHashing {
		n.rooms.Disk.Hashing <- struct{}{}
	}
	return sync.OnceFunc(func() {
		for range maxHashing {
			<-n.rooms.Disk.Hashing
		}
	})
}

// unnoted checks that no move is written down, and nothing left of one in a folder.
func unnoted(t *testing.T, n *Node, id string, dirs ...string) {
	t.Helper()
	if _, ok, err := moving.Unsettled(t.Context(), n.catalog, id); ok || err != nil {
		t.Errorf("a move is written down: %v, %v", ok, err)
	}
	for _, dir := range dirs {
		for name := range list(t, dir) {
			t.Errorf("%s is left in %s", name, dir)
		}
	}
}

// heir starts a second node that fetches from n only.
func heir(t *testing.T, h *house, n *Node, down int64) (*Node, Object) {
	t.Helper()
	c := h.fetcher("10.0.0.3", limit(down))
	o := h.get(c, func(r *GetRequest) { r.Peers = []string{peerOf(n)} })
	return c, o
}

func TestMoveWhileSeeding(t *testing.T) {
	targets(t, func(t *testing.T, to string) {
		inHouse(t, "hybrid", map[string]int{"a": 900_000, "sub/b": 70_000, "empty": 0}, func(t *testing.T, h *house) {
			n := h.fetcher("10.0.0.2")
			o := untilDone(t, n, h.get(n).ID)
			old := filepath.Dir(o.Path)
			c, got := heir(t, h, n, 100<<10)
			until(t, c, got.ID, "begun", func(o Object) bool { return o.BytesDone > 200_000 })
			allow := noHashing(t, n)
			if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
				t.Fatal(err)
			}
			allow()
			o = untilDone(t, n, o.ID)
			if o.Path != filepath.Join(to, "photos") || o.BytesDone != o.BytesWanted {
				t.Errorf("%+v", o)
			}
			compareTrees(t, h.src, o.Path)
			unnoted(t, n, o.ID, old)
			compareTrees(t, h.src, untilDone(t, c, got.ID).Path)
			if downBytes(n) != 0 || n.Verify(t.Context(), o.ID, nil) != nil {
				t.Error("something was fetched again, or is not right")
			}
			// Moved to where it is, nothing happens.
			if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
				t.Error(err)
			}

			n.Close()
			n = h.fetcher("10.0.0.2", func(c *Config) { c.Silent = true })
			defer noHashing(t, n)()
			if o = untilDone(t, n, o.ID); o.Path != filepath.Join(to, "photos") {
				t.Errorf("%+v", o)
			}
		})
	})
}

// The other file system is slow: meanwhile others are served, and may have other wishes.
func TestServedWhileItIsCopied(t *testing.T) {
	_, other := vfstest.Two(t)
	inHouse(t, "hybrid", map[string]int{"a": 900_000, "b": 70_000}, func(t *testing.T, h *house) {
		faults := vfs.NewFaults(vfs.OS())
		n := h.fetcher("10.0.0.2", func(c *Config) { c.FS = faults })
		o := untilDone(t, n, h.get(n).ID)
		inside, proceed := make(chan struct{}), make(chan struct{})
		first := sync.OnceFunc(func() {
			close(inside)
			<-proceed
		})
		faults.On(func(c vfs.Call) error {
			if c.Op == vfs.OpWrite && within(other, c.Name) {
				first()
			}
			return nil
		})
		moved := make(chan error, 1)
		go func() { moved <- n.Move(t.Context(), o.ID, other, nil) }()
		<-inside
		c, got := heir(t, h, n, 0)
		compareTrees(t, h.src, untilDone(t, c, got.ID).Path)
		if err := n.Move(t.Context(), o.ID, h.dir, nil); err == nil || fault.Explain(err).Code != "moving" {
			t.Error(err)
		}
		if err := n.Pause(o.ID); err != nil {
			t.Error(err)
		}
		close(proceed)
		if err := <-moved; err != nil {
			t.Error(err)
		}
		o = untilState(t, n, o.ID, "paused")
		compareTrees(t, h.src, o.Path)
		unnoted(t, n, o.ID)
		if o.Path != filepath.Join(other, "photos") {
			t.Error(o.Path)
		}
	})
}

func TestRemovedWhileItIsCopied(t *testing.T) {
	_, other := vfstest.Two(t)
	for _, deleted := range []bool{false, true} {
		inHouse(t, "v1", map[string]int{"a": 900_000, "b": 70_000}, func(t *testing.T, h *house) {
			faults := vfs.NewFaults(vfs.OS())
			n := h.fetcher("10.0.0.2", func(c *Config) { c.FS = faults })
			o := untilDone(t, n, h.get(n).ID)
			first := sync.OnceFunc(func() {
				if err := n.Remove(t.Context(), o.ID, deleted); err != nil {
					t.Error(err)
				}
			})
			faults.On(func(c vfs.Call) error {
				if c.Op == vfs.OpWrite && within(other, c.Name) {
					first()
				}
				return nil
			})
			if err := n.Move(t.Context(), o.ID, other, nil); err == nil {
				t.Error("what is removed was moved")
			}
			unnoted(t, n, o.ID, other)
			if left := len(list(t, o.Path)); left != 0 && deleted || left != 2 && !deleted {
				t.Errorf("%d files are left", left)
			}
		})
	}
}

func TestMoveWhileFetching(t *testing.T) {
	targets(t, func(t *testing.T, to string) {
		for _, format := range []string{"v1", "v2"} {
			to := filepath.Join(to, format)
			inHouse(t, format, map[string]int{"a": 900_000, "b": 70_000, "c": 900_000}, func(t *testing.T, h *house) {
				faults := vfs.NewFaults(vfs.OS())
				n := h.fetcher("10.0.0.2", func(c *Config) { c.FS, c.Down = faults, 200<<10 })
				o := h.get(n, func(r *GetRequest) { r.Sequential = true })
				o = until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 1_200_000 })
				var read atomic.Int64
				faults.On(func(c vfs.Call) error {
					if c.Op == vfs.OpRead && within(to, c.Name) {
						read.Add(int64(c.Length))
					}
					return nil
				})
				if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
					t.Fatal(err)
				}
				faults.On(nil)
				unnoted(t, n, o.ID, filepath.Dir(o.Path))
				again := untilState(t, n, o.ID, "fetching")
				if again.BytesDone < o.BytesDone || again.Path != filepath.Join(to, "photos") {
					t.Errorf("%d bytes were done, and now %d in %s", o.BytesDone, again.BytesDone, again.Path)
				}
				// What was not there yet is looked at, for it might be; what is verified is not.
				if left := o.BytesWanted - o.BytesDone; read.Load() > left {
					t.Errorf("%d bytes were hashed, and only %d are not verified", read.Load(), left)
				}
				o = untilDone(t, n, o.ID)
				compareTrees(t, h.src, o.Path)
				if got := o.Downloaded; got > 1_900_000 {
					t.Errorf("%d bytes were fetched of 1870000", got)
				}
			})
		}
	})
}

// Bytes of files that are not selected stay where they are, in the home.
func TestMoveOfSelection(t *testing.T) {
	targets(t, func(t *testing.T, to string) {
		inHouse(t, "v1", map[string]int{"a": 300_001, "b": 100_001, "c": 300_000}, func(t *testing.T, h *house) {
			n := h.fetcher("10.0.0.2")
			o := untilDone(t, n, h.get(n, func(r *GetRequest) { r.Select = []string{"b"} }).ID)
			if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
				t.Fatal(err)
			}
			o = untilDone(t, n, o.ID)
			if got := list(t, to); len(got) != 1 || got["photos/b"] != 100_001 {
				t.Errorf("%v", got)
			}
			if err := n.Verify(t.Context(), o.ID, nil); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestMoveWhileResolving(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := h.get(n, func(r *GetRequest) { r.Peers = nil })
		to := filepath.Join(h.dir, "elsewhere")
		if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
			t.Fatal(err)
		}
		h.get(n)
		if o = untilDone(t, n, o.ID); o.Path != filepath.Join(to, "photos") {
			t.Error(o.Path)
		}
		compareTrees(t, h.src, o.Path)
	})
}

func TestMoveOfPausedStaysPaused(t *testing.T) {
	targets(t, func(t *testing.T, to string) {
		inHouse(t, "v1", map[string]int{"a": 900_000}, func(t *testing.T, h *house) {
			n := h.fetcher("10.0.0.2", limit(200<<10))
			o := h.get(n)
			until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 400_000 })
			if err := n.Pause(o.ID); err != nil {
				t.Fatal(err)
			}
			if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
				t.Fatal(err)
			}
			untilState(t, n, o.ID, "paused")
			n.Close()
			n = h.fetcher("10.0.0.2")
			untilState(t, n, o.ID, "paused")
			if err := n.Resume(o.ID); err != nil {
				t.Fatal(err)
			}
			compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
		})
	})
}

// A fetch that lacks room is moved to where there is some.
func TestMoveOfWhatHasNoRoom(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 900_000, "b": 70_000}, func(t *testing.T, h *house) {
		faults := vfs.NewFaults(vfs.OS())
		n := h.fetcher("10.0.0.2", func(c *Config) { c.FS = faults })
		faults.SetSpace(local.Reserve + 10_000)
		o := h.get(n)
		o = untilState(t, n, o.ID, "failed")
		faults.SetSpace(1 << 40)
		to := filepath.Join(h.dir, "roomy")
		if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
			t.Fatal(err)
		}
		o = untilDone(t, n, o.ID)
		compareTrees(t, h.src, filepath.Join(to, "photos"))
	})
}

func TestMoveTellsProgress(t *testing.T) {
	_, other := vfstest.Two(t)
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		var last int64
		err := n.Move(t.Context(), o.ID, other, func(done, total int64) {
			if done < last || done > total || total != o.Size {
				t.Errorf("%d of %d", done, total)
			}
			last = done
		})
		if err != nil || last != o.Size {
			t.Errorf("%d of %d: %v", last, o.Size, err)
		}
		time.Sleep(time.Second) // virtual
		compareTrees(t, h.src, filepath.Join(other, "photos"))
	})
}
