package catalog

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// home is a closed catalog of 50 objects with its backup.
func home(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "catalog.db")
	c := mustOpen(t, path)
	for range 50 {
		mustAdd(t, c, full())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func folderOf(t *testing.T, path string) vfs.Root {
	t.Helper()
	root, err := vfs.OS().OpenRoot(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func rewrite(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

var damages = map[string]func([]byte) []byte{
	"garbage":      func([]byte) []byte { return bytes.Repeat([]byte("no database. "), 1000) },
	"short":        func([]byte) []byte { return []byte("x") },
	"empty":        func([]byte) []byte { return nil },
	"truncated":    func(b []byte) []byte { return b[:len(b)/2] },
	"header gone":  func(b []byte) []byte { copy(b, make([]byte, 100)); return b },
	"zeros inside": func(b []byte) []byte { copy(b[2*4096:], make([]byte, len(b)/2)); return b },
	"ones inside":  func(b []byte) []byte { copy(b[5*4096:], bytes.Repeat([]byte{0xff}, 4096)); return b },
}

func TestDamagedIsRecovered(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			path := home(t)
			rewrite(t, path, damage)
			var e *DamagedError
			c, err := Open(t.Context(), path, seeded(1))
			if !errors.As(err, &e) || !errors.Is(err, ErrDamaged) || !e.Backup {
				t.Fatalf("opened %v, %v", c, err)
			}
			spoiled, err := os.ReadFile(path)
			if err != nil {
				t.Fatal("the file was not kept:", err)
			}
			c, done, err := Recover(t.Context(), path, folderOf(t, path), seeded(-3))
			if err != nil {
				t.Fatal(err)
			}
			if rs, err := c.List(t.Context()); err != nil || len(rs) != 50 || done.Objects != 50 {
				t.Errorf("%d objects, %d told, %v", len(rs), done.Objects, err)
			}
			mustAdd(t, c, least())
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if kept, err := os.ReadFile(done.Kept); err != nil || !bytes.Equal(kept, spoiled) {
				t.Errorf("kept at %q: %v", done.Kept, err)
			}
			if rs, err := mustOpen(t, path).List(t.Context()); err != nil || len(rs) != 51 {
				t.Errorf("after: %d objects, %v", len(rs), err)
			}
		})
	}
}

func TestLostIsNotMadeAnew(t *testing.T) {
	path := home(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, seeded(1)); !errors.Is(err, ErrDamaged) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a fresh one was made")
	}
	c, done, err := Recover(t.Context(), path, folderOf(t, path), seeded(-3))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if done.Objects != 50 || done.Kept != "" {
		t.Errorf("got %+v", done)
	}
}

func TestNothingToRecoverFrom(t *testing.T) {
	for name, spoil := range map[string]func([]byte) []byte{"gone": nil, "garbage": damages["garbage"], "truncated": damages["truncated"]} {
		t.Run(name, func(t *testing.T) {
			path := home(t)
			rewrite(t, path, damages["garbage"])
			if spoil == nil {
				if err := os.Remove(path + ".bak"); err != nil {
					t.Fatal(err)
				}
			} else {
				rewrite(t, path+".bak", spoil)
			}
			if _, err := Open(t.Context(), path, seeded(1)); !errors.Is(err, ErrDamaged) {
				t.Errorf("opened: %v", err)
			}
			if _, _, err := Recover(t.Context(), path, folderOf(t, path), seeded(-3)); !errors.Is(err, ErrNoBackup) {
				t.Errorf("recovered: %v", err)
			}
			if b, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(b, []byte("no database")) {
				t.Errorf("the damaged file was touched: %.20q, %v", b, err)
			}
		})
	}
}

// stumbling is a folder whose n-th change fails, as if the machine had gone down before it.
type stumbling struct {
	Folder
	left int
}

var errStumbled = errors.New("stumbled")

func (s *stumbling) RenameNoReplace(from, to string) error {
	if s.left--; s.left < 0 {
		return errStumbled
	}
	return s.Folder.RenameNoReplace(from, to)
}

func TestRecoveryIsRepeated(t *testing.T) {
	for n := range 5 {
		path := home(t)
		rewrite(t, path, damages["truncated"])
		if _, _, err := Recover(t.Context(), path, &stumbling{folderOf(t, path), n}, seeded(-3)); !errors.Is(err, errStumbled) {
			t.Fatalf("%d: %v", n, err)
		}
		if c, err := Open(t.Context(), path, seeded(1)); !errors.Is(err, ErrDamaged) {
			t.Fatalf("%d: opened %v, %v", n, c, err)
		}
		c, _, err := Recover(t.Context(), path, folderOf(t, path), seeded(-4))
		if err != nil {
			t.Fatalf("%d: %v", n, err)
		}
		if rs, err := c.List(t.Context()); err != nil || len(rs) != 50 {
			t.Errorf("%d: %d objects, %v", n, len(rs), err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Damage that comes while the catalog is open must not reach the backup.
func TestBackupOutlivesDamage(t *testing.T) {
	path := home(t)
	good, err := os.ReadFile(path + ".bak")
	if err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, path)
	if err := c.SetSetting(t.Context(), "a", "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.writer.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, 20*4096), 4*4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("closed: %v", err)
	}
	if now, err := os.ReadFile(path + ".bak"); err != nil || !bytes.Equal(now, good) {
		t.Errorf("the backup was overwritten: %v", err)
	}
}

func TestBackupFollows(t *testing.T) {
	path := home(t)
	stat := func() os.FileInfo {
		t.Helper()
		info, err := os.Stat(path + ".bak")
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	first := stat()
	c := mustOpen(t, path)
	if _, err := c.List(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if stat().ModTime() != first.ModTime() {
		t.Error("nothing has changed, yet a backup was made")
	}
	c = mustOpen(t, path)
	id := mustAdd(t, c, least())
	if err := c.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	backup := mustOpen(t, path+".bak")
	if rs, err := backup.List(t.Context()); err != nil || len(rs) != 51 || rs[50].ID != id {
		t.Errorf("%d objects in the backup, %v", len(rs), err)
	}
	if err := errors.Join(backup.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(names, func(s string) bool { return strings.HasSuffix(s, "-wal") || strings.HasSuffix(s, "-journal") }) {
		t.Errorf("left behind: %v", names)
	}
}
