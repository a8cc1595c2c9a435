package home

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A home whose node never got to close it, or has run for long, has a backup that is not old.
func TestBackupIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "home")
		var said strings.Builder
		log := slog.New(slog.NewTextHandler(&said, nil))
		h, err := Open(t.Context(), vfs.OS(), dir, log)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var keeping sync.WaitGroup
		keeping.Go(func() { h.KeepBackup(ctx, log) })
		for _, c := range []struct {
			value string
			after time.Duration
		}{{"first", firstBackup}, {"second", nextBackup}} {
			if err := h.Catalog.SetSetting(t.Context(), "test", c.value); err != nil {
				t.Fatal(err)
			}
			time.Sleep(c.after + time.Second) // virtual
			synctest.Wait()
			if got := inBackup(t, dir, log); got != c.value {
				t.Errorf("the backup has %q, not %q", got, c.value)
			}
		}
		cancel()
		keeping.Wait()
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(said.String(), "could not") {
			t.Errorf("it said %s", said.String())
		}
	})
}

// inBackup is what a run finds of the setting when all that is left of a home is the backup.
func inBackup(t *testing.T, dir string, log *slog.Logger) string {
	t.Helper()
	left := t.TempDir()
	b, err := os.ReadFile(filepath.Join(dir, "catalog.db.bak"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "catalog.db.bak"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := Open(t.Context(), vfs.OS(), left, log)
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	value, _, err := h.Catalog.Setting(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	return value
}
