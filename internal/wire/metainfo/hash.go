package metainfo

import "encoding/hex"

// HashV1 is a SHA-1 digest: the info-hash or a piece hash of BEP 3.
type HashV1 [20]byte

// HashV2 is a SHA-256 digest: the info-hash or a node of a hash tree of BEP 52.
type HashV2 [32]byte

// String is the digest in lower-case hexadecimal.
func (h HashV1) String() string { return hex.EncodeToString(h[:]) }

// String is the digest in lower-case hexadecimal.
func (h HashV2) String() string { return hex.EncodeToString(h[:]) }

// InfoHash is what names a torrent: the v1 info-hash, the v2 info-hash, or both for a hybrid. It compares with ==; the
// zero value names nothing.
type InfoHash struct {
	v1    HashV1
	v2    HashV2
	hasV1 bool
	hasV2 bool
}

// NewInfoHash makes an info-hash of those that are not nil.
func NewInfoHash(v1 *HashV1, v2 *HashV2) InfoHash {
	var h InfoHash
	if v1 != nil {
		h.v1, h.hasV1 = *v1, true
	}
	if v2 != nil {
		h.v2, h.hasV2 = *v2, true
	}
	return h
}

// V1 is the v1 info-hash, if there is one.
func (h InfoHash) V1() (HashV1, bool) { return h.v1, h.hasV1 }

// V2 is the v2 info-hash, if there is one.
func (h InfoHash) V2() (HashV2, bool) { return h.v2, h.hasV2 }

// IsZero reports whether h names nothing.
func (h InfoHash) IsZero() bool { return !h.hasV1 && !h.hasV2 }

// Wire lists the 20 bytes that stand for the torrent in handshakes, at trackers and in the DHT: the v1 info-hash, then
// the v2 info-hash cut short. BEP 52: "For some uses as torrent identifier it is truncated to 20 bytes."
func (h InfoHash) Wire() [][20]byte {
	var all [][20]byte
	if h.hasV1 {
		all = append(all, h.v1)
	}
	if h.hasV2 {
		all = append(all, [20]byte(h.v2[:20]))
	}
	return all
}

// Matches reports whether 20 bytes from the wire name this torrent.
func (h InfoHash) Matches(wire [20]byte) bool {
	return h.hasV1 && wire == h.v1 || h.hasV2 && wire == [20]byte(h.v2[:20])
}

// String is the v1 info-hash in hexadecimal, or the v2 one if there is no other.
func (h InfoHash) String() string {
	switch {
	case h.hasV1:
		return h.v1.String()
	case h.hasV2:
		return h.v2.String()
	}
	return ""
}
