//go:build unix

package relocate_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func TestMoveKeepsHoles(t *testing.T) {
	one, other := vfstest.Two(t)
	w := newWandering(t, vfs.OS(), one+"/from", other+"/to")
	must(t, w.move(t.Context(), nil))
	info, err := os.Stat(other + "/to/album/half.part")
	must(t, err)
	if s := info.Sys().(*syscall.Stat_t); s.Blocks*512 > 1<<20 {
		t.Errorf("%d bytes of disk for 200,000 bytes", s.Blocks*512)
	}
}
