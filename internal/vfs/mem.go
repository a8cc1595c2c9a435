package vfs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory, for tests. It knows which bytes and which names have been synced, so [Mem.CrashClone]
// can make the disk that a power loss may leave behind. Its clock moves by a millisecond with every change.
type Mem struct {
	mu      sync.Mutex
	root    *node
	nextIno uint64
	disks   uint64 // that were mounted
	moves   uint64 // between folders
	now     time.Time
	handles int
}

// NewMem makes an empty file system with the folder "/".
func NewMem() *Mem {
	m := &Mem{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	m.root = m.newNode(fs.ModeDir | 0o777)
	return m
}

// memDevice is the device number of every file in a Mem, but for those below a mounted folder.
const memDevice = 77

// Handles is the number of files and roots that are open.
func (m *Mem) Handles() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.handles
}

// Symlink makes a symbolic link called name.
func (m *Mem) Symlink(target, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.newNode(fs.ModeSymlink | 0o777)
	n.target = target
	return m.plant(name, n)
}

// Mkfifo makes something called name that is neither file, folder nor link.
func (m *Mem) Mkfifo(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.plant(name, m.newNode(fs.ModeNamedPipe|0o666))
}

// Chmod changes the permission bits of a file or folder; only the owner's are looked at.
func (m *Mem) Chmod(name string, perm fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.follow("chmod", name)
	if err != nil {
		return err
	}
	n.mode = n.mode.Type() | perm.Perm()
	n.ctime = m.tick()
	return nil
}

// Rename moves a file or folder, replacing a file that is there: what a user may do behind the store's back.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, err := m.follow("rename", path.Dir(oldName))
	if err != nil {
		return err
	}
	to, err := m.follow("rename", path.Dir(newName))
	if err != nil {
		return err
	}
	return m.rename(from, path.Base(oldName), to, path.Base(newName))
}

// Backdate sets a file's modification time to one long ago.
func (m *Mem) Backdate(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.follow("chtimes", name)
	if err != nil {
		return err
	}
	n.mtime, n.ctime = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), m.tick()
	return nil
}

// Remove takes a name away, if it is there, and all below it if it is a folder.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, err := m.follow("remove", path.Dir(name))
	if err != nil {
		return err
	}
	if dir.entries[path.Base(name)] == nil {
		return nil
	}
	dir.change(m.tick(), dirOp{remove: path.Base(name)})
	return nil
}

// plant puts a node under an absolute name that must be free.
func (m *Mem) plant(name string, n *node) error {
	dir, err := m.follow("create", path.Dir(name))
	if err != nil {
		return err
	}
	return m.add(dir, path.Base(name), n)
}

// add puts a node into a folder under a name that must be free.
func (m *Mem) add(dir *node, base string, n *node) error {
	if len(base) > 255 {
		return pathError("create", base, syscall.ENAMETOOLONG)
	}
	if dir.entries[base] != nil {
		return pathError("create", base, fs.ErrExist)
	}
	if dir.mode&0o200 == 0 {
		return pathError("create", base, fs.ErrPermission)
	}
	n.device = dir.device
	dir.change(m.tick(), dirOp{add: base, node: n})
	return nil
}

func (m *Mem) rename(from *node, oldBase string, to *node, newBase string) error {
	n := from.entries[oldBase]
	if n == nil {
		return pathError("rename", oldBase, fs.ErrNotExist)
	}
	if len(newBase) > 255 {
		return pathError("rename", newBase, syscall.ENAMETOOLONG)
	}
	if n.device != to.device {
		return pathError("rename", newBase, ErrOtherDisk)
	}
	n.ctime = m.tick()
	if from == to {
		from.change(m.tick(), dirOp{remove: oldBase, add: newBase, node: n})
		return nil
	}
	m.moves++
	to.change(m.tick(), dirOp{add: newBase, node: n, twin: from, move: m.moves})
	from.change(m.tick(), dirOp{remove: oldBase, twin: to, move: m.moves})
	return nil
}

func (m *Mem) newNode(mode fs.FileMode) *node {
	m.nextIno++
	t := m.tick()
	n := &node{ino: m.nextIno, device: memDevice, mode: mode, mtime: t, ctime: t}
	switch mode.Type() {
	case fs.ModeDir:
		n.entries, n.durable = map[string]*node{}, map[string]*node{}
	case 0:
		n.cur, n.disk, n.dirty = map[int64][]byte{}, map[int64][]byte{}, map[int64]bool{}
	}
	return n
}

func (m *Mem) tick() time.Time {
	m.now = m.now.Add(time.Millisecond)
	return m.now
}

// follow finds the node of an absolute name, through symbolic links.
func (m *Mem) follow(op, name string) (*node, error) {
	for range 40 {
		n, link, rest, err := m.descend(m.root, strings.TrimPrefix(path.Clean(name), "/"))
		if err != nil {
			return nil, pathError(op, name, err)
		}
		if link == "" {
			return n, nil
		}
		if path.IsAbs(n.target) {
			name = path.Join(n.target, rest)
		} else {
			name = path.Join("/", path.Dir(link), n.target, rest)
		}
	}
	return nil, pathError(op, name, syscall.ELOOP)
}

// descend walks down from dir. If it meets a symbolic link it stops there: link is where it lies and rest what was
// left to walk.
func (m *Mem) descend(dir *node, name string) (n *node, link, rest string, err error) {
	n = dir
	done := ""
	for name != "" && name != "." {
		base, tail, _ := strings.Cut(name, "/")
		if !n.mode.IsDir() {
			return nil, "", "", syscall.ENOTDIR
		}
		if n = n.entries[base]; n == nil {
			return nil, "", "", fs.ErrNotExist
		}
		done = path.Join(done, base)
		if n.mode&fs.ModeSymlink != 0 {
			return n, done, tail, nil
		}
		name = tail
	}
	return n, "", "", nil
}

func (m *Mem) OpenRoot(dir string) (Root, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.follow("open", dir)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, pathError("open", dir, syscall.ENOTDIR)
	}
	m.handles++
	return &memRoot{m: m, dir: n}, nil
}

func (m *Mem) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.follow("open", name)
	switch {
	case err == nil:
		return m.open(name, n, flag)
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		n = m.newNode(perm.Perm())
		if err := m.plant(name, n); err != nil {
			return nil, err
		}
		return m.handle(name, n, flag), nil
	default:
		return nil, err
	}
}

// open opens a node that exists.
func (m *Mem) open(name string, n *node, flag int) (File, error) {
	write := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, pathError("open", name, fs.ErrExist)
	case n.mode&fs.ModeSymlink != 0:
		return nil, pathError("open", name, ErrSymlink)
	case !n.mode.IsRegular():
		return nil, pathError("open", name, ErrNotRegular)
	case write && n.mode&0o200 == 0, flag&os.O_WRONLY == 0 && n.mode&0o400 == 0:
		return nil, pathError("open", name, fs.ErrPermission)
	}
	if flag&os.O_TRUNC != 0 {
		n.truncate(m.tick(), 0)
	}
	return m.handle(name, n, flag), nil
}

func (m *Mem) handle(name string, n *node, flag int) File {
	m.handles++
	return &memFile{m: m, n: n, name: name, write: flag&(os.O_WRONLY|os.O_RDWR) != 0}
}

func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.follow("stat", name)
	if err != nil {
		return Info{}, err
	}
	return n.info(), nil
}

func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := "/"
	for base := range strings.SplitSeq(strings.Trim(path.Clean(dir), "/"), "/") {
		parent, err := m.follow("mkdir", at)
		if err != nil {
			return err
		}
		at = path.Join(at, base)
		if base == "" || parent.mode.IsDir() && parent.entries[base] != nil {
			continue
		}
		if !parent.mode.IsDir() {
			return pathError("mkdir", at, syscall.ENOTDIR)
		}
		if err := m.add(parent, base, m.newNode(fs.ModeDir|0o777)); err != nil {
			return err
		}
		parent.syncDir()
	}
	n, err := m.follow("mkdir", at)
	if err == nil && !n.mode.IsDir() {
		err = pathError("mkdir", at, syscall.ENOTDIR)
	}
	return err
}

// Free is always a tebibyte; see [Faults.SetSpace] for a disk that fills up.
func (m *Mem) Free(dir string) (int64, error) {
	_, err := m.Stat(dir)
	return 1 << 40, err
}

// names lists a folder's names in order.
func names(entries map[string]*node) []string { return slices.Sorted(maps.Keys(entries)) }
