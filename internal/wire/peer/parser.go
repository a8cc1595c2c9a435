package peer

import (
	"encoding/binary"
	"fmt"
)

// Bounds of what is accepted whatever Limits say.
const (
	// MaxBitfield is enough for the 2,097,152 pieces a torrent may have.
	MaxBitfield = 2_097_152 / 8
	// MaxBlock is the largest block anyone asks for in practice: a run between two of us, or 128 KiB. BEP 52 says 16 KiB.
	MaxBlock = MaxRun
	// MaxExtended bounds an extended message with its id: a block of the largest size between two of us, and a header.
	MaxExtended = 1<<20 + 1<<10
	// MaxHashes and MaxProofLayers bound a Hashes message. BEP 52: "Length SHOULD NOT be greater than 512", but clients
	// answer up to 8192.
	MaxHashes      = 8192
	MaxProofLayers = 64

	maxUnknown = 16 << 10
)

const (
	lengthSize      = 4
	frameHeader     = lengthSize + 1
	hashRequestSize = 32 + 4*4
	// PieceHeaderSize is what comes before the block in a Piece message, with length and type.
	PieceHeaderSize = frameHeader + 4 + 4

	maxHashesBody = hashRequestSize + (MaxHashes+MaxProofLayers)*HashSize
)

// Limits is the largest payload that is accepted by kind of message. A zero or too large field stands for the largest
// size this package ever accepts.
type Limits struct {
	// Bitfield is in bytes: (pieces+7)/8 once the number of pieces is known.
	Bitfield int
	// Block is the largest block of a Piece message: the largest we ever requested.
	Block int
	// Extended counts the extended id too.
	Extended int
}

// Parser finds messages in received bytes. It keeps nothing between calls; limits may be changed at any time.
type Parser struct {
	Limits Limits
}

// Next parses the message at the beginning of buf and returns it with the number of bytes it took. n is 0 when more bytes
// are needed, which is never asked for before the length was found to be within the limits. An error is a ProtocolError
// and the connection can not be read on.
//
// A Piece message is returned as soon as its header of PieceHeaderSize bytes is there: n is the size of the header and
// the m.Length bytes of the block are the caller's to take from what follows. All other messages are returned whole.
func (p *Parser) Next(buf []byte) (m Message, n int, err error) {
	if len(buf) < lengthSize {
		return m, 0, nil
	}
	// The length may be anything up to 2^32-1: it stays unsigned, and 64 bits wide, until it is known to be small.
	length := uint64(binary.BigEndian.Uint32(buf))
	if length == 0 {
		m.Type = KeepAlive
		return m, lengthSize, nil
	}
	if len(buf) < frameHeader {
		return m, 0, p.checkAny(length)
	}
	t, bodySize := Type(buf[lengthSize]), length-1
	if t == Piece {
		if bodySize < 8 || bodySize-8 > p.Limits.block() {
			return m, 0, badLength(t, length)
		}
		if len(buf) < PieceHeaderSize {
			return m, 0, nil
		}
		m.Type = Piece
		m.Index = binary.BigEndian.Uint32(buf[5:])
		m.Begin = binary.BigEndian.Uint32(buf[9:])
		m.Length = uint32(bodySize - 8)
		return m, PieceHeaderSize, nil
	}
	if !p.fits(t, bodySize) {
		return m, 0, badLength(t, length)
	}
	end := lengthSize + int(length)
	if len(buf) < end {
		return m, 0, nil
	}
	if err := m.parse(t, buf[frameHeader:end:end]); err != nil {
		return Message{}, 0, err
	}
	return m, end, nil
}

// Need returns how many bytes have to be in the buffer that begins with buf before Next can return its first message. It
// is for a reader whose buffer is full: ask after Next returned n = 0 and no error, so that the answer is within the
// limits.
func (p *Parser) Need(buf []byte) int {
	if len(buf) < lengthSize {
		return lengthSize
	}
	length := binary.BigEndian.Uint32(buf)
	switch {
	case length == 0:
		return lengthSize
	case len(buf) < frameHeader:
		return frameHeader
	case Type(buf[lengthSize]) == Piece:
		return PieceHeaderSize
	}
	return lengthSize + int(length)
}

// checkAny judges a length whose type is not known yet.
func (p *Parser) checkAny(length uint64) error {
	largest := max(p.Limits.bitfield(), p.Limits.block()+8, p.Limits.extended(), maxHashesBody, maxUnknown)
	if length-1 > largest {
		return ProtocolError(fmt.Sprintf("message of %d bytes", length))
	}
	return nil
}

// fits reports whether a message of type t may have a body of size bytes.
func (p *Parser) fits(t Type, size uint64) bool {
	switch t {
	case Choke, Unchoke, Interested, NotInterested, HaveAll, HaveNone:
		return size == 0
	case Have, Suggest, AllowedFast:
		return size == 4
	case Request, Cancel, Reject:
		return size == 12
	case Port:
		return size == 2
	case Bitfield:
		return size <= p.Limits.bitfield()
	case Extended:
		return size >= 1 && size <= p.Limits.extended()
	case HashRequested, HashReject:
		return size == hashRequestSize
	case Hashes:
		return size >= hashRequestSize && size <= maxHashesBody && (size-hashRequestSize)%HashSize == 0
	default:
		return size <= maxUnknown
	}
}

// parse fills m from the body of a message of type t, whose size fits.
func (m *Message) parse(t Type, body []byte) error {
	m.Type = t
	switch t {
	case Choke, Unchoke, Interested, NotInterested, HaveAll, HaveNone:
	case Have, Suggest, AllowedFast:
		m.Index = binary.BigEndian.Uint32(body)
	case Request, Cancel, Reject:
		m.Index = binary.BigEndian.Uint32(body)
		m.Begin = binary.BigEndian.Uint32(body[4:])
		m.Length = binary.BigEndian.Uint32(body[8:])
	case Port:
		m.Index = uint32(binary.BigEndian.Uint16(body))
	case Bitfield, Extended:
		m.Payload = body
	case HashRequested, HashReject:
		m.Hash.parse(body)
	case Hashes:
		m.Hash.parse(body)
		m.Payload = body[hashRequestSize:]
		return checkHashes(m.Hash, len(m.Payload)/HashSize)
	default:
		m.Type, m.Index, m.Payload = Unknown, uint32(t), body
	}
	return nil
}

func (r *HashRequest) parse(body []byte) {
	copy(r.Root[:], body)
	r.BaseLayer = binary.BigEndian.Uint32(body[32:])
	r.Index = binary.BigEndian.Uint32(body[36:])
	r.Length = binary.BigEndian.Uint32(body[40:])
	r.ProofLayers = binary.BigEndian.Uint32(body[44:])
}

// checkHashes judges whether count hashes can be an answer to r. BEP 52: "at-most one uncle hash is needed from each proof
// layer".
func checkHashes(r HashRequest, count int) error {
	if r.Length > MaxHashes || r.ProofLayers > MaxProofLayers {
		return ProtocolError("hashes message beyond any request")
	}
	if count > int(r.Length+r.ProofLayers) {
		return ProtocolError("more hashes than its own header allows")
	}
	return nil
}

func badLength(t Type, length uint64) error {
	return ProtocolError(fmt.Sprintf("%s message of %d bytes", t, length))
}

func (l *Limits) bitfield() uint64 { return limit(l.Bitfield, MaxBitfield) }
func (l *Limits) block() uint64    { return limit(l.Block, MaxBlock) }
func (l *Limits) extended() uint64 { return limit(l.Extended, MaxExtended) }

func limit(asked, most int) uint64 {
	if asked <= 0 || asked > most {
		return uint64(most)
	}
	return uint64(asked)
}
