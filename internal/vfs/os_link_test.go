package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Where the system cannot rename without replacing in one step, two links must do.
func TestRenameByLink(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a", "taken"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r, err := openPortably(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	o := r.(*osRoot)
	if err := o.renameByLink("a", "taken"); !errors.Is(err, fs.ErrExist) {
		t.Error(err)
	}
	if err := o.renameByLink("none", "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := o.renameByLink("a", "b"); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "b")); string(b) != "a" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "taken")); string(b) != "taken" || err != nil {
		t.Errorf("%q %v", b, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the old name is left")
	}
}
