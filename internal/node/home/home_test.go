package home

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// TestUnusableHome: a folder that cannot be a home is the disk's fault, and named once.
func TestUnusableHome(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	for _, why := range []error{syscall.EROFS, syscall.EIO, syscall.ENOSPC} {
		disk := vfs.NewFaults(vfs.OS())
		disk.On(func(c vfs.Call) error {
			if c.Op == vfs.OpMkdir {
				return why
			}
			return nil
		})
		_, err := Open(t.Context(), disk, dir, slog.New(slog.DiscardHandler))
		var e *catalog.DiskError
		if !errors.As(err, &e) || e.Full != (why == syscall.ENOSPC) || !errors.Is(err, why) || strings.Count(err.Error(), dir) != 1 {
			t.Errorf("%v: %v", why, err)
		}
	}
}
