package torrent

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fileContent is the content that testdata/vectors.py gives file k.
func fileContent(k int, size int64) []byte {
	b := make([]byte, 0, size+BlockSize)
	for n := 0; int64(len(b)) < size; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d/%d", k, n))
		b = append(b, bytes.Repeat(sum[:], BlockSize/len(sum))...)
	}
	return b[:size]
}

func contents(sizes []int64) [][]byte {
	files := make([][]byte, len(sizes))
	for k, size := range sizes {
		files[k] = fileContent(k, size)
	}
	return files
}

func scanFiles(files [][]byte) []ScanFile {
	out := make([]ScanFile, len(files))
	for k, b := range files {
		out[k] = ScanFile{Size: int64(len(b)), Open: func() (io.ReaderAt, io.Closer, error) {
			return bytes.NewReader(b), io.NopCloser(nil), nil
		}}
	}
	return out
}

// object is content with its hashes, as one who shares it has them.
type object struct {
	files  [][]byte
	info   *metainfo.Info
	layout *Layout
	scan   *ScanResult
	hashes *Hashes
}

// share makes an object of files in memory.
func share(t testing.TB, format metainfo.Format, pieceLength int64, files [][]byte) *object {
	t.Helper()
	r, err := Scan(t.Context(), scanFiles(files), ScanOptions{Format: format, PieceLength: pieceLength, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	o := &object{files: files, scan: r, info: makeInfo(format, pieceLength, sizesOf(files))}
	o.info.V1Pieces = r.V1Pieces
	for i, root := range r.Roots {
		o.info.Files[i].Root = root
	}
	o.layout = New(o.info)
	o.hashes = NewHashes(o.info, o.layout, r.Layers)
	return o
}

func sizesOf(files [][]byte) []int64 {
	sizes := make([]int64, len(files))
	for i, b := range files {
		sizes[i] = int64(len(b))
	}
	return sizes
}

// makeInfo is an info dictionary of files of these sizes, without hashes.
func makeInfo(format metainfo.Format, pieceLength int64, sizes []int64) *metainfo.Info {
	var v1 *metainfo.HashV1
	var v2 *metainfo.HashV2
	if format.HasV1() {
		v1 = new(metainfo.HashV1)
	}
	if format.HasV2() {
		v2 = new(metainfo.HashV2)
	}
	info := &metainfo.Info{Hash: metainfo.NewInfoHash(v1, v2), PieceLength: pieceLength}
	var at int64
	for _, size := range sizes {
		info.Files = append(info.Files, metainfo.File{Size: size, V1Offset: at})
		at += size + format.Padding(len(sizes), size, pieceLength)
		if !format.HasV1() {
			at = ceilDiv(at, pieceLength) * pieceLength
		}
	}
	if format.HasV1() {
		info.V1Length = at
	}
	return info
}

// needed is the bytes of piece i that have to be asked for.
func (o *object) needed(i int) []byte {
	var b []byte
	for _, s := range o.layout.Segments(nil, i, 0, o.layout.Need(i)) {
		b = append(b, o.bytes(s)...)
	}
	return b
}

func (o *object) bytes(s Segment) []byte {
	if s.Pad > 0 {
		return make([]byte, s.Pad)
	}
	return o.files[s.Extent.File][s.Extent.Offset:s.Extent.End()]
}

func (o *object) read(p []byte, e content.Extent) error {
	if e.End() > int64(len(o.files[e.File])) {
		return ErrAbsent
	}
	copy(p, o.files[e.File][e.Offset:])
	return nil
}

// answer is what an honest peer sends, or nil if it rejects.
func (o *object) answer(req HashRequest) []metainfo.HashV2 {
	hashes, need, ok := o.hashes.Serve(nil, req)
	if !ok {
		return nil
	}
	if need == (Pieces{}) {
		return hashes
	}
	var leaves []metainfo.HashV2
	for i := need.First; i < need.End; i++ {
		leaves = AppendLeafHashes(leaves, o.needed(i))
	}
	if hashes, ok = o.hashes.ServeLeaves(nil, req, leaves); !ok {
		return nil
	}
	return hashes
}
