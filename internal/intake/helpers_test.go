package intake

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// disk is files in memory, as the store has them.
type disk struct {
	mu       sync.Mutex
	files    [][]byte
	verified []content.Ranges
	longest  int                             // read
	fault    func(op string, p []byte) error // nil: none
}

var errDisk = errors.New("the disk is on fire")

func (d *disk) at(op string, p []byte, file int, off int64) ([]byte, error) {
	if d.fault != nil {
		if err := d.fault(op, p); err != nil {
			return nil, err
		}
	}
	if off+int64(len(p)) > int64(len(d.files[file])) {
		return nil, io.ErrUnexpectedEOF
	}
	return d.files[file][off:][:len(p)], nil
}

func (d *disk) ReadAt(p []byte, file int, off int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.longest = max(d.longest, len(p))
	b, err := d.at("read", p, file, off)
	copy(p, b)
	return err
}

func (d *disk) WriteAt(p []byte, file int, off int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	b, err := d.at("write", p, file, off)
	copy(b, p)
	return err
}

func (d *disk) Verified(e content.Extent) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.verified[e.File].Add(e.Offset, e.End())
}

// outcome is one Report.
type outcome struct {
	piece   int
	verdict torrent.Verdict
	err     error
}

// fetch is an object on its way in: what it should become, and the intake with all around it.
type fetch struct {
	t      *testing.T
	want   [][]byte
	info   *metainfo.Info
	layout *torrent.Layout
	seeder *torrent.Hashes // knows everything
	hashes *torrent.Hashes // of the intake
	disk   *disk
	budget *Budget
	pool   *Pool
	in     *Intake
	leaves bool
	report Report

	mu       sync.Mutex
	outcomes []outcome
	panics   []any
	panicked chan struct{} // one token for each of panics
	wake     chan struct{}
}

const block = torrent.BlockSize

// randomFiles are files of these sizes.
func randomFiles(sizes ...int) [][]byte {
	rng := rand.NewChaCha8([32]byte{1})
	files := make([][]byte, len(sizes))
	for i, n := range sizes {
		files[i] = make([]byte, n)
		rng.Read(files[i])
	}
	return files
}

// newFetch makes an object of files and an intake with a budget of so many bytes.
func newFetch(t *testing.T, format metainfo.Format, pieceLength, budget int64, files [][]byte) *fetch {
	t.Helper()
	f := &fetch{t: t, want: files, budget: NewBudget(budget), wake: make(chan struct{}, 1000), panicked: make(chan struct{}, 1000)}
	var scan []torrent.ScanFile
	draft := metainfo.Draft{Name: "object", Dir: true, Format: format, PieceLength: pieceLength}
	f.disk = &disk{verified: make([]content.Ranges, len(files))}
	for i, b := range files {
		scan = append(scan, torrent.ScanFile{Size: int64(len(b)), Open: func() (io.ReaderAt, io.Closer, error) {
			return bytes.NewReader(b), io.NopCloser(nil), nil
		}})
		draft.Files = append(draft.Files, metainfo.DraftFile{Components: []string{strconv.Itoa(i)}, Size: int64(len(b))})
		f.disk.files = append(f.disk.files, make([]byte, len(b)))
	}
	r, err := torrent.Scan(t.Context(), scan, torrent.ScanOptions{Format: format, PieceLength: pieceLength, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	draft.V1Pieces = r.V1Pieces
	for i, root := range r.Roots {
		draft.Files[i].Root = root
	}
	if f.info, err = metainfo.ParseInfo(draft.Encode()); err != nil {
		t.Fatal(err)
	}
	f.layout = torrent.New(f.info)
	f.seeder = torrent.NewHashes(f.info, f.layout, r.Layers)
	f.hashes = torrent.NewHashes(f.info, f.layout, r.Layers)
	f.pool = NewPool(2, func(p any) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.panics = append(f.panics, p)
		f.panicked <- struct{}{}
	})
	t.Cleanup(f.pool.Close)
	f.report = f.keep
	f.in = New(Config{
		Layout: f.layout, Hashes: f.hashes, Files: f.disk, Budget: f.budget, Pool: f.pool,
		NeedLeaves: func(int) bool { return f.leaves },
		Report:     func(piece int, v torrent.Verdict, err error) { f.report(piece, v, err) },
	})
	return f
}

func (f *fetch) keep(piece int, v torrent.Verdict, err error) {
	f.mu.Lock()
	f.outcomes = append(f.outcomes, outcome{piece, v, err})
	f.mu.Unlock()
	f.wake <- struct{}{}
}

// next waits for a report.
func (f *fetch) next() outcome {
	f.t.Helper()
	select {
	case <-f.wake:
	case <-f.t.Context().Done():
		f.t.Fatal("no report")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	o := f.outcomes[0]
	f.outcomes = f.outcomes[1:]
	return o
}

// piece is the bytes of a piece that are sent.
func (f *fetch) piece(i int) []byte {
	var b []byte
	for _, s := range f.layout.Segments(nil, i, 0, f.layout.Need(i)) {
		if s.Pad > 0 {
			b = append(b, make([]byte, s.Pad)...)
		} else {
			b = append(b, f.want[s.Extent.File][s.Extent.Offset:s.Extent.End()]...)
		}
	}
	return b
}

// arrive brings a block, as a shell does, and reports whether it was spilled.
func (f *fetch) arrive(piece, b int, data []byte) (spilled bool) {
	f.t.Helper()
	begin, n := f.layout.Block(piece, b)
	dst := f.in.Place(piece, begin, n)
	if dst == nil {
		if err := f.in.Spill(piece, begin, data[begin:begin+n]); err != nil {
			f.t.Error(err)
		}
		return true
	}
	if len(dst) != n {
		f.t.Errorf("place of %d bytes, want %d", len(dst), n)
	}
	copy(dst, data[begin:begin+n])
	return false
}

// whole brings all blocks of a piece, the last one first, and hands it over.
func (f *fetch) whole(piece int, data []byte) (spilled bool) {
	f.t.Helper()
	for b := f.layout.Blocks(piece) - 1; b >= 0; b-- {
		spilled = f.arrive(piece, b, data)
	}
	f.in.Complete(piece)
	return spilled
}

// leftBudget is what of the budget is free.
func (f *fetch) leftBudget() int64 {
	f.budget.mu.Lock()
	defer f.budget.mu.Unlock()
	return f.budget.left
}

// complete checks that all is there and nothing is held.
func (f *fetch) complete(budget int64) {
	f.t.Helper()
	for i := range f.want {
		if !bytes.Equal(f.disk.files[i], f.want[i]) {
			f.t.Errorf("file %d is wrong", i)
		}
		if n := int64(len(f.want[i])); n > 0 && !f.disk.verified[i].Contains(0, n) {
			f.t.Errorf("file %d is not verified whole", i)
		}
	}
	f.empty(budget)
}

func (f *fetch) empty(budget int64) {
	f.t.Helper()
	if got := f.leftBudget(); got != budget || len(f.in.units) != 0 {
		f.t.Errorf("%d of %d bytes free, %d units held", got, budget, len(f.in.units))
	}
}
