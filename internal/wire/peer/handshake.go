package peer

// HandshakeSize is the size of a handshake.
const HandshakeSize = 68

// InfoHashEnd is how many bytes of a handshake have to be there to know its info-hash. Who accepts connections may answer
// then, before the peer id has come.
const InfoHashEnd = 48

// BEP 3: "The handshake starts with character nineteen (decimal) followed by the string 'BitTorrent protocol'."
const protocolName = "\x13BitTorrent protocol"

// Feature is one of the bits by which a handshake says what its sender understands beyond BEP 3.
type Feature uint8

// The features, as number of their bit in the reserved bytes counted from the right.
const (
	FeatureDHT      Feature = 0  // BEP 5: reserved[7] & 0x01
	FeatureFast     Feature = 2  // BEP 6: reserved[7] & 0x04
	FeatureV2       Feature = 4  // BEP 52: "the 4th most significant bit in the last byte", reserved[7] & 0x10
	FeatureExtended Feature = 20 // BEP 10: "bit 20 from the right", reserved[5] & 0x10
)

// Reserved is the handshake's field of feature bits.
type Reserved [8]byte

// MakeReserved returns a field with the bits of the given features set.
func MakeReserved(features ...Feature) Reserved {
	var r Reserved
	for _, f := range features {
		r[7-f/8] |= 1 << (f % 8)
	}
	return r
}

// Has reports whether the sender understands f.
func (r Reserved) Has(f Feature) bool {
	return f < 64 && r[7-f/8]&(1<<(f%8)) != 0
}

// Handshake is what each side sends first.
type Handshake struct {
	Reserved Reserved
	InfoHash [20]byte
	PeerID   [20]byte
}

// AppendHandshake appends the handshake to b.
func AppendHandshake(b []byte, h Handshake) []byte {
	b = append(b, protocolName...)
	b = append(b, h.Reserved[:]...)
	b = append(b, h.InfoHash[:]...)
	return append(b, h.PeerID[:]...)
}

// IsHandshake reports whether b may be the beginning of a handshake in clear text. It answers as soon as one byte is there
// and looks at the first 20 at most: more than one byte should be seen before anything is built on a yes, since one in
// 256 encrypted connections begins with the same byte.
func IsHandshake(b []byte) bool {
	n := min(len(b), len(protocolName))
	return string(b[:n]) == protocolName[:n]
}

// ParseHandshake parses the handshake at the beginning of b. With at least InfoHashEnd bytes but fewer than HandshakeSize
// the peer id is left zero; with fewer than InfoHashEnd it fails.
func ParseHandshake(b []byte) (Handshake, error) {
	var h Handshake
	if !IsHandshake(b) {
		return h, ProtocolError("no BitTorrent handshake")
	}
	if len(b) < InfoHashEnd {
		return h, ProtocolError("handshake too short")
	}
	copy(h.Reserved[:], b[20:28])
	copy(h.InfoHash[:], b[28:48])
	if len(b) >= HandshakeSize {
		copy(h.PeerID[:], b[48:68])
	}
	return h, nil
}
