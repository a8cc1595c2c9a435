package metainfo

import (
	"bytes"
	"slices"

	"github.com/potluck-p2p/potluck/internal/content"
)

const (
	// nameCost is about what content.Names keeps of a file or folder while names are made.
	nameCost = 24
	// fileCost is what a File takes in memory, apart from its path.
	fileCost = 64
	// freeCost is the memory that any description may take, however short.
	freeCost = 768 << 10
)

// parseFiles reads the list of files. It is walked twice: first to count, so that what is allocated is bounded.
func (i *Info) parseFiles() error {
	list := fileList{info: i, budget: 4*int64(len(i.Raw)) + freeCost}
	if err := i.keys.walk(list.count); err != nil {
		return err
	}
	if list.files == 0 && list.entries > 0 {
		return fault(i.listField(), "has no file")
	}
	if i.Dir = list.isDir(); !i.Dir && list.files != 1 {
		return fault(i.listField(), "has no file")
	}
	names := list.files + list.folders
	if list.budget -= int64(list.files*fileCost + names*nameCost); list.budget < 0 {
		return fault(i.listField(), "has too many files for its length")
	}
	i.Files = make([]File, 0, list.files)
	list.names.Grow(names)
	if err := i.keys.walk(list.add); err != nil {
		return err
	}
	if i.HasV1() {
		i.V1Length = list.offset
		if want := pieces(i.V1Length, i.PieceLength); want != int64(len(i.V1Pieces)/20) {
			return fault("pieces", "has %d hashes, but the files have %d pieces", len(i.V1Pieces)/20, want)
		}
	}
	if n := pieces(list.offset, i.PieceLength); n > MaxPieces {
		return fault("piece length", "makes %d pieces, more than %d", n, MaxPieces)
	}
	if i.HasV1() && i.HasV2() {
		return i.checkHybrid()
	}
	return nil
}

// listField names the list that the files are read from.
func (i *Info) listField() string {
	switch {
	case !i.HasV1():
		return "file tree"
	case i.keys.multi():
		return "files"
	}
	return "length"
}

func pieces(length, pieceLength int64) int64 { return (length + pieceLength - 1) / pieceLength }

// fileList gathers the files of one info dictionary.
type fileList struct {
	info   *Info
	names  content.Names
	parts  []string // scratch
	budget int64

	entries int // of every kind
	files   int
	folders int      // about: how often a file lies in another folder than the one before
	folder  [][]byte // of the last file
	total   int64    // bytes of files and padding
	lone    bool     // the first file bears the torrent's own name, in no folder
	offset  int64    // where the next file begins
}

// count is the first walk.
func (l *fileList) count(e *entry) error {
	l.entries++
	if e.size > content.MaxObjectSize-l.total {
		return fault(e.field("length"), "makes the torrent larger than %d bytes", content.MaxObjectSize)
	}
	l.total += e.size
	if e.isFile() {
		if folder := e.path[:max(0, len(e.path)-1)]; !slices.EqualFunc(folder, l.folder, bytes.Equal) {
			l.folders++
			l.folder = append(l.folder[:0], folder...)
		}
		if l.files++; l.files == 1 && len(e.path) == 1 {
			l.lone = bytes.Equal(e.path[0], l.info.keys.rawName())
		}
	}
	return nil
}

// isDir tells a folder from a lone file. In v1 the keys say so. In v2 there is a tree either way; the one file of a lone
// file bears the torrent's name.
func (l *fileList) isDir() bool {
	if l.info.HasV1() {
		return l.info.keys.multi()
	}
	return l.entries != 1 || !l.lone
}

// add is the second walk.
func (l *fileList) add(e *entry) error {
	i := l.info
	if e.isFile() {
		path := i.Name
		if i.Dir {
			var err error
			l.parts = e.components(l.parts)
			if path, err = l.names.Add(l.parts...); err != nil {
				return fault(e.field("path"), "%v", err)
			}
			// A tree names a folder once for all that is in it, so its paths can be far longer than it is itself.
			if l.budget -= int64(len(path.String())); l.budget < 0 {
				return fault(e.field("path"), "paths are too long for so short a list")
			}
		}
		i.Files = append(i.Files, File{Path: path, Size: e.size, Root: e.root, V1Offset: l.offset})
	}
	l.offset += e.size
	if !i.HasV1() {
		l.offset = alignUp(l.offset, i.PieceLength)
	}
	return nil
}

func alignUp(n, to int64) int64 { return (n + to - 1) / to * to }

// checkHybrid holds the file tree against the list that v1 gave, and takes the roots from it.
func (i *Info) checkHybrid() error {
	const field = "file tree"
	var names content.Names
	names.Grow(len(i.Files))
	var parts []string
	var end int64 // of the last piece that holds file bytes
	n := 0
	err := i.keys.walkTree(func(e *entry) error {
		if !e.isFile() {
			return nil
		}
		if n == len(i.Files) {
			return fault(field, "has more files than v1 lists")
		}
		f := &i.Files[n]
		parts = e.components(parts)
		path := content.MakePath(parts...)
		if i.Dir {
			var err error
			if path, err = names.Add(parts...); err != nil {
				return fault(e.field("path"), "%v", err)
			}
		}
		if path != f.Path {
			return fault(e.field("path"), "is not that of the same file in v1")
		}
		if e.size != f.Size {
			return fault(e.field("length"), "is %d, but in v1 it is %d", e.size, f.Size)
		}
		if e.size > 0 {
			// BEP 52: "each non-empty file is aligned to a piece boundary"
			if f.V1Offset != end {
				return fault(e.field("length"), "the file begins at %d, but in v1 at %d", end, f.V1Offset)
			}
			end = alignUp(end+e.size, i.PieceLength)
		}
		f.Root = e.root
		n++
		return nil
	})
	if err != nil {
		return err
	}
	if n != len(i.Files) {
		return fault(field, "has %d files, but v1 lists %d", n, len(i.Files))
	}
	if alignUp(i.V1Length, i.PieceLength) != end {
		return fault("pieces", "has %d hashes, but the file tree has %d pieces", len(i.V1Pieces)/20, end/i.PieceLength)
	}
	return nil
}
