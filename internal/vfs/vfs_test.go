package vfs_test

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/vfs/vfstest"
)

func TestMem(t *testing.T) {
	vfstest.Run(t, func(*testing.T) vfstest.Disk { return vfstest.Memory() })
}

func TestOS(t *testing.T) {
	vfstest.Run(t, func(t *testing.T) vfstest.Disk { return vfstest.System(t) })
}

func TestOSPortably(t *testing.T) {
	vfstest.Run(t, func(t *testing.T) vfstest.Disk {
		d := vfstest.System(t)
		d.FS = vfs.Portable()
		return d
	})
}

func TestFaultsThatDoNothing(t *testing.T) {
	vfstest.Run(t, func(*testing.T) vfstest.Disk {
		d := vfstest.Memory()
		d.FS = vfs.NewFaults(d.FS)
		return d
	})
}
