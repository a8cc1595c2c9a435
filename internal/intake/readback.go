package intake

import (
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
)

// readSize is how much of a spilled piece is read back at a time, whatever the size of the piece: pieces of v1 may have up
// to 1 GiB. It is a whole number of blocks.
const readSize = 1 << 20

// scratch is a worker's own buffer.
type scratch struct{ b []byte }

func (s *scratch) buffer() []byte {
	if s.b == nil {
		s.b = make([]byte, readSize)
	}
	return s.b
}

// readBack hands out the blocks of a spilled piece, reading ahead. Blocks should be asked for in order.
type readBack struct {
	in    *Intake
	piece int
	buf   []byte
	from  int // of the piece: where the bytes of buf begin
	have  int // how many there are
	err   error
}

// block is the bytes of a block; what they are after an error means nothing.
func (r *readBack) block(b int) []byte {
	begin, n := r.in.cfg.Layout.Block(r.piece, b)
	if begin < r.from || begin+n > r.from+r.have {
		r.read(begin)
	}
	return r.buf[begin-r.from:][:n]
}

func (r *readBack) read(from int) {
	r.from = from
	r.have = min(len(r.buf), r.in.cfg.Layout.Need(r.piece)-from)
	data := r.buf[:r.have]
	clear(data) // padding is not on the disk
	err := r.in.each(r.piece, from, r.have, func(e content.Extent, at int) error {
		return r.in.cfg.Files.ReadAt(data[at:at+int(e.Length)], e.File, e.Offset)
	})
	if err != nil && r.err == nil {
		r.err = err
	}
}

// checkSpilled verifies a piece that lies in the unfinished file.
func (in *Intake) checkSpilled(piece int, s *scratch) (torrent.Verdict, error) {
	r := &readBack{in: in, piece: piece, buf: s.buffer()}
	c := in.cfg.Hashes.NewChecker(piece, r.block)
	for b := range in.cfg.Layout.Blocks(piece) {
		if c.Write(b); r.err != nil {
			return torrent.Verdict{}, r.err
		}
	}
	v := c.Finish()
	if v.OK && in.cfg.NeedLeaves(piece) {
		v.Leaves = c.Leaves()
	}
	return v, r.err
}
