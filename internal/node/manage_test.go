package node

import (
	"bytes"
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/vfs"
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

// faulty is a disk that fails on demand, for what is fetched.
func faulty(f **vfs.Faults) func(*Config) {
	return func(c *Config) {
		*f = vfs.NewFaults(c.FS)
		c.FS = *f
	}
}

func TestPromise4_2_FullDisk(t *testing.T) {
	var f *vfs.Faults
	stop := func(op vfs.Op, err error) func() {
		return func() {
			var count atomic.Int32
			f.On(func(c vfs.Call) error {
				if c.Op == op && strings.Contains(c.Name, "downloads") && count.Add(1) > 5 {
					return err
				}
				return nil
			})
		}
	}
	for name, c := range map[string]struct {
		fail func()
		code string
	}{
		"full before it begins":  {func() { f.SetSpace(1 << 20) }, "disk-full"},
		"full in the middle":     {stop(vfs.OpWrite, syscall.ENOSPC), "disk-full"},
		"quota":                  {stop(vfs.OpWrite, syscall.EDQUOT), "disk-full"},
		"read-only":              {func() { f.ReadOnly() }, "read-only"},
		"no permission":          {stop(vfs.OpMkdir, fs.ErrPermission), ""},
		"writes fail":            {stop(vfs.OpWrite, syscall.EIO), "disk"},
		"syncs fail":             {func() { f.FailNth(vfs.OpSync, 1, syscall.EIO) }, "disk"},
		"folders cannot be kept": {func() { f.FailNth(vfs.OpSyncDir, 1, syscall.EIO) }, "disk"},
		"renames fail":           {func() { f.FailNth(vfs.OpRename, 1, syscall.EIO) }, "disk"},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, "hybrid", map[string]int{"a": 900_000, "b": 900_000}, func(t *testing.T, h *house) {
				n := h.fetcher("10.0.0.2", faulty(&f), limit(300<<10))
				c.fail()
				o := h.get(n)
				failed := until(t, n, o.ID, "failed", func(o Object) bool { return o.Err != nil || o.State == "seeding" && !o.Done.IsZero() })
				if c.code != "" {
					e := failed.Err
					if e == nil || e.Exit != fault.ExitDisk || e.Code != c.code || e.Hint == "" {
						t.Fatalf("%s %+v", failed.State, e)
					}
				}
				f.On(nil)
				f.SetSpace(1 << 30)
				if err := n.Resume(o.ID); err != nil {
					t.Fatal(err)
				}
				compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
				// What is said to be done is on the disk and known.
				n.Close()
				n = h.fetcher("10.0.0.2")
				untilDone(t, n, o.ID)
				if downBytes(n) != 0 {
					t.Error("fetched again after it was done")
				}
			})
		})
	}
}

// A disk that refuses fails many pieces at once; the log says once that the object stopped.
func TestFailureIsLoggedOnce(t *testing.T) {
	var (
		f    *vfs.Faults
		said bytes.Buffer
	)
	inHouse(t, "v1", map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
		// A text handler writes each line as a whole and under a lock.
		log := func(c *Config) { c.Log = slog.New(slog.NewTextHandler(&said, nil)) }
		n := h.fetcher("10.0.0.2", faulty(&f), log)
		f.On(func(c vfs.Call) error {
			if c.Op == vfs.OpWrite && strings.Contains(c.Name, "downloads") {
				return syscall.ENOSPC
			}
			return nil
		})
		untilState(t, n, h.get(n).ID, "failed")
		time.Sleep(time.Minute)
		n.Close()
	})
	if got := strings.Count(said.String(), "object stopped"); got != 1 {
		t.Errorf("said %d times:\n%s", got, said.String())
	}
}

// What was verified before the disk was full is not fetched again.
func TestFullDiskLosesLittle(t *testing.T) {
	var f *vfs.Faults
	inHouse(t, "v1", map[string]int{"a": 2 << 20}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", faulty(&f), limit(300<<10))
		o := h.get(n)
		until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 1<<20 })
		f.On(func(c vfs.Call) error {
			if c.Op == vfs.OpWrite {
				return syscall.ENOSPC
			}
			return nil
		})
		o = untilState(t, n, o.ID, "failed")
		f.On(nil)
		again := h.get(n) // the same command again
		if again.ID != o.ID {
			t.Errorf("%+v", again)
		}
		untilDone(t, n, o.ID)
		if got := downBytes(n); got > 1<<20+64<<10 {
			t.Errorf("fetched %d bytes again", got)
		}
	})
}

// corrupt is a file system whose files read wrong once it is armed.
type corrupt struct {
	vfs.FS
	armed *atomic.Bool
}

func (c corrupt) OpenRoot(dir string) (vfs.Root, error) {
	r, err := c.FS.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return corruptRoot{r, c.armed}, nil
}

type corruptRoot struct {
	vfs.Root
	armed *atomic.Bool
}

func (r corruptRoot) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := r.Root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return corruptFile{f, r.armed}, nil
}

type corruptFile struct {
	vfs.File
	armed *atomic.Bool
}

func (f corruptFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if f.armed.Load() {
		for i := 0; i < n; i += 7000 {
			p[i] ^= 0x20
		}
	}
	return n, err
}

func TestPromise4_1_CorruptSeederBesideAnHonestOne(t *testing.T) {
	for _, format := range []string{"v1", "v2", "hybrid"} {
		t.Run(format, func(t *testing.T) {
			inHouse(t, format, map[string]int{"a": 1 << 20, "b": 300_000}, func(t *testing.T, h *house) {
				var armed atomic.Bool
				liar := h.fetcher("10.0.0.66", func(c *Config) { c.FS = corrupt{c.FS, &armed} })
				lies := h.share(liar)
				if lies.Link != h.shared.Link {
					t.Fatal(lies.Link)
				}
				armed.Store(true)
				// The honest one must not be done before the liar is asked.
				if err := h.seed.Limit(h.shared.ID, 200_000, -1); err != nil {
					t.Fatal(err)
				}
				n := h.fetcher("10.0.0.2")
				events := n.Subscribe(t.Context())
				accused := make(chan string, 100)
				go func() {
					for e := range events {
						if e.Kind == news.EventAccused {
							accused <- e.Text
						}
					}
					close(accused)
				}()
				o := h.get(n, func(r *GetRequest) { r.Peers = []string{peerOf(liar), peerOf(h.seed)} })
				compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
				n.Close()
				some := false
				for text := range accused {
					some = true
					if !strings.Contains(text, "10.0.0.66") {
						t.Errorf("accused: %s", text)
					}
				}
				if !some {
					t.Error("nobody is accused")
				}
			})
		})
	}
}

func TestPromise4_8_APanicFailsOneObjectOnly(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		bad, err := h.seed.lookup(h.shared.ID)
		if err != nil {
			t.Fatal(err)
		}
		other := filepath.Join(h.dir, "other")
		writeTree(t, other, map[string]int{"x": 100_000})
		good, err := h.seed.Share(t.Context(), create.Request{Path: other}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		bad.Run(func() { panic("a mistake of ours") })
		o := untilState(t, h.seed, h.shared.ID, "failed")
		if o.Err == nil || o.Err.Code != "internal" {
			t.Errorf("%+v", o.Err)
		}
		n := h.fetcher("10.0.0.2")
		got := h.get(n, func(r *GetRequest) { r.Link = good.Link })
		untilDone(t, n, got.ID)
		if err := h.seed.Resume(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		untilState(t, h.seed, h.shared.ID, "seeding")
		untilDone(t, n, h.get(n).ID)
	})
}

func TestMetadataThatIsNone(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := h.get(n, func(r *GetRequest) { r.Peers = nil })
		x, err := n.lookup(o.ID)
		if err != nil {
			t.Fatal(err)
		}
		x.MetadataFound([]byte("d4:name1:xe"))
		if o = untilState(t, n, o.ID, "failed"); o.Err.Exit != fault.ExitFailed || o.Err.Code != "damaged-torrent" {
			t.Errorf("%+v", o.Err)
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
