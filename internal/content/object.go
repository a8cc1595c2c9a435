// Package content holds the nouns every room of potluck shares: the object, its files, the extent, ranges of bytes,
// bitmaps of units and the guarded path. They are value types that cannot be built wrong, and know no network.
package content

import (
	"errors"
	"fmt"
)

// File is one file of an object: where it lies below the object's own place, and its size in bytes.
// The path of the only file of a single-file object is its name.
type File struct {
	Path Path
	Size int64
}

// Object is an ordered list of files being shared or fetched. Padding is no file.
type Object struct {
	name  Path
	dir   bool
	files []File
	total int64
}

// MaxObjectSize bounds the sum of an object's file sizes, so that offsets never overflow.
const MaxObjectSize = int64(1) << 60

// NewObject makes an object of the given files. name is the single component it is stored under; dir says whether it
// is a folder (its files lie in NAME/) or a lone file (its one file is NAME). The files are kept, not copied.
func NewObject(name Path, dir bool, files []File) (Object, error) {
	if name.IsZero() || name.Depth() != 1 {
		return Object{}, fmt.Errorf("content: object name %q is not a single component", name)
	}
	if !dir && (len(files) != 1 || files[0].Path != name) {
		return Object{}, errors.New("content: a lone file must be named as its object")
	}
	var total int64
	for i, f := range files {
		if f.Path.IsZero() {
			return Object{}, fmt.Errorf("content: file %d has no path", i)
		}
		if f.Size < 0 || f.Size > MaxObjectSize-total {
			return Object{}, fmt.Errorf("content: file %d: size %d is out of bounds", i, f.Size)
		}
		total += f.Size
	}
	return Object{name: name, dir: dir, files: files, total: total}, nil
}

// Name is the single component the object is stored under.
func (o Object) Name() Path { return o.name }

// IsDir reports whether the object is a folder.
func (o Object) IsDir() bool { return o.dir }

// Files lists the object's files in order. It must not be changed.
func (o Object) Files() []File { return o.files }

// Size is the sum of the sizes of all files, in bytes.
func (o Object) Size() int64 { return o.total }

// Extent is a run of bytes in one file of an object: the i-th file, from Offset, Length bytes.
type Extent struct {
	File   int
	Offset int64
	Length int64
}

// End is the offset behind the extent's last byte.
func (e Extent) End() int64 { return e.Offset + e.Length }

func (e Extent) String() string { return fmt.Sprintf("%d:%d+%d", e.File, e.Offset, e.Length) }

// In reports whether the extent lies within the object's bounds.
func (e Extent) In(o Object) bool {
	return e.File >= 0 && e.File < len(o.files) && e.Offset >= 0 && e.Length >= 0 &&
		e.Offset <= o.files[e.File].Size && e.Length <= o.files[e.File].Size-e.Offset
}
