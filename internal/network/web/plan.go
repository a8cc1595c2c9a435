package web

import (
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
)

// plan is what must be asked for to have some blocks: one range for each run of bytes of a file, however many blocks and
// pieces it covers. Padding is in no file and is not asked for. The blocks are in the order of the object.
func plan(layout *torrent.Layout, blocks []scheduler.Request) []content.Extent {
	var runs []content.Extent
	var room [8]torrent.Segment
	for _, r := range blocks {
		begin, n := layout.Block(r.Unit, r.Block)
		for _, s := range layout.Segments(room[:0], r.Unit, begin, n) {
			if s.Pad > 0 {
				continue
			}
			if last := len(runs) - 1; last >= 0 && runs[last].File == s.Extent.File && runs[last].End() == s.Extent.Offset {
				runs[last].Length += s.Extent.Length
			} else {
				runs = append(runs, s.Extent)
			}
		}
	}
	return runs
}

// Requests are as long as a server takes for about askFor, so that one that falls behind does not hold up much.
const (
	askFor    = 2.0 // seconds
	leastAsk  = 4   // blocks
	firstAsk  = 16
	mostAsked = 256
)

// portion is how many blocks to ask for at once, of a server that gives so many bytes per second in each request.
func portion(rate float64) int {
	if rate == 0 {
		return firstAsk
	}
	return min(max(int(rate*askFor)/torrent.BlockSize, leastAsk), mostAsked)
}
