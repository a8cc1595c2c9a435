package vfs_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

// crashes makes many disks that a power loss may leave.
func crashes(m *vfs.Mem) func(yield func(*vfs.Mem) bool) {
	return func(yield func(*vfs.Mem) bool) {
		for seed := range uint64(64) {
			if !yield(m.CrashClone(rand.New(rand.NewPCG(seed, 1)))) {
				return
			}
		}
	}
}

func TestCrashKeepsOnlyWhatWasSynced(t *testing.T) {
	m := vfs.NewMem()
	r, err := m.OpenRoot("/")
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.OpenFile("a", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	synced, later := bytes.Repeat([]byte{1}, 10_000), bytes.Repeat([]byte{2}, 10_000)
	f.WriteAt(synced, 0)
	if err := f.Datasync(); err != nil {
		t.Fatal(err)
	}
	gone := 0
	for c := range crashes(m) {
		if !vfstest.Exists(t, c, "/a") {
			gone++
		}
	}
	if gone == 0 || gone == 64 {
		t.Errorf("a name that was not synced is gone in %d of 64 crashes", gone)
	}

	if err := r.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	f.WriteAt(later, 10_000)
	seen := map[byte]bool{}
	for c := range crashes(m) {
		got := vfstest.Read(t, c, "/a")
		if !bytes.Equal(got[:10_000], synced) {
			t.Fatal("synced bytes are lost")
		}
		for _, b := range got[10_000:] {
			seen[b] = true
		}
	}
	if !seen[0] || !seen[2] {
		t.Errorf("unsynced bytes are always %v", seen)
	}

	if err := r.SyncAll(); err != nil {
		t.Fatal(err)
	}
	for c := range crashes(m) {
		if got := vfstest.Read(t, c, "/a"); !bytes.Equal(got, append(synced, later...)) {
			t.Fatal("synced bytes are lost")
		}
	}
}

func TestCrashNeverHalvesARename(t *testing.T) {
	m := vfs.NewMem()
	vfstest.Write(t, m, "/a", []byte("x"))
	r, _ := m.OpenRoot("/")
	if err := r.SyncAll(); err != nil {
		t.Fatal(err)
	}
	if err := r.RenameNoReplace("a", "b"); err != nil {
		t.Fatal(err)
	}
	names := map[bool]int{}
	for c := range crashes(m) {
		a, b := vfstest.Exists(t, c, "/a"), vfstest.Exists(t, c, "/b")
		if a == b {
			t.Fatal("both names or none")
		}
		names[a]++
	}
	if len(names) != 2 {
		t.Error("an unsynced rename always ends the same way", names)
	}
}

func TestCrashIsReplayedFromItsSeed(t *testing.T) {
	disk := func() []byte {
		m := vfs.NewMem()
		vfstest.Write(t, m, "/a", bytes.Repeat([]byte{7}, 100_000))
		r, _ := m.OpenRoot("/")
		if err := r.SyncDir("."); err != nil {
			t.Fatal(err)
		}
		return vfstest.Read(t, m.CrashClone(rand.New(rand.NewPCG(3, 4))), "/a")
	}
	if !bytes.Equal(disk(), disk()) {
		t.Error("the same seed left two different disks")
	}
}

func TestFailedSyncLosesSilently(t *testing.T) {
	m := vfs.NewMem()
	faults := vfs.NewFaults(m)
	vfstest.Write(t, faults, "/a", []byte("old"))
	r, _ := faults.OpenRoot("/")
	if err := r.SyncAll(); err != nil {
		t.Fatal(err)
	}
	f, _ := r.OpenFile("a", os.O_RDWR, 0)
	f.WriteAt([]byte("new"), 0)
	faults.FailNth(vfs.OpSync, 1, syscall.EIO)
	if err := f.Datasync(); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	if err := f.Datasync(); err != nil {
		t.Fatal("only the first sync reports it:", err)
	}
	if got := string(vfstest.Read(t, m, "/a")); got != "new" {
		t.Errorf("the cache holds %q", got)
	}
	for c := range crashes(m) {
		if got := string(vfstest.Read(t, c, "/a")); got != "old" {
			t.Fatalf("the disk holds %q", got)
		}
	}
	if err := f.DropCache(); err != nil {
		t.Fatal(err)
	}
	if got := string(vfstest.Read(t, m, "/a")); got != "old" {
		t.Errorf("after dropping the cache: %q", got)
	}
}

func TestFaults(t *testing.T) {
	faults := vfs.NewFaults(vfs.NewMem())
	faults.SetSpace(5)
	f, err := faults.OpenFile("/a", os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.WriteAt([]byte("12345678"), 0); n != 5 || !vfs.IsFull(err) {
		t.Errorf("a full disk took %d bytes: %v", n, err)
	}
	if free, err := faults.Free("/"); free != 0 || err != nil {
		t.Error(free, err)
	}
	faults.ReadOnly()
	if _, err := f.WriteAt([]byte("x"), 0); !vfs.IsReadOnly(err) {
		t.Error(err)
	}
	if got := faults.Count(vfs.OpWrite); got != 2 {
		t.Errorf("%d writes counted", got)
	}
}
