package vfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

func TestLockFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	first, err := vfs.LockFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, err = vfs.LockFile(name)
	var locked *vfs.LockedError
	if !errors.Is(err, vfs.ErrLocked) || !errors.As(err, &locked) || locked.PID != os.Getpid() || locked.Name != name {
		t.Fatalf("a held lock was refused with %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := vfs.LockFile(name)
	if err != nil {
		t.Fatalf("a lock let go of was refused: %v", err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLockFileWantsARegularFile(t *testing.T) {
	if _, err := vfs.LockFile(t.TempDir()); err == nil {
		t.Fatal("locked a folder")
	}
}
