package torrent

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// ScanFile is a file to be hashed. Open is called by several goroutines, and more than once.
type ScanFile struct {
	Size int64
	Open func() (io.ReaderAt, io.Closer, error)
}

// ScanOptions say how to hash.
type ScanOptions struct {
	Format      metainfo.Format
	PieceLength int64 // for v2 and hybrids a power of two of at least 16 KiB
	Workers     int   // goroutines that read and hash, each with 256 KiB of memory; at least one is used
	// Ahead, if set, is told of extents that are about to be read in several reads. Several goroutines call it.
	Ahead func(e content.Extent)
	// Progress, if set, is told of every read: how many bytes it brought. Several goroutines call it.
	Progress func(bytes int64)
}

// ScanResult is what Scan found. What the format has no use for is nil.
type ScanResult struct {
	V1Pieces []byte                                // SHA-1 of all pieces, one behind the other
	Roots    []metainfo.HashV2                     // of the files; zero for an empty one
	Layers   map[metainfo.HashV2][]metainfo.HashV2 // piece layers of the files longer than a piece, by root
}

// ErrShort and ErrLong are inside a *FileError when a file has not the size it was said to have: it changed meanwhile.
var (
	ErrShort = errors.New("torrent: file is shorter than it was")
	ErrLong  = errors.New("torrent: file is longer than it was")
)

// FileError says which file could not be hashed.
type FileError struct {
	File int
	Err  error
}

func (e *FileError) Error() string { return fmt.Sprintf("torrent: file %d: %v", e.File, e.Err) }
func (e *FileError) Unwrap() error { return e.Err }

// Scan hashes files for sharing: all digests of the format in one pass that reads each byte once.
func Scan(ctx context.Context, files []ScanFile, opt ScanOptions) (*ScanResult, error) {
	l, err := scanLayout(files, opt)
	if err != nil {
		return nil, err
	}
	s := &scan{files: files, l: l, opt: opt, want: digests{l.padded, l.aligned}}
	if s.want.v1 {
		s.v1 = make([]byte, l.pieces*sha1.Size)
	}
	if s.want.v2 {
		s.v2 = make([]metainfo.HashV2, l.pieces)
	}
	err = workers(ctx, opt.Workers, s.items(), func() (func(context.Context, scanItem) error, func()) {
		w := s.newWorker()
		return w.work, w.close
	})
	if err != nil {
		return nil, err
	}
	return s.result(), nil
}

// scanLayout is the layout that files will have once they are shared.
func scanLayout(files []ScanFile, opt ScanOptions) (*Layout, error) {
	l := &Layout{
		pieceLength: opt.PieceLength,
		padded:      opt.Format.HasV1(),
		aligned:     opt.Format.HasV2(),
	}
	switch n := opt.PieceLength; {
	case !l.padded && !l.aligned:
		return nil, errors.New("torrent: no format to hash for")
	case n <= 0 || n > 1<<30:
		return nil, fmt.Errorf("torrent: piece length %d is out of bounds", n)
	case l.aligned && (n < BlockSize || n&(n-1) != 0):
		return nil, fmt.Errorf("torrent: piece length %d is no power of two of at least %d", n, BlockSize)
	}
	for i, f := range files {
		if f.Size < 0 || f.Size > content.MaxObjectSize-l.end {
			return nil, &FileError{i, fmt.Errorf("size %d is out of bounds", f.Size)}
		}
		l.append(i, f.Size)
	}
	if k := len(l.spans); k > 0 {
		last := l.spans[k-1]
		l.end += opt.Format.Padding(len(files), last.end-last.start, l.pieceLength)
	}
	if n := ceilDiv(l.end, l.pieceLength); n > metainfo.MaxPieces {
		return nil, fmt.Errorf("torrent: %d pieces are more than %d", n, metainfo.MaxPieces)
	}
	return l.seal(l.end), nil
}

type scan struct {
	files []ScanFile
	l     *Layout
	opt   ScanOptions
	want  digests
	v1    []byte
	v2    []metainfo.HashV2 // root of each piece's own tree
}

// scanItem is one thing for a worker to do: a run of pieces, or a look whether an empty file is still empty.
type scanItem struct {
	pieces Pieces
	empty  int // file, if pieces is empty
}

func (s *scan) items() iter.Seq[scanItem] {
	return func(yield func(scanItem) bool) {
		for i, f := range s.files {
			if f.Size == 0 && !yield(scanItem{empty: i}) {
				return
			}
		}
		for p := range s.l.runs(count(s.l.pieces)) {
			if !yield(scanItem{pieces: p}) {
				return
			}
		}
	}
}

func count(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// scanWorker keeps the file it read last open, since it is likely the one it reads next.
type scanWorker struct {
	s      *scan
	walk   *walker
	file   int
	reader io.ReaderAt
	closer io.Closer
}

func (s *scan) newWorker() *scanWorker {
	w := &scanWorker{s: s, walk: newWalker(s.l)}
	w.walk.read, w.walk.ahead = w.read, s.opt.Ahead
	w.walk.begin = func(int) digests { return s.want }
	w.walk.done = w.done
	return w
}

func (w *scanWorker) work(ctx context.Context, item scanItem) error {
	if item.pieces.First == item.pieces.End {
		return w.open(item.empty, w.checkEnd)
	}
	return w.walk.run(ctx, item.pieces)
}

func (w *scanWorker) read(p []byte, e content.Extent) error {
	return w.open(e.File, func() error {
		n, err := w.reader.ReadAt(p, e.Offset)
		if n < len(p) {
			if err == nil || errors.Is(err, io.EOF) {
				return ErrShort
			}
			return err
		}
		if w.s.opt.Progress != nil {
			w.s.opt.Progress(int64(n))
		}
		if e.End() == w.s.files[e.File].Size {
			return w.checkEnd()
		}
		return nil
	})
}

// checkEnd looks whether the open file ends where it should.
func (w *scanWorker) checkEnd() error {
	var b [1]byte
	n, err := w.reader.ReadAt(b[:], w.s.files[w.file].Size)
	switch {
	case n > 0:
		return ErrLong
	case err == nil || errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// open calls do with the file open, and says which file it was if that fails.
func (w *scanWorker) open(file int, do func() error) error {
	if w.closer == nil || w.file != file {
		w.close()
		r, c, err := w.s.files[file].Open()
		if err != nil {
			return &FileError{file, err}
		}
		w.file, w.reader, w.closer = file, r, c
	}
	if err := do(); err != nil {
		return &FileError{file, err}
	}
	return nil
}

func (w *scanWorker) close() {
	if w.closer != nil {
		w.closer.Close()
		w.closer = nil
	}
}

// done keeps the digests of a piece, at a place that no other piece has.
func (w *scanWorker) done(piece int, _ bool) {
	s, h := w.s, &w.walk.hash
	if s.want.v1 {
		sum := h.sumV1()
		copy(s.v1[piece*sha1.Size:], sum[:])
	}
	if s.want.v2 {
		s.v2[piece] = h.tree.root(w.height(piece), 0)
	}
}

// height is that of a piece's tree: of a file longer than a piece all are alike, else there is one, just high enough.
func (w *scanWorker) height(piece int) int {
	l := w.s.l
	at := int64(piece) * l.pieceLength
	s := l.spans[l.spanAt(at)]
	return log2(ceilPow2(ceilDiv(min(l.pieceLength, s.end-s.start), BlockSize)))
}

func (s *scan) result() *ScanResult {
	r := &ScanResult{V1Pieces: s.v1}
	if !s.want.v2 {
		return r
	}
	r.Roots = make([]metainfo.HashV2, len(s.files))
	r.Layers = make(map[metainfo.HashV2][]metainfo.HashV2)
	base := log2(s.l.pieceLength) - blockShift
	for i := range s.files {
		first, end := s.l.FilePieces(i)
		switch n := end - first; {
		case n == 1:
			r.Roots[i] = s.v2[first]
		case n > 1:
			layer := s.v2[first:end:end]
			r.Roots[i] = subtreeRoot(layer, log2(ceilPow2(int64(n))), base)
			r.Layers[r.Roots[i]] = layer
		}
	}
	return r
}
