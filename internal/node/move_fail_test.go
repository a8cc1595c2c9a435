package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func TestMovesThatAreRefused(t *testing.T) {
	targets(t, func(t *testing.T, to string) {
		inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
			n := h.fetcher("10.0.0.2")
			o := untilDone(t, n, h.get(n).ID)
			writeTree(t, to, map[string]int{"photos": 10})
			writeTree(t, to+"-2", map[string]int{"photos/mine": 10})
			tests := []struct {
				why  string
				err  error
				exit int
			}{
				{"a file has its name", n.Move(t.Context(), o.ID, to, nil), fault.ExitDisk},
				{"a folder has its name", n.Move(t.Context(), o.ID, to+"-2", nil), fault.ExitDisk},
				{"a file is no folder", n.Move(t.Context(), o.ID, to+"/photos", nil), fault.ExitUsage},
				{"into itself", n.Move(t.Context(), o.ID, filepath.Join(o.Path, "d"), nil), fault.ExitUsage},
				{"no such object", n.Move(t.Context(), "00000000", to, nil), fault.ExitFailed},
				{"a share", h.seed.Move(t.Context(), h.shared.ID, to+"-3", nil), fault.ExitUsage},
			}
			for _, test := range tests {
				if exit(test.err) != test.exit {
					t.Errorf("%s: %v", test.why, test.err)
				}
			}
			if got := len(list(t, to)) + len(list(t, to+"-2")); got != 2 {
				t.Errorf("%d files, where there were 2", got)
			}
			o = untilDone(t, n, o.ID)
			for _, dir := range []string{to, to + "-2", to + "-3"} {
				place, another := filepath.Join(dir, filepath.Base(o.Path)), &object.Object{}
				if !n.books.ClaimToo(place, another) {
					t.Errorf("%s is still claimed", place)
				}
				n.books.GiveUp(place, another)
			}
			compareTrees(t, h.src, o.Path)
			unnoted(t, n, o.ID, to+"-3")

			scribble(t, filepath.Join(o.Path, "c.txt"), 0, 5)
			if err := n.Move(t.Context(), o.ID, to+"-3", nil); exit(err) != fault.ExitVerify {
				t.Error(err)
			}
			unnoted(t, n, o.ID, to+"-3")
		})
	})
}

func TestMoveToWhereAnotherIsFetched(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		to := filepath.Join(h.dir, "elsewhere")
		n.books.ClaimToo(filepath.Join(to, "photos"), &object.Object{})
		if err := n.Move(t.Context(), o.ID, to, nil); exit(err) != fault.ExitDisk {
			t.Error(err)
		}
	})
}

// A disk that is full or fails, or a user who has changed their mind, leaves everything as it was.
func TestMoveThatFails(t *testing.T) {
	_, other := vfstest.Two(t)
	fail := map[string]func(t *testing.T, faults *vfs.Faults, cancel func(), to string){
		"full": func(t *testing.T, faults *vfs.Faults, _ func(), to string) {
			faults.On(func(c vfs.Call) error {
				if c.Op == vfs.OpWrite && c.Offset > 0 && within(to, c.Name) {
					return syscall.ENOSPC
				}
				return nil
			})
		},
		"full from the beginning": func(t *testing.T, faults *vfs.Faults, _ func(), _ string) { faults.SetSpace(2_000_000) },
		"cancelled": func(t *testing.T, faults *vfs.Faults, cancel func(), to string) {
			faults.On(func(c vfs.Call) error {
				if c.Op == vfs.OpWrite && within(to, c.Name) {
					cancel()
				}
				return nil
			})
		},
		"at the last step": func(t *testing.T, faults *vfs.Faults, _ func(), to string) {
			faults.On(func(c vfs.Call) error {
				if c.Op == vfs.OpRename && c.Name == filepath.Join(to, "photos.moving", "photos") {
					return syscall.EIO
				}
				return nil
			})
		},
		"in the way at the last step": func(t *testing.T, faults *vfs.Faults, _ func(), to string) {
			faults.On(func(c vfs.Call) error {
				if c.Op == vfs.OpRename && c.Name == filepath.Join(to, "photos.moving", "photos") {
					os.MkdirAll(filepath.Join(to, "photos"), 0o755)
				}
				return nil
			})
		},
		"no folder can be made": func(t *testing.T, faults *vfs.Faults, _ func(), to string) {
			faults.On(func(c vfs.Call) error {
				if c.Op == vfs.OpMkdir && within(to, c.Name) {
					return syscall.EACCES
				}
				return nil
			})
		},
	}
	for name, set := range fail {
		for _, fetching := range []bool{false, true} {
			for _, across := range []bool{false, true} {
				inHouse(t, "v1", map[string]int{"a": 900_000, "b": 900_000, "c": 900_000}, func(t *testing.T, h *house) {
					faults := vfs.NewFaults(vfs.OS())
					to := filepath.Join(h.dir, "to")
					if across {
						to = filepath.Join(other, t.Name(), fmt.Sprint(name, fetching))
					} else if name == "full" || name == "full from the beginning" || name == "cancelled" {
						return
					}
					faulty := func(c *Config) { c.FS, c.Down = faults, 200<<10 }
					n := h.fetcher("10.0.0.2", faulty)
					o := h.get(n, func(r *GetRequest) { r.Sequential = true })
					o = until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 1_200_000 })
					if !fetching {
						o = untilDone(t, n, o.ID)
					}
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					set(t, faults, cancel, to)
					if err := n.Move(ctx, o.ID, to, nil); err == nil {
						t.Fatalf("%s: moved", name)
					}
					faults.On(nil)
					faults.SetSpace(1 << 40)
					os.Remove(filepath.Join(to, "photos")) // what got in the way
					unnoted(t, n, o.ID, to)
					again := until(t, n, o.ID, "in motion", func(o Object) bool { return o.State == "fetching" || o.State == "seeding" })
					if again.BytesDone < o.BytesDone || again.Path != o.Path {
						t.Errorf("%s: %d bytes were done, and now %d in %s", name, o.BytesDone, again.BytesDone, again.Path)
					}
					o = untilDone(t, n, o.ID)
					compareTrees(t, h.src, o.Path)
					// And now it can.
					if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
						t.Errorf("%s: %v", name, err)
					}
					compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
				})
			}
		}
	}
}

func TestMoveThatCannotCleanUp(t *testing.T) {
	_, other := vfstest.Two(t)
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		faults := vfs.NewFaults(vfs.OS())
		n := h.fetcher("10.0.0.2", func(c *Config) { c.FS = faults })
		o := untilDone(t, n, h.get(n).ID)
		faults.On(func(c vfs.Call) error {
			if c.Op == vfs.OpRemove && within(o.Path, c.Name) {
				return syscall.EACCES
			}
			return nil
		})
		if err := n.Move(t.Context(), o.ID, other, nil); exit(err) != fault.ExitPartly {
			t.Error(err)
		}
		faults.On(nil)
		if o = untilDone(t, n, o.ID); o.Path != filepath.Join(other, "photos") {
			t.Error(o.Path)
		}
		compareTrees(t, h.src, o.Path)
	})
}

func TestMoveThenClose(t *testing.T) {
	_, other := vfstest.Two(t)
	inHouse(t, "hybrid", map[string]int{"a": 900_000, "b": 70_000}, func(t *testing.T, h *house) {
		faults := vfs.NewFaults(vfs.OS())
		n := h.fetcher("10.0.0.2", func(c *Config) { c.FS = faults })
		o := untilDone(t, n, h.get(n).ID)
		closed := make(chan error, 1)
		first := sync.OnceFunc(func() {
			go func() { closed <- n.Close() }()
			<-n.life.Done()
		})
		faults.On(func(c vfs.Call) error {
			if c.Op == vfs.OpSync && within(other, c.Name) {
				first()
			}
			return nil
		})
		if err := n.Move(t.Context(), o.ID, other, nil); exit(err) != fault.ExitInterrupted && exit(err) != fault.ExitFailed {
			t.Error(err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		n = h.fetcher("10.0.0.2")
		unnoted(t, n, o.ID, other)
		defer noHashing(t, n)()
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
	})
}
