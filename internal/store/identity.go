package store

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Identity is what a file was when its bytes were hashed. The zero Identity is that of no file.
type Identity struct {
	// Name is where a file of a shared folder lies below that folder, as the disk spells it, with slashes. The
	// object's own path is made safe and may differ. Empty: as the object has it.
	Name    string
	Size    int64
	ModTime int64 // nanoseconds since 1970
	Changed int64 // the same, of the inode; zero where the system has none
	Inode   uint64
	Device  uint64
}

// IsZero reports whether this is the identity of no file.
func (i Identity) IsZero() bool { return i == Identity{} }

// Matches reports whether j is the same file, unchanged. Devices are not compared: their numbers are handed out anew
// when the machine starts.
func (i Identity) Matches(j Identity) bool {
	return i.Size == j.Size && i.ModTime == j.ModTime && i.Changed == j.Changed && i.Inode == j.Inode
}

// MatchesMoved reports whether j is the same file, unchanged but for its name. A rename moves the time of the inode's last
// change on most systems.
func (i Identity) MatchesMoved(j Identity) bool {
	i.Changed = j.Changed
	return i.Matches(j)
}

// IdentityOf is the identity of a file with a description; name is its Name.
func IdentityOf(name string, i vfs.Info) Identity {
	return Identity{
		Name: name, Size: i.Size, ModTime: nanos(i.ModTime), Changed: nanos(i.Changed), Inode: i.Inode, Device: i.Device,
	}
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
