package vfs

import (
	"bytes"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// Pages are the unit of writing back, sectors what a disk writes whole.
const (
	pageSize   = 4096
	sectorSize = 512
)

// node is an inode of a Mem: what the cache holds, and what the disk holds.
type node struct {
	ino, device  uint64
	mode         fs.FileMode
	mtime, ctime time.Time
	target       string // of a symbolic link

	// Of a file. A page is dirty while the disk lacks it and the cache still means to write it.
	cur, disk      map[int64][]byte
	dirty          map[int64]bool
	size, diskSize int64

	// Of a folder: its names, those on the disk, and the changes between the two in their order.
	entries, durable map[string]*node
	log              []dirOp
}

// dirOp is a change of a folder that happens as a whole or not at all: a name goes, a name comes, or both.
type dirOp struct {
	remove, add string
	node        *node
	twin        *node // the other folder of a move between two: both change, or neither
	move        uint64
}

func (op dirOp) apply(entries map[string]*node) {
	if op.remove != "" {
		delete(entries, op.remove)
	}
	if op.add != "" {
		entries[op.add] = op.node
	}
}

func (n *node) info() Info {
	return Info{Size: n.size, Mode: n.mode, ModTime: n.mtime, Changed: n.ctime, Inode: n.ino, Device: n.device}
}

func (n *node) change(now time.Time, op dirOp) {
	op.apply(n.entries)
	n.log = append(n.log, op)
	n.mtime, n.ctime = now, now
}

// walk visits the node and all below it.
func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, base := range names(n.entries) {
		n.entries[base].walk(visit)
	}
}

// pieces cuts the bytes from off on, length many, at page boundaries: call gets the page, the place within it, and
// the bytes' place in the whole.
func pieces(off int64, length int, call func(page int64, at, from, to int)) {
	for from := 0; from < length; {
		page, at := (off+int64(from))/pageSize, int((off+int64(from))%pageSize)
		to := min(length, from+pageSize-at)
		call(page, at, from, to)
		from = to
	}
}

func (n *node) readAt(p []byte, off int64) int {
	length := int(max(0, min(int64(len(p)), n.size-off)))
	pieces(off, length, func(page int64, at, from, to int) {
		if b := n.cur[page]; b != nil {
			copy(p[from:to], b[at:])
		} else {
			clear(p[from:to])
		}
	})
	return length
}

func (n *node) writeAt(now time.Time, p []byte, off int64) {
	pieces(off, len(p), func(page int64, at, from, to int) {
		if n.cur[page] == nil {
			n.cur[page] = make([]byte, pageSize)
		}
		copy(n.cur[page][at:], p[from:to])
		n.dirty[page] = true
	})
	n.size = max(n.size, off+int64(len(p)))
	n.mtime, n.ctime = now, now
}

func (n *node) truncate(now time.Time, size int64) {
	cut(n.cur, size)
	for page := range n.dirty {
		if n.cur[page] == nil {
			delete(n.dirty, page)
		}
	}
	n.size, n.mtime, n.ctime = size, now, now
}

// cut takes away all bytes from size on.
func cut(pages map[int64][]byte, size int64) {
	for page, b := range pages {
		switch start := page * pageSize; {
		case start >= size:
			delete(pages, page)
		case start+pageSize > size:
			clear(b[size-start:])
		}
	}
}

func (n *node) sync() {
	if !n.mode.IsRegular() {
		return
	}
	for page := range n.dirty {
		n.disk[page] = bytes.Clone(n.cur[page])
	}
	clear(n.dirty)
	n.diskSize = n.size
	cut(n.disk, n.size)
}

// forgetDirty is what Linux does when writing back fails: the pages count as clean, though the disk lacks them.
func (n *node) forgetDirty() { clear(n.dirty) }

func (n *node) dropCache() {
	for page := range n.cur {
		if n.dirty[page] {
			continue
		}
		if b := n.disk[page]; b != nil {
			n.cur[page] = bytes.Clone(b)
		} else {
			delete(n.cur, page)
		}
	}
}

// CrashClone makes a disk that a power loss at this moment may leave behind. Bytes that were not synced are there,
// missing or torn at a sector; names that were not synced are there up to some change in each folder, as a journal
// keeps them, and a move between two folders in both or in neither. What was synced is there.
func (m *Mem) CrashClone(rng *rand.Rand) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &Mem{nextIno: m.nextIno, now: m.now}
	c.root = m.root.crash(rng, m.root.cuts(rng), map[*node]*node{})
	return c
}

func (n *node) crash(rng *rand.Rand, cuts map[*node]int, seen map[*node]*node) *node {
	if c := seen[n]; c != nil {
		return c
	}
	c := &node{ino: n.ino, device: n.device, mode: n.mode, mtime: n.mtime, ctime: n.ctime, target: n.target}
	seen[n] = c
	switch n.mode.Type() {
	case fs.ModeDir:
		n.crashDir(rng, c, cuts, seen)
	case 0:
		n.crashFile(rng, c)
	}
	return c
}

func (n *node) crashDir(rng *rand.Rand, c *node, cuts map[*node]int, seen map[*node]*node) {
	left := maps.Clone(n.durable)
	for _, op := range n.log[:cuts[n]] {
		op.apply(left)
	}
	c.entries = make(map[string]*node, len(left))
	for _, base := range names(left) {
		c.entries[base] = left[base].crash(rng, cuts, seen)
	}
	c.durable = maps.Clone(c.entries)
}

func (n *node) crashFile(rng *rand.Rand, c *node) {
	c.disk = make(map[int64][]byte, len(n.disk))
	for page, b := range n.disk {
		c.disk[page] = bytes.Clone(b)
	}
	for _, page := range slices.Sorted(maps.Keys(n.dirty)) {
		fate := rng.IntN(3) // lost, written, torn
		for at := 0; at < pageSize && fate > 0; at += sectorSize {
			if fate == 2 && rng.IntN(2) == 0 {
				continue
			}
			if c.disk[page] == nil {
				c.disk[page] = make([]byte, pageSize)
			}
			copy(c.disk[page][at:at+sectorSize], n.cur[page][at:])
		}
	}
	c.size = n.diskSize
	if rng.IntN(2) == 0 {
		c.size = n.size
	}
	cut(c.disk, c.size)
	c.diskSize = c.size
	c.cur, c.dirty = make(map[int64][]byte, len(c.disk)), map[int64]bool{}
	for page, b := range c.disk {
		c.cur[page] = bytes.Clone(b)
	}
}
