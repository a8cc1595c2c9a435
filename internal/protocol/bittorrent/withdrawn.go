package bittorrent

// withdrawn remembers the requests that we took back and that may be answered all the same. BEP 6: "Even when a request is
// cancelled, the peer receiving the cancel should respond with either the corresponding reject or the corresponding
// piece". Without it such an answer would be taken for that of the same request made again: a reject would say that the
// peer refuses the block, though it only confirms our cancel.
type withdrawn struct {
	blocks map[Block]int
}

// maxWithdrawn bounds what is remembered of a peer that answers no cancels, as those without BEP 6 do.
const maxWithdrawn = 2 * mostWindow

func (w *withdrawn) add(b Block) {
	if w.blocks == nil || len(w.blocks) >= maxWithdrawn {
		w.blocks = make(map[Block]int)
	}
	w.blocks[b]++
}

// answered takes note of an answer, and reports whether it may have been to a request that we took back.
func (w *withdrawn) answered(b Block) bool {
	n := w.blocks[b]
	switch {
	case n == 0:
		return false
	case n > 1:
		w.blocks[b] = n - 1
	default:
		delete(w.blocks, b)
	}
	if len(w.blocks) == 0 {
		w.blocks = nil
	}
	return true
}
