package peer

import "encoding/binary"

func appendHeader(b []byte, t Type, bodySize int) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(bodySize+1))
	return append(b, byte(t))
}

// AppendKeepAlive appends a frame without message.
func AppendKeepAlive(b []byte) []byte { return append(b, 0, 0, 0, 0) }

// AppendChoke appends a choke message.
func AppendChoke(b []byte) []byte { return appendHeader(b, Choke, 0) }

// AppendUnchoke appends an unchoke message.
func AppendUnchoke(b []byte) []byte { return appendHeader(b, Unchoke, 0) }

// AppendInterested appends an interested message.
func AppendInterested(b []byte) []byte { return appendHeader(b, Interested, 0) }

// AppendNotInterested appends a not interested message.
func AppendNotInterested(b []byte) []byte { return appendHeader(b, NotInterested, 0) }

// AppendHaveAll appends a have all message.
func AppendHaveAll(b []byte) []byte { return appendHeader(b, HaveAll, 0) }

// AppendHaveNone appends a have none message.
func AppendHaveNone(b []byte) []byte { return appendHeader(b, HaveNone, 0) }

// AppendHave appends a have message.
func AppendHave(b []byte, index uint32) []byte { return appendIndex(b, Have, index) }

// AppendSuggest appends a suggest piece message.
func AppendSuggest(b []byte, index uint32) []byte { return appendIndex(b, Suggest, index) }

// AppendAllowedFast appends an allowed fast message.
func AppendAllowedFast(b []byte, index uint32) []byte { return appendIndex(b, AllowedFast, index) }

func appendIndex(b []byte, t Type, index uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHeader(b, t, 4), index)
}

// AppendBitfield appends a bitfield message; bits are as on the wire, spare bits zero.
func AppendBitfield(b []byte, bits []byte) []byte {
	return append(appendHeader(b, Bitfield, len(bits)), bits...)
}

// RequestSize is the size of a request message.
const RequestSize = frameHeader + 12

// AppendRequest appends a request message.
func AppendRequest(b []byte, index, begin, length uint32) []byte {
	return appendBlock(b, Request, index, begin, length)
}

// AppendCancel appends a cancel message.
func AppendCancel(b []byte, index, begin, length uint32) []byte {
	return appendBlock(b, Cancel, index, begin, length)
}

// AppendReject appends a reject request message.
func AppendReject(b []byte, index, begin, length uint32) []byte {
	return appendBlock(b, Reject, index, begin, length)
}

func appendBlock(b []byte, t Type, index, begin, length uint32) []byte {
	b = appendHeader(b, t, 12)
	b = binary.BigEndian.AppendUint32(b, index)
	b = binary.BigEndian.AppendUint32(b, begin)
	return binary.BigEndian.AppendUint32(b, length)
}

// AppendPieceHeader appends the first PieceHeaderSize bytes of a piece message; the caller sends length bytes of the block
// after them.
func AppendPieceHeader(b []byte, index, begin, length uint32) []byte {
	b = appendHeader(b, Piece, 8+int(length))
	b = binary.BigEndian.AppendUint32(b, index)
	return binary.BigEndian.AppendUint32(b, begin)
}

// AppendPort appends a port message that tells the UDP port of our DHT node.
func AppendPort(b []byte, port uint16) []byte {
	return binary.BigEndian.AppendUint16(appendHeader(b, Port, 2), port)
}

// AppendHashRequest appends a hash request message.
func AppendHashRequest(b []byte, r HashRequest) []byte {
	return appendHashRange(appendHeader(b, HashRequested, hashRequestSize), r)
}

// AppendHashReject appends a hash reject message.
func AppendHashReject(b []byte, r HashRequest) []byte {
	return appendHashRange(appendHeader(b, HashReject, hashRequestSize), r)
}

// AppendHashes appends a hashes message, the answer to r.
func AppendHashes[H ~[HashSize]byte](b []byte, r HashRequest, hashes []H) []byte {
	b = appendHeader(b, Hashes, hashRequestSize+len(hashes)*HashSize)
	b = appendHashRange(b, r)
	for _, h := range hashes {
		sum := [HashSize]byte(h)
		b = append(b, sum[:]...)
	}
	return b
}

func appendHashRange(b []byte, r HashRequest) []byte {
	b = append(b, r.Root[:]...)
	b = binary.BigEndian.AppendUint32(b, r.BaseLayer)
	b = binary.BigEndian.AppendUint32(b, r.Index)
	b = binary.BigEndian.AppendUint32(b, r.Length)
	return binary.BigEndian.AppendUint32(b, r.ProofLayers)
}

// AppendExtended appends an extended message with the id the receiver gave to it.
func AppendExtended(b []byte, id uint8, body []byte) []byte {
	b = append(appendHeader(b, Extended, 1+len(body)), id)
	return append(b, body...)
}
