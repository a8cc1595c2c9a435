package metainfo

import (
	"crypto/sha1"
	"crypto/sha256"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// Info is a checked info dictionary. It must not be changed.
type Info struct {
	// Raw are the bytes whose digests are the info-hashes.
	Raw  []byte
	Hash InfoHash
	// Name is what the object is stored under: a folder if Dir, else the one file.
	Name content.Path
	Dir  bool
	// PieceLength is the length of every piece but the last, and in v2 the last of each file.
	PieceLength int64
	// Private is BEP 27: peers may only come from the torrent's own trackers.
	Private bool
	// Files are the files in order, without padding and symlinks.
	Files []File
	// V1Length is the length of the stream that v1 pieces cut, padding included; 0 without v1.
	V1Length int64
	// V1Pieces are the v1 piece hashes, 20 bytes each, a view into Raw; nil without v1.
	V1Pieces []byte

	keys infoKeys
}

// File is one file of a torrent.
type File struct {
	// Path is below the object's folder, or the object's name for a lone file.
	Path content.Path
	Size int64
	// Root is the root of the file's hash tree, zero for an empty file and in v1.
	Root HashV2
	// V1Offset is where the file begins in the stream of pieces: for v1 and hybrids the v1 stream with its padding, for
	// v2 the piece the file is aligned to.
	V1Offset int64
}

// HasV1 reports whether there are v1 piece hashes.
func (i *Info) HasV1() bool { return i.Hash.hasV1 }

// HasV2 reports whether there are v2 hash trees.
func (i *Info) HasV2() bool { return i.Hash.hasV2 }

// Format is which kinds of hashes there are.
func (i *Info) Format() (f Format) {
	if i.HasV1() {
		f |= FormatV1
	}
	if i.HasV2() {
		f |= FormatV2
	}
	return f
}

// Object is the object the torrent describes.
func (i *Info) Object() content.Object {
	files := make([]content.File, len(i.Files))
	for k, f := range i.Files {
		files[k] = content.File{Path: f.Path, Size: f.Size}
	}
	o, err := content.NewObject(i.Name, i.Dir, files)
	if err != nil {
		panic(err) // ParseInfo lets nothing through that is no object
	}
	return o
}

// RawName is the name as written, for the URLs of web seeds. It is hostile.
func (i *Info) RawName() string { return string(i.keys.rawName()) }

// RawPaths are the path components of Files as written, for the URLs of web seeds. They are hostile.
func (i *Info) RawPaths() [][]string {
	paths := make([][]string, 0, len(i.Files))
	// The walk went well when the info dictionary was parsed, so it does now.
	_ = i.keys.walk(func(e *entry) error {
		if e.isFile() {
			paths = append(paths, e.components(nil))
		}
		return nil
	})
	return paths
}

// infoKeys are the entries of an info dictionary that count.
type infoKeys struct {
	name, nameUTF8, pieceLength, pieces, length, files bencode.Value // v1
	metaVersion, fileTree, private                     bencode.Value
}

// readKeys goes through the dictionary once, since it may be long.
func readKeys(v bencode.Value) (k infoKeys) {
	for key, x := range v.Entries() {
		var at *bencode.Value
		switch string(key) {
		case "name":
			at = &k.name
		case "name.utf-8":
			at = &k.nameUTF8
		case "piece length":
			at = &k.pieceLength
		case "pieces":
			at = &k.pieces
		case "length":
			at = &k.length
		case "files":
			at = &k.files
		case "meta version":
			at = &k.metaVersion
		case "file tree":
			at = &k.fileTree
		case "private":
			at = &k.private
		}
		if at != nil && at.Kind() == bencode.None {
			*at = x
		}
	}
	return k
}

// rawName is nil if there is no name.
func (k *infoKeys) rawName() []byte {
	if s, ok := k.nameUTF8.Bytes(); ok {
		return s
	}
	s, _ := k.name.Bytes()
	return s
}

// multi reports whether there is a v1 list of files. One that has both a list and a length is read as a list.
func (k *infoKeys) multi() bool { return k.files.Kind() != bencode.None }

// hasV1 reports whether there is any trace of v1.
func (k *infoKeys) hasV1() bool {
	return k.multi() || k.length.Kind() != bencode.None || k.pieces.Kind() != bencode.None
}

// ParseInfo reads an info dictionary, from a .torrent file or from peers (BEP 9). The result is a view of raw, which
// must not change afterwards.
func ParseInfo(raw []byte) (*Info, error) {
	v, err := bencode.Parse(raw)
	if err != nil {
		return nil, fault("info", "%v", err)
	}
	return parseInfo(v)
}

func parseInfo(v bencode.Value) (*Info, error) {
	if v.Kind() != bencode.Dict {
		return nil, fault("info", "is a %s, not a dictionary", v.Kind())
	}
	i := &Info{Raw: v.Raw(), keys: readKeys(v)}
	if err := i.parseFormat(v); err != nil {
		return nil, err
	}
	if err := i.parsePieceLength(); err != nil {
		return nil, err
	}
	name := i.keys.rawName()
	if name == nil {
		return nil, fault("name", "is missing or no string")
	}
	i.Name = content.MakePath(string(name))
	if n, ok := i.keys.private.Int(); ok {
		i.Private = n != 0
	}
	if err := i.parseFiles(); err != nil {
		return nil, err
	}
	return i, nil
}

// parseFormat finds out which of v1 and v2 the dictionary holds and hashes it accordingly.
func (i *Info) parseFormat(v bencode.Value) error {
	k := &i.keys
	version := int64(1)
	if k.metaVersion.Kind() != bencode.None {
		var ok bool
		if version, ok = k.metaVersion.Int(); !ok || version < 1 {
			return fault("meta version", "is no positive integer")
		}
	}
	// BEP 52: "Implementations must check this field first"
	if version > 2 {
		return fault("meta version", "is %d, newer than the 2 known here", version)
	}
	if version < 2 && k.fileTree.Kind() != bencode.None {
		return fault("meta version", "is missing beside a file tree")
	}
	if version == 2 {
		if k.fileTree.Kind() != bencode.Dict {
			return fault("file tree", "is missing or no dictionary")
		}
		// BEP 52: "implementations must either reject invalid metainfo files or extract the substring directly". The
		// substring is what we hash, but two clients that read repeated keys differently would see different files.
		if !v.Canonical() {
			return fault("info", "is not in canonical bencoding, as v2 demands")
		}
		h := HashV2(sha256.Sum256(i.Raw))
		i.Hash.v2, i.Hash.hasV2 = h, true
	}
	if version < 2 || k.hasV1() {
		if !k.multi() && k.length.Kind() == bencode.None {
			return fault("length", "is missing, and there is no list of files")
		}
		if k.multi() && k.files.Kind() != bencode.List {
			return fault("files", "is a %s, not a list", k.files.Kind())
		}
		pieces, ok := k.pieces.Bytes()
		if !ok {
			return fault("pieces", "is missing or no string")
		}
		if len(pieces)%20 != 0 {
			return fault("pieces", "is %d bytes long, not a multiple of 20", len(pieces))
		}
		if n := len(pieces) / 20; n > MaxPieces {
			return fault("pieces", "has %d hashes, more than %d", n, MaxPieces)
		}
		h := HashV1(sha1.Sum(i.Raw))
		i.Hash.v1, i.Hash.hasV1, i.V1Pieces = h, true, pieces
	}
	return nil
}

func (i *Info) parsePieceLength() error {
	n, ok := i.keys.pieceLength.Int()
	if !ok {
		return fault("piece length", "is missing or no integer")
	}
	if n < minPieceLength || n > MaxPieceLength {
		return fault("piece length", "is %d, not within %d and %d", n, minPieceLength, MaxPieceLength)
	}
	// BEP 52: "It must be a power of two and at least 16KiB."
	if i.HasV2() && (n < BlockSize || n&(n-1) != 0) {
		return fault("piece length", "is %d, not a power of two of at least %d", n, BlockSize)
	}
	i.PieceLength = n
	return nil
}
