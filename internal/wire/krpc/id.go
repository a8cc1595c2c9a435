package krpc

import (
	"bytes"
	"encoding/hex"
)

// IDSize is the length of an ID in bytes.
const IDSize = 20

// An ID names a node or a key: 160 bits, read as a big-endian number.
type ID [IDSize]byte

// String is the ID in lower hex.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Distance is how far id is from other.
//
// "In Kademlia, the distance metric is XOR and the result is interpreted as an unsigned integer."
func (id ID) Distance(other ID) (d ID) {
	for i := range d {
		d[i] = id[i] ^ other[i]
	}
	return d
}

// Compare orders IDs as numbers: negative if id is the smaller.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// Closer compares the distances of a and b to target: negative if a is closer, 0 only if they are equal.
func Closer(target, a, b ID) int {
	for i := range target {
		if da, db := a[i]^target[i], b[i]^target[i]; da != db {
			return int(da) - int(db)
		}
	}
	return 0
}
