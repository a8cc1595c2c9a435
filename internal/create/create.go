// Package create makes a torrent of a file or folder that a user names. The path is read once, whatever digests the format
// needs, and never changed: what was measured stays valid for as long as the identities of its files do.
package create

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Request says what a torrent is made of.
type Request struct {
	Path        string
	Name        string // instead of the file's or folder's own
	Format      string // "hybrid" if empty, "v1", "v2"
	PieceLength int64  // by total size if 0
	Private     bool
	Trackers    []string // each a tier of its own
	WebSeeds    []string
	Comment     string
}

// Progress is told how many of total bytes have been hashed.
type Progress func(done, total int64)

// Note is told of a file that is left out, and why.
type Note func(path, why string)

// Torrent makes a torrent of a file or folder, which is read once and not changed. It needs no node.
func Torrent(ctx context.Context, fsys vfs.FS, now func() time.Time, req Request, progress Progress, note Note) (*metainfo.Torrent, error) {
	if err := inspect.CheckTrackers(req.Trackers); err != nil {
		return nil, fault.Explain(err)
	}
	if err := inspect.CheckWebSeeds(req.WebSeeds); err != nil {
		return nil, fault.Explain(err)
	}
	st := store.New(fsys, store.Options{Now: now})
	path, err := filepath.Abs(req.Path)
	if err != nil {
		return nil, fault.Explain(err)
	}
	req.Path = path
	m, err := Measure(ctx, st, req, progress, note)
	if err != nil {
		return nil, fault.Explain(err)
	}
	m.Files.Close()
	return m.torrent(req), nil
}

// Measured is a file or folder of the user's with all its hashes. Its Files are for the caller to close; none of them is open
// before it is read again.
type Measured struct {
	Path   string // where it lies; of a lone file that BEP 52 takes out of its folder, the file's
	Info   *metainfo.Info
	Layers map[metainfo.HashV2][]metainfo.HashV2
	IDs    []store.Identity // by file, as it was when it was read
	Files  *store.Object
}

func (m *Measured) torrent(req Request) *metainfo.Torrent {
	t := &metainfo.Torrent{Info: m.Info, PieceLayers: m.Layers, WebSeeds: req.WebSeeds, Comment: req.Comment, CreatedBy: "potluck"}
	for _, u := range req.Trackers {
		t.Trackers = append(t.Trackers, []string{u})
	}
	return t
}

// Measure adopts a path, which is absolute, in place and reads it once for every digest its format needs.
func Measure(ctx context.Context, st *store.Store, req Request, progress Progress, note Note) (*Measured, error) {
	format, err := ParseFormat(req.Format)
	if err != nil {
		return nil, err
	}
	obj, ids, err := st.Adopt(req.Path, store.AdoptOptions{Name: req.Name, Note: note})
	switch {
	case errors.Is(err, store.ErrMissing):
		return nil, fault.New(fault.ExitDisk, "no-such-file", req.Path+": there is no such file or folder", "check the path", err)
	case err != nil:
		return nil, err
	}
	if obj.Size() == 0 {
		return nil, fault.New(fault.ExitUsage, "empty", req.Path+" holds no bytes", "there is nothing to share in it", nil)
	}
	draft := metainfo.Draft{
		Name: rawName(obj, req, ids), Dir: obj.IsDir(), Format: format, Private: req.Private,
		PieceLength: req.PieceLength,
	}
	if draft.PieceLength == 0 {
		draft.PieceLength = torrent.ChoosePieceLength(obj.Size())
	}
	if err := checkPieceLength(draft.PieceLength, format); err != nil {
		return nil, err
	}
	obj, ids, draft.Files = inTorrentOrder(obj, ids, draft.Name)

	files := st.OpenShared(req.Path, obj, ids)
	scan, err := torrent.Scan(ctx, scanFiles(files, obj), torrent.ScanOptions{
		Format: format, PieceLength: draft.PieceLength, Workers: runtime.GOMAXPROCS(0),
		Ahead: files.Ahead, Progress: total(obj.Size(), progress),
	})
	if err != nil {
		files.Close()
		return nil, err
	}
	files.Rest()
	draft.V1Pieces = scan.V1Pieces
	for i := range scan.Roots {
		draft.Files[i].Root = scan.Roots[i]
	}
	info, err := metainfo.ParseInfo(draft.Encode())
	if err != nil {
		files.Close()
		return nil, err
	}
	m := &Measured{Path: req.Path, Info: info, Layers: scan.Layers, IDs: ids, Files: files}
	if obj.IsDir() && !info.Dir {
		// BEP 52 knows no folder around a lone file of the same name.
		m.Path = filepath.Join(m.Path, info.RawName())
	}
	return m, nil
}

// ParseFormat reads the name of a format; hybrid if it is empty.
func ParseFormat(s string) (metainfo.Format, error) {
	if s == "" {
		s = "hybrid"
	}
	f, ok := metainfo.ParseFormat(s)
	if !ok {
		return f, fault.Usage(fmt.Sprintf("%q is no torrent format", s), "choose hybrid, v1 or v2", nil)
	}
	return f, nil
}

func checkPieceLength(n int64, f metainfo.Format) error {
	// BEP 52: "The piece length must be a power of two and at least 16KiB."
	if n < torrent.BlockSize || n > 1<<28 || n&(n-1) != 0 {
		return fault.Usage(fmt.Sprintf("%d is no good piece size", n), "choose a power of two from 16K to 256M", nil)
	}
	return nil
}

// rawName is the object's name as the torrent gives it: what the user has on disk, if any system can read it as text.
func rawName(obj content.Object, req Request, ids []store.Identity) string {
	if req.Name == "" && !obj.IsDir() && ids[0].Name != "" && utf8.ValidString(ids[0].Name) {
		return ids[0].Name
	}
	return obj.Name().String()
}

// inTorrentOrder puts the files of an adopted object into the order of a v2 file tree, which v1 readers take as well.
func inTorrentOrder(obj content.Object, ids []store.Identity, name string) (content.Object, []store.Identity, []metainfo.DraftFile) {
	type entry struct {
		file content.File
		id   store.Identity
		raw  []string
	}
	entries := make([]entry, len(ids))
	for i, f := range obj.Files() {
		raw := ids[i].Name
		if raw == "" || !utf8.ValidString(raw) {
			raw = f.Path.String()
		}
		parts := strings.Split(raw, "/")
		if !obj.IsDir() {
			parts = []string{name}
		}
		entries[i] = entry{f, ids[i], parts}
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return metainfo.CompareComponents(a.raw, b.raw) })
	files := make([]content.File, len(entries))
	sorted := make([]store.Identity, len(entries))
	draft := make([]metainfo.DraftFile, len(entries))
	for i, e := range entries {
		files[i], sorted[i] = e.file, e.id
		draft[i] = metainfo.DraftFile{Components: e.raw, Size: e.file.Size}
	}
	ordered, err := content.NewObject(obj.Name(), obj.IsDir(), files)
	if err != nil {
		panic("create: an adopted object is not one: " + err.Error())
	}
	return ordered, sorted, draft
}

type noCloser struct{}

func (noCloser) Close() error { return nil }

func scanFiles(files *store.Object, obj content.Object) []torrent.ScanFile {
	list := make([]torrent.ScanFile, len(obj.Files()))
	for i, f := range obj.Files() {
		list[i] = torrent.ScanFile{Size: f.Size, Open: func() (io.ReaderAt, io.Closer, error) {
			return files.Reader(i), noCloser{}, nil
		}}
	}
	return list
}

// total turns reports of single reads into reports of the sum.
func total(size int64, progress Progress) func(int64) {
	if progress == nil {
		return nil
	}
	var done atomic.Int64
	return func(n int64) { progress(done.Add(n), size) }
}
