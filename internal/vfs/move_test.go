package vfs_test

import (
	"errors"
	"testing"

	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func TestCrashNeverHalvesAMove(t *testing.T) {
	for _, synced := range []string{"", "/x", "/y/z"} {
		m := vfs.NewMem()
		vfstest.Write(t, m, "/x/a", []byte("a"))
		vfstest.Write(t, m, "/y/z/b", []byte("b"))
		root, err := m.OpenRoot("/")
		must(t, err)
		must(t, root.SyncAll())
		x, err := m.OpenRoot("/x")
		must(t, err)
		z, err := m.OpenRoot("/y/z")
		must(t, err)
		must(t, x.MoveNoReplace("a", z, "a"))
		must(t, z.MoveNoReplace("b", x, "b"))
		if synced != "" {
			must(t, root.SyncDir(synced[1:]))
		}
		moved := map[bool]int{}
		for c := range crashes(m) {
			there := vfstest.Exists(t, c, "/y/z/a")
			if there == vfstest.Exists(t, c, "/x/a") || vfstest.Exists(t, c, "/x/b") == vfstest.Exists(t, c, "/y/z/b") {
				t.Fatal("a file in both places or in none")
			}
			moved[there]++
		}
		if (moved[false] == 0) != (synced != "") || moved[true] == 0 {
			t.Errorf("synced %q: %v", synced, moved)
		}
	}
}

func TestMounted(t *testing.T) {
	m := vfs.NewMem()
	vfstest.Write(t, m, "/a", []byte("a"))
	must(t, m.Mount("/disk"))
	vfstest.Write(t, m, "/disk/sub/b", []byte("b"))
	r, err := m.OpenRoot("/")
	must(t, err)
	d, err := m.OpenRoot("/disk")
	must(t, err)
	for _, err := range []error{r.MoveNoReplace("a", d, "a"), r.RenameNoReplace("a", "disk/a"), d.MoveNoReplace("sub/b", r, "b")} {
		if !errors.Is(err, vfs.ErrOtherDisk) {
			t.Error(err)
		}
	}
	must(t, d.RenameNoReplace("sub/b", "b"))
	here, _ := r.Lstat("a")
	there, _ := d.Lstat("b")
	if here.Device == there.Device {
		t.Error("one device")
	}
}

func TestMoveAcrossDisks(t *testing.T) {
	one, other := vfstest.Two(t)
	vfstest.Write(t, vfs.OS(), one+"/a", []byte("a"))
	from, err := vfs.OS().OpenRoot(one)
	must(t, err)
	defer from.Close()
	to, err := vfs.OS().OpenRoot(other)
	must(t, err)
	defer to.Close()
	if err := from.MoveNoReplace("a", to, "a"); !errors.Is(err, vfs.ErrOtherDisk) {
		t.Error(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
