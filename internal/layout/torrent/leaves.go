package torrent

import (
	"slices"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// maxLeaves bounds the leaf hashes kept for pieces that failed: 8 MiB of them.
const maxLeaves = 1 << 18

// leafCache keeps the proven leaf hashes of the pieces that failed last.
type leafCache struct {
	leaves map[leafKey][]metainfo.HashV2
	order  []leafKey // the oldest first
	total  int
}

// leafKey names a piece by its file's root and its number in the file, which identical files share.
type leafKey struct {
	root metainfo.HashV2
	n    int
}

func (c *leafCache) put(key leafKey, leaves []metainfo.HashV2) {
	if c.leaves == nil {
		c.leaves = make(map[leafKey][]metainfo.HashV2)
	}
	if _, known := c.leaves[key]; known {
		return
	}
	c.leaves[key] = leaves
	c.order = append(c.order, key)
	for c.total += len(leaves); c.total > maxLeaves && len(c.order) > 1; {
		c.drop(c.order[0])
	}
}

func (c *leafCache) drop(key leafKey) {
	leaves, known := c.leaves[key]
	if !known {
		return
	}
	c.total -= len(leaves)
	delete(c.leaves, key)
	c.order = slices.DeleteFunc(c.order, func(k leafKey) bool { return k == key })
}

// Leaves are the hashes of the blocks of a piece, if Add has proven them. They must not be changed.
func (h *Hashes) Leaves(piece int) ([]metainfo.HashV2, bool) {
	key, ok := h.leafKey(piece)
	if !ok {
		return nil, false
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	leaves, known := h.leaves.leaves[key]
	return leaves, known
}

// ForgetLeaves frees the leaf hashes of a piece, once it is verified.
func (h *Hashes) ForgetLeaves(piece int) {
	if key, ok := h.leafKey(piece); ok {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.leaves.drop(key)
	}
}

func (h *Hashes) leafKey(piece int) (leafKey, bool) {
	if !h.v2 || piece < 0 || piece >= h.l.pieces {
		return leafKey{}, false
	}
	file, n, ok := h.fileOf(piece)
	if !ok {
		return leafKey{}, false
	}
	return leafKey{h.files[file].root, n}, true
}
