// Package metainfo reads and writes .torrent files and the info dictionary inside them: BEP 3 (v1), BEP 52 (v2) and the
// hybrid of both, with BEP 5 (nodes), BEP 12 (several trackers), BEP 19 (web seeds), BEP 27 (private) and BEP 47 (padding,
// attributes).
//
//	.torrent: {
//	  announce: <URL>, announce-list: [[<URL>...]...], url-list: <URL> or [<URL>...],
//	  nodes: [[<host>, <port>]...],
//	  comment, created by: <text>, creation date: <seconds since 1970>,
//	  piece layers: {<pieces root, 32 bytes>: <32 bytes per piece>...},         v2
//	  info: {                                                                   its bytes are what is hashed
//	    name: <text>, piece length: <bytes>, private: 1,
//	    pieces: <20 bytes per piece>,                                           v1
//	    length: <bytes>  or  files: [{length, path: [<text>...], attr}...],     v1
//	    meta version: 2,                                                        v2
//	    file tree: {<text>: {<text>: {"": {length, pieces root, attr}}...}...}  v2
//	  }
//	}
//
// Everything read is hostile: counts, sizes and depths are bounded before memory is taken, and what a description may
// cost in memory is bounded by its own length. Names are made safe by content.Path; the hash stays that of the raw bytes.
package metainfo

import "fmt"

const (
	// MaxPieces is how many pieces a torrent may have.
	MaxPieces = 2_097_152
	// MaxPieceLength is how long a piece may be.
	MaxPieceLength = 1 << 30
	// BlockSize is the length of the blocks that the hash trees of BEP 52 are built of, and the shortest v2 piece.
	BlockSize = 16 << 10
	// minPieceLength keeps v1 pieces from being shorter than their own hashes, which only an attacker wants.
	minPieceLength = 20
)

// Error tells what is wrong with a .torrent file or an info dictionary: which field, and why. Neither part carries text
// from the file.
type Error struct {
	Field  string
	Reason string
}

func (e *Error) Error() string { return fmt.Sprintf("metainfo: %s: %s", e.Field, e.Reason) }

func fault(field, reason string, args ...any) error {
	return &Error{Field: field, Reason: fmt.Sprintf(reason, args...)}
}

// Format is which of the two ways of hashing a torrent uses.
type Format uint8

// The formats.
const (
	FormatV1     Format = 1
	FormatV2     Format = 2
	FormatHybrid        = FormatV1 | FormatV2
)

// HasV1 reports whether the format has the piece hashes of BEP 3.
func (f Format) HasV1() bool { return f&FormatV1 != 0 }

// HasV2 reports whether the format has the hash trees of BEP 52.
func (f Format) HasV2() bool { return f&FormatV2 != 0 }

func (f Format) String() string {
	switch f {
	case FormatV1:
		return "v1"
	case FormatV2:
		return "v2"
	case FormatHybrid:
		return "hybrid"
	}
	return "none"
}

// ParseFormat reads what String writes.
func ParseFormat(s string) (Format, bool) {
	for _, f := range []Format{FormatV1, FormatV2, FormatHybrid} {
		if f.String() == s {
			return f, true
		}
	}
	return 0, false
}
