package node

import (
	"bytes"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

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
