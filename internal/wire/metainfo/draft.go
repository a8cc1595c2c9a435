package metainfo

import (
	"fmt"
	"iter"
	"slices"
	"strconv"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// Draft is what an info dictionary is made of. The same draft always gives the same bytes, those that libtorrent 2.0
// writes for the same files.
type Draft struct {
	Name        string
	Dir         bool
	Format      Format
	PieceLength int64
	Private     bool
	// Files are in the order of the torrent. With v2 that is the order of CompareComponents; v1 alone may have any. A
	// lone file (not Dir) is one, with the name as its one component.
	Files []DraftFile
	// V1Pieces are the piece hashes of v1, over the files and, in hybrids, the Padding behind each.
	V1Pieces []byte
}

// DraftFile is one file of a Draft.
type DraftFile struct {
	Components []string
	Size       int64
	// Root is the root of the hash tree; v2 needs it for every file that is not empty.
	Root HashV2
}

// CompareComponents orders paths as a file tree does: folder by folder, names as raw bytes.
func CompareComponents(a, b []string) int { return slices.Compare(a, b) }

// Padding is how many zeros follow a file of the given size in the v1 stream. Hybrids pad every file to whole pieces,
// the last one too, unless it is the only one.
func (f Format) Padding(files int, size, pieceLength int64) int64 {
	if f != FormatHybrid || files < 2 {
		return 0
	}
	return alignUp(size, pieceLength) - size
}

// Encode writes the info dictionary. It panics if the draft is none that ParseInfo would take because of files out of
// order or missing parts: that is a mistake of ours, never of the network.
func (d *Draft) Encode() []byte {
	if !d.Dir && (len(d.Files) != 1 || len(d.Files[0].Components) != 1 || d.Files[0].Components[0] != d.Name) {
		panic("metainfo: draft of a lone file that does not bear the name")
	}
	w := bencode.BeginDict(nil)
	if d.Format.HasV2() {
		w.Key("file tree")
		w.B = appendTree(w.B, d.Files, 0)
	}
	if d.Format.HasV1() && d.Dir {
		w.Key("files")
		w.B = append(w.B, 'l')
		for e := range d.v1Files() {
			w.B = e.append(w.B)
		}
		w.B = append(w.B, 'e')
	}
	if d.Format.HasV1() && !d.Dir {
		w.Int("length", d.Files[0].Size)
	}
	if d.Format.HasV2() {
		w.Int("meta version", 2)
	}
	w.String("name", d.Name)
	w.Int("piece length", d.PieceLength)
	if d.Format.HasV1() {
		w.Bytes("pieces", d.V1Pieces)
	}
	if d.Private {
		w.Int("private", 1)
	}
	return w.End()
}

// v1File is one entry of the v1 list.
type v1File struct {
	path []string
	size int64
	pad  bool
}

// v1Files yields the files with the padding between them. BEP 47 leaves the names of padding open; these are libtorrent's.
func (d *Draft) v1Files() iter.Seq[v1File] {
	return func(yield func(v1File) bool) {
		for _, f := range d.Files {
			if !yield(v1File{path: f.Components, size: f.Size}) {
				return
			}
			n := d.Format.Padding(len(d.Files), f.Size, d.PieceLength)
			if n > 0 && !yield(v1File{path: []string{".pad", strconv.FormatInt(n, 10)}, size: n, pad: true}) {
				return
			}
		}
	}
}

func (f v1File) append(b []byte) []byte {
	w := bencode.BeginDict(b)
	if f.pad {
		w.String("attr", "p")
	}
	w.Int("length", f.size)
	w.Key("path")
	w.B = appendStrings(w.B, f.path)
	return w.End()
}

// appendTree writes the files, which share their first depth components, as a folder.
func appendTree(b []byte, files []DraftFile, depth int) []byte {
	w := bencode.BeginDict(b)
	for len(files) > 0 {
		name := files[0].Components[depth]
		n := 1
		for n < len(files) && files[n].Components[depth] == name {
			n++
		}
		w.Key(name)
		if f := files[0]; len(f.Components) == depth+1 {
			if n > 1 {
				panic(fmt.Sprintf("metainfo: draft has more than one file at %q", f.Components))
			}
			w.B = appendLeaf(w.B, f)
		} else {
			w.B = appendTree(w.B, files[:n], depth+1)
		}
		files = files[n:]
	}
	return w.End()
}

func appendLeaf(b []byte, f DraftFile) []byte {
	b = append(b, "d0:"...)
	w := bencode.BeginDict(b)
	w.Int("length", f.Size)
	if f.Size > 0 {
		if f.Root == (HashV2{}) {
			panic(fmt.Sprintf("metainfo: draft has no root for %q", f.Components))
		}
		w.Bytes("pieces root", f.Root[:])
	}
	return append(w.End(), 'e')
}
