// Package vfs hands the file system in as a value. Only this package opens files for potluck (SQLite is the named
// exception), so a test can run the store on a disk in memory that fails, fills up or loses power.
//
// There are three file systems: [OS], the real one; [Mem], a fake that knows what a power loss may leave behind; and
// [Faults], a wrapper around either that fails on demand. The suite in vfstest runs on both of the first two.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// FS is a file system. Its names are absolute and come from the user or from potluck's own configuration, never from
// a peer, and symbolic links in them are followed. Everything a peer may have named goes through a [Root].
type FS interface {
	// OpenRoot opens the folder dir.
	OpenRoot(dir string) (Root, error)
	// OpenFile opens a regular file that the user named, following symbolic links.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Stat describes a file, following symbolic links.
	Stat(name string) (Info, error)
	// MkdirAll makes the folder dir and those above it that are missing, durably. It is no error if it exists.
	MkdirAll(dir string) error
	// Free is the number of bytes an ordinary user may still write on the file system that holds dir.
	Free(dir string) (int64, error)
}

// Root is an open folder. Its names are relative, with slashes between components; "." is the folder itself. No name
// leads out of the folder, and no symbolic link is followed anywhere below it: an operation on a name that has one
// in it fails with [ErrSymlink]. A Root is safe for concurrent use.
type Root interface {
	// OpenFile opens a regular file; with a flag of os.O_CREATE|os.O_EXCL it makes one. Anything that is not a
	// regular file is [ErrNotRegular].
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// OpenFolder opens a folder below as a root of its own, which is cheaper when many names in it are used. It stays the
	// same folder, whatever becomes of its name.
	OpenFolder(name string) (Root, error)
	// Mkdir makes one folder. fs.ErrExist if there is anything of that name.
	Mkdir(name string) error
	// RenameNoReplace renames a file within the root. fs.ErrExist if there is anything under the new name.
	RenameNoReplace(oldName, newName string) error
	// RenameOver renames a file within the root, and takes the place of a file that has the new name. A crash leaves the
	// one or the other there.
	RenameOver(oldName, newName string) error
	// MoveNoReplace renames a file into another root. fs.ErrExist if there is anything under the new name, and
	// [ErrOtherDisk] if the two roots are not on one file system: then it must be copied.
	MoveNoReplace(oldName string, to Root, newName string) error
	// SetModTime gives a file another modification time.
	SetModTime(name string, t time.Time) error
	// Remove removes a file or an empty folder.
	Remove(name string) error
	// Lstat describes a file or a link itself.
	Lstat(name string) (Info, error)
	// ReadDir lists a folder in bytewise order of names.
	ReadDir(name string) ([]Entry, error)
	// SyncDir makes the entries of a folder durable: what was made, renamed or removed in it.
	SyncDir(name string) error
	// SyncAll makes everything durable that was written to this root's file system since the Root was opened, files
	// and folders, open or not, and reports any write that failed since. [errors.ErrUnsupported] where the system has
	// no such call that reports failure.
	SyncAll() error
	// Close closes the folder; files opened from it stay open.
	Close() error
}

// File is an open regular file, safe for concurrent use.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Truncate changes the size; what is added reads as zeros and takes no space where the system can do that.
	Truncate(size int64) error
	// Datasync makes the bytes and the size durable. After an error the system may have forgotten that some bytes
	// never reached the disk: a later success says nothing about them.
	Datasync() error
	// Stat describes the open file, whatever lies under its name by now.
	Stat() (Info, error)
	// DropCache forgets clean pages, so that the next read comes from the disk. Best effort.
	DropCache() error
	// Ahead says that n bytes from off on are about to be read, so that the disk can begin with them. Best effort.
	Ahead(off, n int64)
}

// Info describes a file. Two Infos of the same unchanged file are equal.
type Info struct {
	Size    int64
	Mode    fs.FileMode
	ModTime time.Time
	Changed time.Time // inode change time; zero where the system has none
	Inode   uint64    // zero where the system has none
	Device  uint64
}

// Same reports whether two descriptions are of one file, as far as the system tells.
func (i Info) Same(j Info) bool {
	return i.Inode == j.Inode && i.Device == j.Device && i.Mode.Type() == j.Mode.Type()
}

// Entry is a name in a folder. Only the type bits of Mode are set.
type Entry struct {
	Name string
	Mode fs.FileMode
}

var (
	// ErrSymlink says that a symbolic link stands in the way.
	ErrSymlink = errors.New("a symbolic link is in the way")
	// ErrNotRegular says that a name is that of a folder, device, pipe or socket.
	ErrNotRegular = errors.New("not a regular file")
	// ErrOtherDisk says that two names are not on one file system.
	ErrOtherDisk = errors.New("the other name is on another file system")
)
