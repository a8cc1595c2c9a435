package vfs

import (
	"math/rand/v2"
	"slices"
)

// A folder's changes reach the disk in their order. A move between two folders is one entry of the journal: whatever makes
// its one half durable makes the other so too.

func (n *node) syncDir() { n.syncFirst(len(n.log)) }

// syncFirst makes the first k changes of a folder durable, and what belongs to them elsewhere.
func (n *node) syncFirst(k int) {
	done := n.log[:k]
	n.log = n.log[k:]
	for _, op := range done {
		op.apply(n.durable)
	}
	for _, op := range done {
		if at := op.inTwin(); at >= 0 {
			op.twin.syncFirst(at + 1)
		}
	}
}

// inTwin is where the other half of a move is among the changes of the other folder that are not on the disk; -1 if there
// is none.
func (op dirOp) inTwin() int {
	if op.twin == nil {
		return -1
	}
	return slices.IndexFunc(op.twin.log, func(other dirOp) bool { return other.move == op.move })
}

// cuts decides for each folder how many of its changes a power loss leaves.
func (n *node) cuts(rng *rand.Rand) map[*node]int {
	cuts := map[*node]int{}
	var folders []*node
	n.visit(map[*node]bool{}, func(dir *node) {
		cuts[dir] = rng.IntN(len(dir.log) + 1)
		folders = append(folders, dir)
	})
	for again := true; again; {
		again = false
		for _, dir := range folders {
			for _, op := range dir.log[:cuts[dir]] {
				if at := op.inTwin(); at >= cuts[op.twin] {
					cuts[op.twin], again = at+1, true
				}
			}
		}
	}
	return cuts
}

// visit visits the folder and all below it, as they are and as they were on the disk.
func (n *node) visit(seen map[*node]bool, call func(*node)) {
	if !n.mode.IsDir() || seen[n] {
		return
	}
	seen[n] = true
	call(n)
	for _, entries := range []map[string]*node{n.entries, n.durable} {
		for _, base := range names(entries) {
			entries[base].visit(seen, call)
		}
	}
	for _, op := range n.log {
		if op.node != nil {
			op.node.visit(seen, call)
		}
	}
}
