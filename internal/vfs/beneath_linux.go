package vfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// beneath is a folder below which the kernel walks names, by openat2(2): one call that neither leaves the folder nor follows
// a link, whatever others rename meanwhile. [os.Root] opens each folder on the way instead, which for many small files is
// most of the work.
type beneath struct{ d *os.File }

// walksBeneath is whether the kernel can: it is Linux 5.6 or later, and no sandbox forbids it.
var walksBeneath = sync.OnceValue(func() bool {
	fd, err := openat2(unix.AT_FDCWD, ".", folderOnly, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
})

func openRoot(dir string) (Root, error) {
	if !walksBeneath() {
		return openPortably(dir)
	}
	d, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return &beneath{d}, nil
}

// folderOnly opens a folder to go on from, and no more.
const folderOnly = unix.O_PATH | unix.O_DIRECTORY

// openat2 opens a name below an open folder. A walk that left it, as when somebody moves a folder on the way elsewhere, is
// errLeadsOut: the kernel calls that EXDEV, which from a rename means another file system.
func openat2(dir int, name string, flag int, perm fs.FileMode) (int, error) {
	how := unix.OpenHow{
		Flags:   uint64(flag | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	}
	if flag&unix.O_CREAT != 0 {
		how.Mode = uint64(perm.Perm())
	}
	for {
		fd, err := unix.Openat2(dir, name, &how)
		switch err {
		case unix.EINTR:
			continue
		case unix.EXDEV:
			return -1, errLeadsOut
		default:
			return fd, err
		}
	}
}

// failed is the error of an operation on a name.
func failed(op, name string, err error) error {
	if err == unix.ELOOP {
		err = ErrSymlink
	}
	return pathError(op, name, err)
}

// in runs do with the open folder that a name is in, and the name's last component.
func (b *beneath) in(op, name string, do func(dir int, base string) error) error {
	if !staysInside(name) {
		return pathError(op, name, errLeadsOut)
	}
	folder, base := path.Dir(name), path.Base(name)
	return failed(op, name, control(b.d, func(root uintptr) error {
		if folder == "." {
			return do(int(root), base)
		}
		dir, err := openat2(int(root), folder, folderOnly, 0)
		if err != nil {
			return err
		}
		defer unix.Close(dir)
		return do(dir, base)
	}))
}

// open opens whatever has a name.
func (b *beneath) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if !staysInside(name) {
		return nil, pathError("open", name, errLeadsOut)
	}
	var fd int
	err := control(b.d, func(root uintptr) (err error) {
		fd, err = openat2(int(root), name, flag|unix.O_LARGEFILE|unix.O_NOCTTY, perm)
		return err
	})
	if err != nil {
		return nil, failed("open", name, err)
	}
	return os.NewFile(uintptr(fd), path.Join(b.d.Name(), name)), nil
}

// OpenFile looks before it opens, as osRoot does: a pipe or a device notices an open. To hold the file by O_PATH, look at that
// and open it again through /proc would leave no moment between the two, but needs a /proc and more time, measured at 2.6 µs
// a file beside 1.4 to 2.1. What took the file's place in that moment is told by its descriptor.
func (b *beneath) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL {
		f, err := b.open(name, flag, perm)
		if err != nil {
			return nil, err
		}
		return osFile{f}, nil
	}
	info, err := b.Lstat(name)
	if err == nil {
		err = openable(name, info.Mode)
	}
	if err != nil && (flag&os.O_CREATE == 0 || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	f, err := b.open(name, flag|openFlags, perm)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) { // by now a folder; a pipe that nobody reads, or a socket
		return nil, pathError("open", name, ErrNotRegular)
	}
	if err != nil {
		return nil, err
	}
	return regular(f)
}

func (b *beneath) OpenFolder(name string) (Root, error) {
	d, err := b.openFolder(name)
	if err != nil {
		return nil, err
	}
	return &beneath{d}, nil
}

func (b *beneath) openFolder(name string) (*os.File, error) {
	return b.open(name, os.O_RDONLY|unix.O_DIRECTORY, 0)
}

func (b *beneath) ReadDir(name string) ([]Entry, error) {
	d, err := b.openFolder(name)
	if err != nil {
		return nil, err
	}
	return listAndClose(d)
}

func (b *beneath) SyncDir(name string) error {
	d, err := b.openFolder(name)
	if err != nil {
		return err
	}
	return errors.Join(syncDir(d), d.Close())
}

func (b *beneath) SyncAll() error { return syncFileSystem(b.d) }

func (b *beneath) Close() error { return b.d.Close() }

func (b *beneath) Lstat(name string) (Info, error) {
	var st unix.Stat_t
	err := b.in("lstat", name, func(dir int, base string) error {
		return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		return Info{}, err
	}
	return infoOfStat(&st), nil
}

// infoOfStat is what infoOf makes of the same file.
func infoOfStat(st *unix.Stat_t) Info {
	mode := fs.FileMode(st.Mode & 0o777)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFBLK:
		mode |= fs.ModeDevice
	case unix.S_IFCHR:
		mode |= fs.ModeDevice | fs.ModeCharDevice
	}
	if st.Mode&unix.S_ISUID != 0 {
		mode |= fs.ModeSetuid
	}
	if st.Mode&unix.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if st.Mode&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	return Info{
		Size: st.Size, Mode: mode, ModTime: time.Unix(st.Mtim.Unix()), Changed: time.Unix(st.Ctim.Unix()),
		Inode: st.Ino, Device: uint64(st.Dev),
	}
}

func (b *beneath) Mkdir(name string) error {
	return b.in("mkdir", name, func(dir int, base string) error { return unix.Mkdirat(dir, base, 0o777) })
}

func (b *beneath) Remove(name string) error {
	return b.in("remove", name, func(dir int, base string) error {
		err := unix.Unlinkat(dir, base, 0)
		if err == unix.EISDIR {
			err = unix.Unlinkat(dir, base, unix.AT_REMOVEDIR)
		}
		return err
	})
}

func (b *beneath) SetModTime(name string, t time.Time) error {
	at, err := unix.TimeToTimespec(t)
	if err != nil {
		return pathError("chtimes", name, err)
	}
	return b.in("chtimes", name, func(dir int, base string) error {
		var st unix.Stat_t
		if err := unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return err
		}
		if st.Mode&unix.S_IFMT != unix.S_IFREG {
			return ErrNotRegular
		}
		return unix.UtimesNanoAt(dir, base, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, at}, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func (b *beneath) RenameOver(oldName, newName string) error {
	return b.pair(oldName, b, newName, func(from int, oldBase string, to int, newBase string) error {
		return unix.Renameat(from, oldBase, to, newBase)
	})
}

func (b *beneath) RenameNoReplace(oldName, newName string) error {
	return b.pair(oldName, b, newName, renameNoReplace)
}

func (b *beneath) MoveNoReplace(oldName string, to Root, newName string) error {
	other, ok := to.(*beneath)
	if !ok {
		return pathError("rename", oldName, ErrOtherDisk)
	}
	err := b.pair(oldName, other, newName, renameNoReplace)
	if errors.Is(err, syscall.EXDEV) {
		return pathError("rename", oldName, ErrOtherDisk)
	}
	return err
}

// pair runs do with the open folders that two names are in, and the names' last components.
func (b *beneath) pair(oldName string, to *beneath, newName string, do func(from int, oldBase string, to int, newBase string) error) error {
	return b.in("rename", oldName, func(from int, oldBase string) error {
		if to == b && path.Dir(oldName) == path.Dir(newName) {
			return failed("rename", newName, do(from, oldBase, from, path.Base(newName)))
		}
		return to.in("rename", newName, func(dest int, newBase string) error {
			return do(from, oldBase, dest, newBase)
		})
	})
}

// renameNoReplace is renameat2(2). Where the file system does not know RENAME_NOREPLACE, the file gets its second name,
// which fails if that is taken, before it loses the first. File systems without hard links are left with a check before
// the rename.
func renameNoReplace(from int, oldBase string, to int, newBase string) error {
	err := unix.Renameat2(from, oldBase, to, newBase, unix.RENAME_NOREPLACE)
	if err != unix.EINVAL && err != unix.ENOSYS && err != unix.ENOTSUP {
		return err
	}
	return renameByLink(from, oldBase, to, newBase)
}

func renameByLink(from int, oldBase string, to int, newBase string) error {
	err := unix.Linkat(from, oldBase, to, newBase, 0)
	switch err {
	case nil:
		return unix.Unlinkat(from, oldBase, 0)
	case unix.EEXIST, unix.ENOENT, unix.EXDEV:
		return err
	}
	var st unix.Stat_t
	switch err := unix.Fstatat(to, newBase, &st, unix.AT_SYMLINK_NOFOLLOW); err {
	case nil:
		return unix.EEXIST
	case unix.ENOENT:
		return unix.Renameat(from, oldBase, to, newBase)
	default:
		return err
	}
}
