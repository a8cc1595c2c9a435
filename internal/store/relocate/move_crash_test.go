package relocate_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/store/relocate"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func TestMoveToFullDisk(t *testing.T) {
	for _, space := range []int64{0, 50_000, 101_000, 200_000} {
		m := vfs.NewMem()
		must(t, m.Mount("/to"))
		faults := vfs.NewFaults(m)
		w := newWandering(t, faults, "/from", "/to/deep")
		faults.SetSpace(space)
		if disk := wantDisk(t, w.move(t.Context(), nil)); !disk.IsFull() {
			t.Error(disk)
		}
		w.whole(m, "/from")
		w.nothing(m, "/to/deep")
	}
}

// Every operation of a move fails once, and the object is whole in one of the two places, and nowhere else.
func TestMoveSurvivesEveryFailure(t *testing.T) {
	for _, across := range []bool{false, true} {
		for op := vfs.OpOpen; op <= vfs.OpClose; op++ {
			for n := 1; ; n++ {
				m := vfs.NewMem()
				if across {
					must(t, m.Mount("/to"))
				}
				faults := vfs.NewFaults(m)
				w := newWandering(t, faults, "/from", "/to/deep")
				hit := false
				left := n
				faults.On(func(c vfs.Call) error {
					if c.Op != op {
						return nil
					}
					if left--; left != 0 {
						return nil
					}
					hit = true
					return syscall.EIO
				})
				err := w.move(t.Context(), nil)
				faults.On(nil)
				w.recover(m, err)
				if t.Failed() {
					t.Fatalf("across %v, operation %d, the %d. time: %v", across, op, n, err)
				}
				if !hit {
					break
				}
			}
		}
	}
}

// recover is what follows a crash or a failure: forward if the object has its name in the new place, else back.
func (w *wandering) recover(disk vfs.FS, err error) {
	w.Helper()
	m := relocate.New(disk, w.obj, w.obj.Name(), w.from, w.to)
	if vfstest.Exists(w, disk, w.to+"/album") {
		must(w, errors.Join(m.Publish(), m.Settle(), m.Clean()))
		w.whole(disk, w.to)
		w.nothing(disk, w.from)
		return
	}
	if err == nil {
		w.Error("it says that it was moved, and it was not")
	}
	must(w, m.Undo(w.opt.Identities))
	w.whole(disk, w.from)
	w.nothing(disk, w.to)
}

// A power loss at any operation leaves each file whole in one place or the other, and the move can be taken back or be
// carried on.
func TestMoveSurvivesEveryCrash(t *testing.T) {
	for _, across := range []bool{false, true} {
		for seed := range uint64(12) {
			t.Run(fmt.Sprint("across ", across, " seed ", seed), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, 7))
				m := vfs.NewMem()
				if across {
					must(t, m.Mount("/to"))
				}
				faults := vfs.NewFaults(m)
				w := newWandering(t, faults, "/from", "/to/deep")
				published := false // as the caller writes down before Publish
				crash := func() {
					disk := m.CrashClone(rng)
					mv := relocate.New(disk, w.obj, w.obj.Name(), w.from, w.to)
					if !published {
						must(t, mv.Undo(w.opt.Identities))
						w.whole(disk, w.from)
						w.nothing(disk, w.to)
						return
					}
					must(t, errors.Join(mv.Publish(), mv.Settle(), mv.Clean()))
					w.whole(disk, w.to)
					w.nothing(disk, w.from)
				}
				faults.On(func(c vfs.Call) error {
					if c.Op != vfs.OpRead && c.Op != vfs.OpStat {
						crash()
					}
					return nil
				})
				must(t, errors.Join(w.m.Look(), w.m.Begin()))
				if across {
					must(t, w.m.Copy(t.Context(), w.o, nil))
				}
				must(t, errors.Join(w.o.Close(), w.m.Stage(t.Context(), w.o, nil)))
				published = true
				must(t, errors.Join(w.m.Publish(), w.m.Settle(), w.m.Clean()))
				crash()
			})
		}
	}
}

// What is left of a move of which nothing is known but the disk: an original that somebody has replaced is not
// overwritten, and the only copy of a file not removed.
func TestUndoRemovesNoLastCopy(t *testing.T) {
	onTwoDisks(t, func(t *testing.T, disk vfs.FS, from, to string) {
		w := newWandering(t, disk, from, to)
		must(t, errors.Join(w.m.Begin(), w.o.Close(), w.m.Stage(t.Context(), w.o, nil)))
		across, err := w.m.Across()
		must(t, err)
		if across {
			r, err := disk.OpenRoot(from)
			must(t, err)
			must(t, errors.Join(r.Remove("album/c"), r.Close()))
		} else {
			vfstest.Write(t, disk, from+"/album/c", []byte("another"))
		}
		m := relocate.New(disk, w.obj, w.obj.Name(), from, to)
		if err := m.Undo(w.opt.Identities); !errors.Is(err, store.ErrExists) && !errors.Is(err, store.ErrMissing) {
			t.Error(err)
		}
		if !bytes.Equal(vfstest.Read(t, disk, to+"/album.moving/album/c"), pattern(2, 0, 5000)) {
			t.Error("the only copy is lost")
		}
		if !across && string(vfstest.Read(t, disk, from+"/album/c")) != "another" {
			t.Error("overwritten")
		}
	})
}
