package torrent

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// However the work is shared out, the outcome is the same, and every byte is read once.
func TestScanWorkers(t *testing.T) {
	sizes := []int64{3 << 20, 0, 5, 9<<20 + 7, 100, 1 << 20, 0}
	for _, format := range []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2, metainfo.FormatHybrid} {
		for _, pieceLength := range []int64{32 * kib, 8 << 20} {
			var want *ScanResult
			for _, n := range []int{1, 3, 8} {
				var read atomic.Int64
				var open atomic.Int64
				files := scanFiles(contents(sizes))
				for i := range files {
					f := files[i].Open
					files[i].Open = func() (io.ReaderAt, io.Closer, error) {
						open.Add(1)
						r, _, _ := f()
						return r, closerFunc(func() { open.Add(-1) }), nil
					}
				}
				got, err := Scan(t.Context(), files, ScanOptions{Format: format, PieceLength: pieceLength, Workers: n, Progress: func(k int64) { read.Add(k) }})
				if err != nil {
					t.Fatal(err)
				}
				if total := int64(13<<20 + 7 + 105); read.Load() != total {
					t.Errorf("%v: %d bytes read, want %d", format, read.Load(), total)
				}
				if open.Load() != 0 {
					t.Errorf("%v: %d files left open", format, open.Load())
				}
				if want == nil {
					want = got
				}
				if !bytes.Equal(got.V1Pieces, want.V1Pieces) || !slices.Equal(got.Roots, want.Roots) || !maps.EqualFunc(got.Layers, want.Layers, slices.Equal) {
					t.Errorf("%v: another outcome with %d workers", format, n)
				}
			}
		}
	}
}

type closerFunc func()

func (f closerFunc) Close() error { f(); return nil }

// brokenReader fails at an offset.
type brokenReader struct {
	io.ReaderAt
	at  int64
	err error
}

func (r brokenReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.at {
		return 0, r.err
	}
	return r.ReaderAt.ReadAt(p, off)
}

func TestScanErrors(t *testing.T) {
	disk := errors.New("disk on fire")
	data := fileContent(0, 3<<20)
	of := func(r io.ReaderAt) func() (io.ReaderAt, io.Closer, error) {
		return func() (io.ReaderAt, io.Closer, error) { return r, io.NopCloser(nil), nil }
	}
	good := ScanFile{int64(len(data)), of(bytes.NewReader(data))}
	tests := map[string]struct {
		file ScanFile
		want error
	}{
		"short":          {ScanFile{3<<20 + 1, of(bytes.NewReader(data))}, ErrShort},
		"long":           {ScanFile{3<<20 - 1, of(bytes.NewReader(data))}, ErrLong},
		"not empty":      {ScanFile{0, of(bytes.NewReader(data))}, ErrLong},
		"read error":     {ScanFile{3 << 20, of(brokenReader{bytes.NewReader(data), 1 << 20, disk})}, disk},
		"error at end":   {ScanFile{3 << 20, of(brokenReader{bytes.NewReader(data), 3 << 20, disk})}, disk},
		"cannot be open": {ScanFile{3 << 20, func() (io.ReaderAt, io.Closer, error) { return nil, nil, disk }}, disk},
		"absent":         {ScanFile{3 << 20, func() (io.ReaderAt, io.Closer, error) { return nil, nil, ErrAbsent }}, ErrAbsent},
	}
	for name, tt := range tests {
		for _, format := range []metainfo.Format{metainfo.FormatV1, metainfo.FormatHybrid} {
			r, err := Scan(t.Context(), []ScanFile{good, tt.file, good}, ScanOptions{Format: format, PieceLength: 256 * kib, Workers: 2})
			var fe *FileError
			if !errors.Is(err, tt.want) || !errors.As(err, &fe) || fe.File != 1 || r != nil {
				t.Errorf("%s, %v: %v", name, format, err)
			}
		}
	}
}

func TestScanOptions(t *testing.T) {
	for _, opt := range []ScanOptions{
		{PieceLength: 64 * kib},
		{Format: metainfo.FormatV1},
		{Format: metainfo.FormatV1, PieceLength: -1},
		{Format: metainfo.FormatV1, PieceLength: 1<<30 + 1},
		{Format: metainfo.FormatV2, PieceLength: 8 * kib},
		{Format: metainfo.FormatHybrid, PieceLength: 48 * kib},
		{Format: metainfo.FormatV1, PieceLength: 1},
	} {
		if _, err := Scan(t.Context(), []ScanFile{{Size: 10 << 20}}, opt); err == nil {
			t.Errorf("%+v was taken", opt)
		}
	}
	for _, size := range []int64{-1, 1 << 61} {
		if _, err := Scan(t.Context(), []ScanFile{{Size: 5}, {Size: size}}, ScanOptions{Format: metainfo.FormatV1, PieceLength: 1 << 30}); err == nil {
			t.Errorf("size %d was taken", size)
		}
	}
}

func TestScanCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	_, err := Scan(ctx, scanFiles([][]byte{fileContent(0, 40<<20)}), ScanOptions{
		Format: metainfo.FormatV1, PieceLength: 16 << 20, Workers: 2,
		Progress: func(int64) { once.Do(cancel) },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// A panic while hashing reaches the caller, who can recover it.
func TestScanPanic(t *testing.T) {
	defer func() {
		if p := recover(); !strings.Contains(fmt.Sprint(p), "boom") {
			t.Errorf("recovered %v", p)
		}
	}()
	_, err := Scan(t.Context(), scanFiles(contents([]int64{20 << 20})), ScanOptions{
		Format: metainfo.FormatV2, PieceLength: 64 * kib, Workers: 2, Progress: func(int64) { panic("boom") },
	})
	t.Errorf("no panic, but %v", err)
}

// What takes several reads is announced, run by run, before it is read.
func TestAhead(t *testing.T) {
	o := share(t, metainfo.FormatHybrid, 64*kib, contents([]int64{9 << 20, 100 * kib}))
	var mu sync.Mutex
	var said content.Ranges
	ahead := func(e content.Extent) {
		mu.Lock()
		defer mu.Unlock()
		if e.File != 0 {
			t.Errorf("%+v takes one read", e)
		}
		said.Add(e.Offset, e.End())
	}
	covered := func() bool {
		mu.Lock()
		defer mu.Unlock()
		defer func() { said = content.Ranges{} }()
		return said.Contains(0, 9<<20)
	}
	read := func(p []byte, e content.Extent) error {
		mu.Lock()
		defer mu.Unlock()
		if e.File == 0 && !said.Contains(e.Offset, e.End()) {
			t.Errorf("%+v was read unannounced", e)
		}
		return o.read(p, e)
	}
	err := o.hashes.VerifyAll(t.Context(), Source{read, ahead}, 2, count(o.layout.Pieces()), func(int, bool) {})
	if err != nil || !covered() {
		t.Errorf("%v, or not all was announced", err)
	}
	opt := ScanOptions{Format: metainfo.FormatHybrid, PieceLength: 64 * kib, Workers: 2, Ahead: ahead}
	if _, err := Scan(t.Context(), scanFiles(o.files), opt); err != nil || !covered() {
		t.Errorf("%v, or not all was announced", err)
	}
}

func TestVerifyAll(t *testing.T) {
	for name, o := range formats(t) {
		t.Run(name, func(t *testing.T) {
			n := o.layout.Pieces()
			verify := func(pieces []int) map[int]bool {
				got := make(map[int]bool)
				err := o.hashes.VerifyAll(t.Context(), Source{Read: o.read}, 3, slices.Values(pieces), func(piece int, ok bool) {
					if _, twice := got[piece]; twice {
						t.Errorf("piece %d is reported twice", piece)
					}
					got[piece] = ok
				})
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			all := slices.Collect(count(n))
			for i, ok := range verify(all) {
				if !ok {
					t.Errorf("piece %d is not right", i)
				}
			}
			if got := verify([]int{-1, 1, 3, n + 5}); len(got) != 2 || !got[1] || !got[3] {
				t.Errorf("verified %v", got)
			}
			// One bit changed, one file cut off and one gone spoil their pieces and no others.
			whole := o.files
			o.files = slices.Clone(whole)
			o.files[0] = bytes.Clone(whole[0])
			o.files[0][70*kib] ^= 1
			o.files[4] = whole[4][:100*kib]
			o.files[3] = nil
			got := verify(all)
			for i := range n {
				want := true
				for _, e := range o.layout.Extents(i) {
					if e.File == 3 || e.File == 0 && e.Offset <= 70*kib && e.End() > 70*kib || e.File == 4 && e.End() > 100*kib {
						want = false
					}
				}
				if ok, reported := got[i]; ok != want || !reported {
					t.Errorf("piece %d: %v, reported %v, want %v", i, ok, reported, want)
				}
			}
		})
	}
}

// With small pieces one read covers many, and absent bytes spoil only the pieces they are of.
func TestVerifyAbsent(t *testing.T) {
	for _, format := range []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2} {
		o := share(t, format, 16*kib, contents([]int64{5 << 20}))
		read := func(p []byte, e content.Extent) error {
			for _, hole := range []int64{0, 20 * kib, 1<<20 - 1, 5<<20 - 1} {
				if e.Offset <= hole && hole < e.End() {
					return fmt.Errorf("hole: %w", ErrAbsent)
				}
			}
			return o.read(p, e)
		}
		var wrong []int
		err := o.hashes.VerifyAll(t.Context(), Source{Read: read}, 2, count(o.layout.Pieces()), func(piece int, ok bool) {
			if !ok {
				wrong = append(wrong, piece)
			}
		})
		slices.Sort(wrong)
		if err != nil || !slices.Equal(wrong, []int{0, 1, 63, 319}) {
			t.Errorf("%v: %v, %v", format, wrong, err)
		}
	}
}

func TestVerifyWithoutHashes(t *testing.T) {
	o := share(t, metainfo.FormatV2, 64*kib, contents([]int64{100 * kib, 5}))
	got := make(map[int]bool)
	err := o.blank().VerifyAll(t.Context(), Source{Read: o.read}, 1, count(3), func(piece int, ok bool) { got[piece] = ok })
	if err != nil || !maps.Equal(got, map[int]bool{0: false, 1: false, 2: true}) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestVerifyError(t *testing.T) {
	o := share(t, metainfo.FormatV2, 64*kib, contents([]int64{10 << 20}))
	disk := errors.New("disk on fire")
	read := func(p []byte, e content.Extent) error {
		if e.Offset >= 5<<20 {
			return disk
		}
		return o.read(p, e)
	}
	if err := o.hashes.VerifyAll(t.Context(), Source{Read: read}, 2, count(o.layout.Pieces()), func(int, bool) {}); !errors.Is(err, disk) {
		t.Errorf("%v", err)
	}
}

func TestChoosePieceLength(t *testing.T) {
	tests := []struct{ total, want int64 }{
		{0, 16 * kib}, {1, 16 * kib}, {32 << 20, 16 * kib}, {32<<20 + 1, 32 * kib}, {700 << 20, 512 * kib},
		{4 << 30, 2 << 20}, {32 << 30, 16 << 20}, {1 << 40, 16 << 20}, {16 << 40, 16 << 20}, {16<<40 + 1, 32 << 20},
	}
	for _, tt := range tests {
		if got := ChoosePieceLength(tt.total); got != tt.want {
			t.Errorf("%d bytes: %d, want %d", tt.total, got, tt.want)
		}
	}
}

func BenchmarkScan(b *testing.B) {
	data := fileContent(0, 64<<20)
	for _, format := range []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2, metainfo.FormatHybrid} {
		for _, n := range []int{1, 2} {
			b.Run(fmt.Sprintf("%v/%d", format, n), func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					if _, err := Scan(b.Context(), scanFiles([][]byte{data}), ScanOptions{Format: format, PieceLength: 256 * kib, Workers: n}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("bare sha1", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			sha1.Sum(data)
		}
	})
	b.Run("bare sha256", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			sha256.Sum256(data)
		}
	})
}

func BenchmarkScanManyFiles(b *testing.B) {
	one := fileContent(0, 5000)
	files := make([][]byte, 10000)
	for i := range files {
		files[i] = one
	}
	b.SetBytes(int64(len(files) * len(one)))
	for b.Loop() {
		if _, err := Scan(b.Context(), scanFiles(files), ScanOptions{Format: metainfo.FormatHybrid, PieceLength: 32 * kib, Workers: 2}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, format := range []metainfo.Format{metainfo.FormatV1, metainfo.FormatV2} {
		o := share(b, format, 1<<20, contents([]int64{4 << 20}))
		data := o.needed(1)
		b.Run(format.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if !o.hashes.Check(1, data).OK {
					b.Fatal("not right")
				}
			}
		})
	}
}

func BenchmarkServe(b *testing.B) {
	o := layered(b)
	dst := make([]metainfo.HashV2, 0, 600)
	tr := o.hashes.files[7].tree
	for _, length := range []uint32{2, 512} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, ok := o.hashes.Serve(dst, HashRequest{tr.root, uint32(tr.base), 0, length, uint32(tr.height - tr.base - 1)}); !ok {
					b.Fatal("rejected")
				}
			}
		})
	}
}
