// Package utp is the codec of the uTorrent transport protocol (BEP 29): the datagrams of a stream over UDP. It parses from and
// appends to byte slices, and copies nothing.
//
//	0       4       8               16              24              32
//	+-------+-------+---------------+---------------+---------------+
//	| type  | ver=1 | extension     | connection id                 |
//	+-------+-------+---------------+---------------+---------------+
//	| timestamp, in microseconds of the sender's clock              |
//	+---------------+---------------+---------------+---------------+
//	| delay: receiver's clock less timestamp of the last packet     |
//	+---------------+---------------+---------------+---------------+
//	| window: bytes the sender has room for                         |
//	+---------------+---------------+---------------+---------------+
//	| sequence number               | acknowledged number           |
//	+---------------+---------------+---------------+---------------+
//	then, while extension is not 0:
//	+---------------+---------------+- - - - - - - -
//	| next extension| length        | that many bytes
//	+---------------+---------------+- - - - - - - -
//	then the payload, to the end of the datagram.
//
// All is big-endian. Sequence numbers count packets, not bytes. Extension 1 is the selective acknowledgement: a bit mask
// whose lowest bit of the first byte stands for the packet after the next expected one. Others known in the field are 2 (feature
// bits) and 3 (libtorrent's close reason); what is not known is skipped, on which [Packet.Padding] relies.
//
// # Telling it apart
//
// On a port shared with other protocols the first byte is 01, 11, 21, 31 or 41 (hex): a type up to 4 and version 1; see [Looks].
// A message of the DHT (BEP 5) is a bencoded dictionary and begins with 'd' (64); what a UDP tracker (BEP 15) answers begins with
// the four bytes of its action, 00 00 00 00 to 00 00 00 03; local discovery begins with 'B' (42). Only STUN is in the way: its
// answers begin with 01 01 or 01 11. Whoever speaks it on this port looks for its cookie, 21 12 a4 42 at byte 4, first.
package utp

import (
	"encoding/binary"
	"math/bits"
)

// Type is what a packet is for.
type Type uint8

// The types of packets. Data and Fin have a sequence number of their own; State carries the next one that will be used.
const (
	Data  Type = iota // payload
	Fin               // the last packet of its direction
	State             // an acknowledgement without payload
	Reset             // the connection is not known, or was aborted
	Syn               // opens a connection
)

const (
	// HeaderSize is the length of the header without extensions, in bytes.
	HeaderSize = 20
	// MaxSelectiveAck is the longest selective acknowledgement, in bytes. BEP 29: "in multiples of 32 bits", and a length is one byte.
	MaxSelectiveAck = 252

	version = 1

	extensionEnd     = 0
	extensionSack    = 1
	extensionPadding = 0xf0 // our own; nobody gives it a meaning
	extensionHeader  = 2
	maxExtension     = 255
)

// A FormatError says that a datagram is no packet of uTP.
type FormatError string

func (e FormatError) Error() string { return "not a uTP packet: " + string(e) }

// The reasons for which [Packet.Parse] refuses a datagram. They are values, so that refusing costs nothing.
const (
	errShort     = FormatError("shorter than a header")
	errVersion   = FormatError("unknown version")
	errType      = FormatError("unknown type")
	errExtension = FormatError("an extension is cut off")
)

// A Packet is one datagram.
type Packet struct {
	Type      Type
	ConnID    uint16
	Timestamp uint32 // microseconds; 0 is none
	Delay     uint32 // microseconds; 0 is none
	Window    uint32 // bytes
	Seq       uint16
	Ack       uint16

	// SelectiveAck is the mask of packets received beyond the first missing one; nil for none. See [Acked].
	SelectiveAck []byte

	// Padding is how many bytes of extensions without meaning are there: a packet that is to have a certain size. Not 1.
	Padding int

	Payload []byte
}

// Parse reads a datagram into p. SelectiveAck and Payload are slices of b. An error is a [FormatError].
func (p *Packet) Parse(b []byte) error {
	if len(b) < HeaderSize {
		return errShort
	}
	if b[0]&0xf != version {
		return errVersion
	}
	t := Type(b[0] >> 4)
	if t > Syn {
		return errType
	}
	*p = Packet{
		Type:      t,
		ConnID:    binary.BigEndian.Uint16(b[2:]),
		Timestamp: binary.BigEndian.Uint32(b[4:]),
		Delay:     binary.BigEndian.Uint32(b[8:]),
		Window:    binary.BigEndian.Uint32(b[12:]),
		Seq:       binary.BigEndian.Uint16(b[16:]),
		Ack:       binary.BigEndian.Uint16(b[18:]),
	}
	ext, rest := b[1], b[HeaderSize:]
	for ext != extensionEnd {
		if len(rest) < extensionHeader {
			return errExtension
		}
		next, n := rest[0], int(rest[1])
		if rest = rest[extensionHeader:]; n > len(rest) {
			return errExtension
		}
		switch ext {
		case extensionSack:
			p.SelectiveAck = rest[:n:n]
		case extensionPadding:
			p.Padding += extensionHeader + n
		default:
			// BEP 29: "Unknown extensions can be skipped by simply advancing len bytes."
		}
		ext, rest = next, rest[n:]
	}
	p.Payload = rest
	return nil
}

// Size is the length of the datagram, in bytes.
func (p *Packet) Size() int {
	n := HeaderSize + p.Padding + len(p.Payload)
	if len(p.SelectiveAck) > 0 {
		n += extensionHeader + len(p.SelectiveAck)
	}
	return n
}

// Append writes the datagram. SelectiveAck may have [MaxSelectiveAck] bytes at most.
func (p *Packet) Append(b []byte) []byte {
	var h [HeaderSize]byte
	h[0] = byte(p.Type)<<4 | version
	switch {
	case len(p.SelectiveAck) > 0:
		h[1] = extensionSack
	case p.Padding > 0:
		h[1] = extensionPadding
	}
	binary.BigEndian.PutUint16(h[2:], p.ConnID)
	binary.BigEndian.PutUint32(h[4:], p.Timestamp)
	binary.BigEndian.PutUint32(h[8:], p.Delay)
	binary.BigEndian.PutUint32(h[12:], p.Window)
	binary.BigEndian.PutUint16(h[16:], p.Seq)
	binary.BigEndian.PutUint16(h[18:], p.Ack)
	b = append(b, h[:]...)
	if len(p.SelectiveAck) > 0 {
		next := byte(extensionEnd)
		if p.Padding > 0 {
			next = extensionPadding
		}
		b = append(b, next, byte(len(p.SelectiveAck)))
		b = append(b, p.SelectiveAck...)
	}
	return append(appendPadding(b, p.Padding), p.Payload...)
}

// appendPadding writes as many extensions as make n bytes.
func appendPadding(b []byte, n int) []byte {
	for n > 0 {
		k := min(n, extensionHeader+maxExtension)
		if n-k == 1 {
			k-- // there is no extension of one byte
		}
		next := byte(extensionPadding)
		if n -= k; n == 0 {
			next = extensionEnd
		}
		var zeros [maxExtension]byte
		b = append(b, next, byte(k-extensionHeader))
		b = append(b, zeros[:k-extensionHeader]...)
	}
	return b
}

// Acked yields, in order, how far behind Ack the packets lie that a selective acknowledgement says are received. BEP 29: "The
// first bit in the mask therefore represents ack_nr + 2."
func Acked(mask []byte) func(yield func(offset uint16) bool) {
	return func(yield func(uint16) bool) {
		for i, m := range mask {
			for ; m != 0; m &= m - 1 {
				if !yield(uint16(2 + 8*i + bits.TrailingZeros8(m))) {
					return
				}
			}
		}
	}
}

// Looks reports whether a datagram on a shared port is for uTP, by its first byte and its length.
func Looks(pkt []byte) bool {
	return len(pkt) >= HeaderSize && pkt[0]&0xf == version && Type(pkt[0]>>4) <= Syn
}
