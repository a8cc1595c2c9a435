package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// object is what the swarm is about: the truth, which only the seeders' disks and the judge know.
type object struct {
	files  [][]byte
	info   *metainfo.Info
	layers map[metainfo.HashV2][]metainfo.HashV2
	layout *torrent.Layout
}

func makeObject(p Plan) (*object, error) {
	o := &object{}
	source := rand.NewChaCha8(seedOf(p.Seed))
	for _, size := range p.Sizes {
		b := make([]byte, size)
		source.Read(b)
		o.files = append(o.files, b)
	}
	d := metainfo.Draft{Name: "object", Dir: len(p.Sizes) > 1, Format: p.Format, PieceLength: p.PieceLength}
	var files []torrent.ScanFile
	for i, b := range o.files {
		name := []string{"object"}
		if d.Dir {
			name = []string{fmt.Sprintf("folder %d", i/3), fmt.Sprintf("file %02d", i)}
		}
		d.Files = append(d.Files, metainfo.DraftFile{Components: name, Size: int64(len(b))})
		files = append(files, torrent.ScanFile{
			Size: int64(len(b)),
			Open: func() (io.ReaderAt, io.Closer, error) { return bytes.NewReader(b), io.NopCloser(nil), nil },
		})
	}
	scan, err := torrent.Scan(context.Background(), files, torrent.ScanOptions{Format: p.Format, PieceLength: p.PieceLength, Workers: 1})
	if err != nil {
		return nil, err
	}
	d.V1Pieces = scan.V1Pieces
	for i := range scan.Roots {
		d.Files[i].Root = scan.Roots[i]
	}
	if o.info, err = metainfo.ParseInfo(d.Encode()); err != nil {
		return nil, err
	}
	o.layers, o.layout = scan.Layers, torrent.New(o.info)
	return o, nil
}

func seedOf(seed uint64) (b [32]byte) {
	binary.BigEndian.PutUint64(b[:], seed)
	return b
}

// right reports whether b is what stands in a file from off on.
func (o *object) right(b []byte, file int, off int64) bool {
	return bytes.Equal(b, o.files[file][off:off+int64(len(b))])
}

// rightBlock reports whether b is what stands in a piece from begin on.
func (o *object) rightBlock(b []byte, piece, begin int) bool {
	for _, s := range o.layout.Segments(nil, piece, begin, len(b)) {
		n := int(s.Len())
		if s.Pad == 0 && !o.right(b[:n], s.Extent.File, s.Extent.Offset) {
			return false
		}
		b = b[n:]
	}
	return true
}

// everything is the set of all bytes, by file.
func (o *object) everything() []content.Ranges {
	all := make([]content.Ranges, len(o.files))
	for i, b := range o.files {
		all[i].Add(0, int64(len(b)))
	}
	return all
}
