package fault_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// TestExplain: whoever is to blame, also behind other errors, gets the code and the exit code of the command line.
func TestExplain(t *testing.T) {
	own := fault.New(fault.ExitNobody, "no-source", "nobody has it", "wait", nil)
	for _, c := range []struct {
		err  error
		code string
		exit int
	}{
		{own, "no-source", fault.ExitNobody},
		{errors.Join(errors.New("besides"), own), "no-source", fault.ExitNobody},
		{fault.Usage("no", "yes", nil), "usage", fault.ExitUsage},
		{fmt.Errorf("reading: %w", context.Canceled), "interrupted", fault.ExitInterrupted},
		{&store.DiskError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, "disk-full", fault.ExitDisk},
		{&store.DiskError{Op: "write", Path: "/x", Err: syscall.EROFS}, "read-only", fault.ExitDisk},
		{&store.DiskError{Op: "open", Path: "/x", Err: syscall.EACCES}, "permission", fault.ExitDisk},
		{&store.DiskError{Op: "read", Path: "/x", Err: syscall.EIO}, "disk", fault.ExitDisk},
		{fmt.Errorf("/x: %w", store.ErrChanged), "changed", fault.ExitVerify},
		{fmt.Errorf("/x: %w", store.ErrMissing), "missing", fault.ExitDisk},
		{&catalog.DiskError{Full: true, Err: syscall.ENOSPC}, "disk-full", fault.ExitDisk},
		{&catalog.DiskError{Err: syscall.EIO}, "disk", fault.ExitDisk},
		{&metainfo.Error{Field: "info", Reason: "missing"}, "damaged-torrent", fault.ExitFailed},
		{catalog.ErrNotFound, "not-found", fault.ExitFailed},
		{fmt.Errorf("x: %w", link.ErrNotALink), "not-a-link", fault.ExitUsage},
		{fs.ErrNotExist, "no-such-file", fault.ExitDisk},
		{fs.ErrPermission, "permission", fault.ExitDisk},
		{fmt.Errorf("lock: %w", &fs.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}), "disk-full", fault.ExitDisk},
		{&fs.PathError{Op: "write", Path: "/x", Err: syscall.EIO}, "disk", fault.ExitDisk},
		{&fs.PathError{Op: "write", Path: "/x", Err: syscall.EISDIR}, "failed", fault.ExitFailed},
		{errors.New("whatever"), "failed", fault.ExitFailed},
	} {
		got := fault.Explain(c.err)
		if got.Code != c.code || got.Exit != c.exit || got.Message == "" || got != own && got.Error() != got.Message {
			t.Errorf("%v: %+v, want %s and %d", c.err, got, c.code, c.exit)
		}
	}
	if fault.Explain(nil) != nil {
		t.Error("nothing went wrong")
	}
	if cause := fault.Usage("no", "", own); !errors.Is(cause, own) {
		t.Error("the cause is lost")
	}
}
