package torrent

import (
	"context"
	"errors"
	"iter"
	"sync"

	"github.com/potluck-p2p/potluck/internal/content"
)

// ErrAbsent is what the read function of VerifyAll returns, wrapped or not, for bytes that are not there: a file that
// does not exist or is too short. A piece with such bytes is not right, but that is no failure.
var ErrAbsent = errors.New("torrent: bytes are not there")

// Source is where bytes to be verified are read from. Several goroutines call its functions.
type Source struct {
	// Read fills p with an extent of the object. Its errors end the work, except ErrAbsent.
	Read func(p []byte, e content.Extent) error
	// Ahead, if set, is told of extents that are about to be read in several reads.
	Ahead func(e content.Extent)
}

// VerifyAll checks what is on disk. It reads the given pieces, which should ascend, with n goroutines, in reads of up
// to 256 KiB and each byte once, and reports on each. A piece whose hash is not known is not read and not right. Calls of
// report do not overlap.
func (h *Hashes) VerifyAll(ctx context.Context, from Source, n int, pieces iter.Seq[int], report func(piece int, ok bool)) error {
	var mu sync.Mutex
	tell := func(piece int, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		report(piece, ok)
	}
	known := func(yield func(int) bool) {
		for i := range pieces {
			switch {
			case i < 0 || i >= h.l.pieces:
			case !h.Verifiable(i):
				tell(i, false)
			case !yield(i):
				return
			}
		}
	}
	return workers(ctx, n, h.l.runs(known), func() (func(context.Context, Pieces) error, func()) {
		v := &verifier{h: h, walk: newWalker(h.l), report: tell}
		v.walk.read, v.walk.ahead, v.walk.lenient = from.Read, from.Ahead, true
		v.walk.begin, v.walk.done = v.begin, v.done
		return v.walk.run, func() {}
	})
}

type verifier struct {
	h      *Hashes
	walk   *walker
	want   expected
	report func(piece int, ok bool)
}

func (v *verifier) begin(piece int) digests {
	v.want, _ = v.h.expect(piece)
	return digests{v1: !v.want.v2, v2: v.want.v2}
}

func (v *verifier) done(piece int, absent bool) {
	ok := !absent
	if ok && v.want.v2 {
		ok = v.walk.hash.tree.root(v.want.height, 0) == v.want.root
	} else if ok {
		ok = v.walk.hash.sumV1() == v.want.sha1
	}
	v.report(piece, ok)
}
