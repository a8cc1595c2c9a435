package peer

import (
	"math"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// MetadataBlock is the size of all blocks of an info dictionary but the last. BEP 9: "The metadata is handled in blocks of
// 16KiB (16384 Bytes)."
const MetadataBlock = 16384

// MetadataKind tells the messages of ut_metadata apart.
type MetadataKind uint8

// The kinds by their number on the wire. MetadataUnknown stands for all others. BEP 9: "an unrecognized message ID MUST be
// ignored".
const (
	MetadataRequest MetadataKind = 0
	MetadataData    MetadataKind = 1
	MetadataReject  MetadataKind = 2
	MetadataUnknown MetadataKind = 255
)

// MetadataMessage is a message of the extension ut_metadata (BEP 9), by which peers hand on the info dictionary.
type MetadataMessage struct {
	Kind MetadataKind
	// Piece is the index of a block of MetadataBlock bytes.
	Piece int
	// TotalSize is the size of the info dictionary, in MetadataData only. It is what the sender claims.
	TotalSize int
	// Data is the block, in MetadataData only: 1 to MetadataBlock bytes. Parsed, it is a view into the message.
	Data []byte
}

// ParseMetadata parses the body of an extended message with the id we gave to ut_metadata.
func ParseMetadata(body []byte) (MetadataMessage, error) {
	var m MetadataMessage
	v, rest, err := bencode.ParsePrefix(body)
	if err != nil || v.Kind() != bencode.Dict {
		return m, ProtocolError("metadata message is no dictionary")
	}
	kind, ok := v.Get("msg_type").Int()
	if !ok {
		return m, ProtocolError("metadata message without type")
	}
	if kind < 0 || kind > int64(MetadataReject) {
		m.Kind = MetadataUnknown
		return m, nil
	}
	m.Kind = MetadataKind(kind)
	piece, ok := v.Get("piece").Int()
	if !ok || piece < 0 || piece > math.MaxInt32/MetadataBlock {
		return m, ProtocolError("metadata message without piece")
	}
	m.Piece = int(piece)
	if m.Kind != MetadataData {
		return m, nil
	}
	// The size is said in the extension handshake as well, and some clients leave it out here.
	m.TotalSize = int(intWithin(v.Get("total_size"), math.MaxInt32))
	if len(rest) == 0 || len(rest) > MetadataBlock {
		return m, ProtocolError("metadata block of wrong size")
	}
	m.Data = rest
	return m, nil
}

// AppendMetadata appends the extended message m under the id that the receiver gave to ut_metadata.
func AppendMetadata(b []byte, id uint8, m MetadataMessage) []byte {
	b, start := beginExtended(b, id)
	w := bencode.BeginDict(b)
	w.Int("msg_type", int64(m.Kind))
	w.Int("piece", int64(m.Piece))
	if m.Kind == MetadataData {
		w.Int("total_size", int64(m.TotalSize))
	}
	b = w.End()
	if m.Kind == MetadataData {
		b = append(b, m.Data...)
	}
	return endExtended(b, start)
}
