package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// snapshot copies a folder as a killed process leaves it.
func snapshot(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(p string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(from, p)
		dest := filepath.Join(to, rel)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil || d.Name() == "lock" || !d.IsDir() && !info.Mode().IsRegular() {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(dest, 0o755)
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if err := os.WriteFile(dest, b, 0o644); err != nil {
			return err
		}
		return os.Chtimes(dest, info.ModTime(), info.ModTime())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// untilSettled waits until nothing is written down of a move.
func untilSettled(t *testing.T, n *Node, id string) Object {
	t.Helper()
	return until(t, n, id, "settled", func(o Object) bool {
		_, noted, err := moving.Unsettled(t.Context(), n.catalog, id)
		return err == nil && !noted && o.State != "checking"
	})
}

// Killed at any step of a move, the next start finds the object whole in one place, and clears the other.
func TestKilledWhileMoving(t *testing.T) {
	for _, across := range []bool{false, true} {
		inHouse(t, "v1", map[string]int{"a": 90_000, "b": 7_000, "c": 90_000}, func(t *testing.T, h *house) {
			faults := vfs.NewFaults(vfs.OS())
			base := filepath.Join(h.dir, "live")
			from, to := filepath.Join(base, "from"), filepath.Join(base, "to")
			fsys := vfs.FS(faults)
			if across {
				fsys = apart{faults, to}
			}
			n := start(t, h.world.Host("10.0.0.2"), filepath.Join(base, "home"), func(c *Config) { c.FS, c.DownloadDir, c.Down = fsys, from, 50<<10 })
			o := h.get(n, func(r *GetRequest) { r.Sequential = true })
			until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 120_000 })
			if err := n.Pause(o.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute) // virtual: whatever goes on comes to rest
			o = until(t, n, o.ID, "paused", func(o Object) bool { return o.State == "paused" })
			deaths := 0
			faults.On(func(c vfs.Call) error {
				switch c.Op {
				case vfs.OpRename, vfs.OpRemove, vfs.OpSyncDir, vfs.OpMkdir, vfs.OpWrite, vfs.OpSyncAll:
					if within(base, c.Name) && !within(filepath.Join(base, "home"), c.Name) {
						deaths++
						snapshot(t, base, filepath.Join(h.dir, fmt.Sprint("death ", deaths)))
					}
				}
				return nil
			})
			if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
				t.Error(err)
			}
			faults.On(nil)
			if deaths < 10 {
				t.Errorf("only %d deaths", deaths)
			}
			for death := range deaths {
				survive(t, h, base, filepath.Join(h.dir, fmt.Sprint("death ", death+1)), o)
			}
		})
	}
}

// survive starts a node on what a kill would leave at this moment. The paths in its catalog are those of the copy.
func survive(t *testing.T, h *house, base, copied string, o Object) {
	t.Helper()
	death := filepath.Base(copied)
	home := filepath.Join(copied, "home")
	ctx := context.Background()
	c, err := catalog.Open(ctx, filepath.Join(home, "catalog.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	moved := func(p string) string {
		rel, _ := filepath.Rel(base, p)
		return filepath.Join(copied, rel)
	}
	if err := c.Update(ctx, o.ID, func(r *catalog.Record) { r.Root, r.State = moved(r.Root), catalog.State(swarm.Paused) }); err != nil {
		t.Fatal(err)
	}
	if note, ok, err := moving.Unsettled(ctx, c, o.ID); err != nil {
		t.Fatal(err)
	} else if ok {
		note.From, note.To = moved(note.From), moved(note.To)
		if err := note.Write(ctx, c, o.ID); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := c.Files(ctx, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Get(ctx, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	// The copies have other inodes.
	ids := map[int]catalog.Identity{}
	for i, row := range rows {
		for _, dir := range []string{r.Root, filepath.Join(copied, "to", "photos.moving"), filepath.Join(copied, "from")} {
			for _, name := range []string{row.Path, row.Path + ".part"} {
				info, err := vfs.OS().Stat(filepath.Join(dir, "photos", name))
				if err == nil && ids[i].Size == 0 && info.Size == row.Identity.Size && info.ModTime.UnixNano() == row.Identity.ModTime {
					ids[i] = catalog.Identity{Size: info.Size, ModTime: info.ModTime.UnixNano(), Changed: info.Changed.UnixNano(), Inode: info.Inode}
				}
			}
		}
	}
	if err := errors.Join(c.SetIdentity(ctx, o.ID, ids), c.Close()); err != nil {
		t.Fatal(err)
	}
	n, err := Open(ctx, config(t, h.world.Host("10.0.1.1"), home, func(c *Config) { c.Silent = true }))
	if err != nil {
		t.Fatal(err)
	}
	got := untilSettled(t, n, o.ID)
	if got.Err != nil || got.BytesDone < o.BytesDone {
		t.Errorf("%s: %d bytes were done, and now %d: %s %v", death, o.BytesDone, got.BytesDone, got.State, got.Err)
	}
	place, other := filepath.Join(copied, "from"), filepath.Join(copied, "to")
	if filepath.Dir(got.Path) == other {
		place, other = other, place
	}
	unnoted(t, n, o.ID, other)
	want := list(t, h.src)
	have := list(t, filepath.Join(place, "photos"))
	for name, size := range want {
		if have[name] != size && have[name+".part"] != size && name != "c" {
			t.Errorf("%s: %s is not in %s: %v", death, name, place, have)
		}
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
}

// apart is a file system of which one folder lies on another disk.
type apart struct {
	vfs.FS
	far string
}

func (a apart) Stat(name string) (vfs.Info, error) {
	info, err := a.FS.Stat(name)
	if within(a.far, name) {
		info.Device++
	}
	return info, err
}

func (a apart) OpenRoot(dir string) (vfs.Root, error) {
	r, err := a.FS.OpenRoot(dir)
	return apartRoot{r, within(a.far, dir)}, err
}

type apartRoot struct {
	vfs.Root
	far bool
}

func (r apartRoot) MoveNoReplace(oldName string, to vfs.Root, newName string) error {
	other, ok := to.(apartRoot)
	if !ok || other.far != r.far {
		return vfs.ErrOtherDisk
	}
	return r.Root.MoveNoReplace(oldName, other.Root, newName)
}

func (r apartRoot) Lstat(name string) (vfs.Info, error) {
	info, err := r.Root.Lstat(name)
	if r.far {
		info.Device++
	}
	return info, err
}

// A disk that is not there when the node starts: it says so, and settles the move when it is back.
func TestUnsettledMove(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		from, to := filepath.Dir(o.Path), filepath.Join(h.dir, "to")
		if err := n.Move(t.Context(), o.ID, to, nil); err != nil {
			t.Fatal(err)
		}
		// As if it had been killed just before the last step.
		x, err := n.lookup(o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if err := (moving.Note{From: from, To: to}).Write(t.Context(), n.catalog, o.ID); err != nil {
			t.Fatal(err)
		}
		if got := x.Record().Root; got != to {
			t.Fatal(got)
		}
		n.Close()
		stage := filepath.Join(to, "photos.moving")
		if err := errors.Join(os.Mkdir(stage, 0o755), os.Rename(filepath.Join(to, "photos"), filepath.Join(stage, "photos")), os.Rename(to, to+"-away")); err != nil {
			t.Fatal(err)
		}

		n = h.fetcher("10.0.0.2")
		lost := untilState(t, n, o.ID, "missing")
		if lost.Err == nil || lost.Err.Exit != fault.ExitDisk {
			t.Error(lost.Err)
		}
		if err := n.Move(t.Context(), o.ID, h.dir, nil); exit(err) != fault.ExitFailed {
			t.Error(err)
		}
		if err := os.Rename(to+"-away", to); err != nil {
			t.Fatal(err)
		}
		defer noHashing(t, n)()
		if err := n.Resume(o.ID); err != nil {
			t.Fatal(err)
		}
		o = untilDone(t, n, o.ID)
		compareTrees(t, h.src, filepath.Join(to, "photos"))
		unnoted(t, n, o.ID, stage)
	})
}
