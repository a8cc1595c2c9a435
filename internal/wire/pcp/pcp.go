// Package pcp is the codec of the Port Control Protocol (RFC 6887), by which a host asks the router or firewall before it to
// let others in at a port. Datagrams go to UDP port 5351 of the router; numbers are big endian, IPv4 addresses are in their
// IPv6-mapped form.
//
//	request                                         answer
//	+--------+-+--------+-----------------+         +--------+-+--------+--------+--------+
//	| vers 2 |0| opcode |    reserved     |         | vers 2 |1| opcode |reserved| result |
//	+--------+-+--------+-----------------+         +--------+-+--------+--------+--------+
//	|        lifetime in seconds          |         |         lifetime in seconds         |
//	+-------------------------------------+         +-------------------------------------+
//	|                                     |         |         epoch in seconds            |
//	|         the asking host's           |         +-------------------------------------+
//	|         address, 16 bytes           |         |                                     |
//	|                                     |         |         reserved, 12 bytes          |
//	+-------------------------------------+         +-------------------------------------+
//
// ANNOUNCE (opcode 0) has nothing more. MAP (opcode 1) goes on, in both directions, and options may follow:
//
//	+-------------------------------------+
//	|           nonce, 12 bytes           |
//	+--------+----------------------------+
//	|protocol|     reserved, 3 bytes      |
//	+--------+---------+------------------+
//	|  internal port   |  external port   |
//	+------------------+------------------+
//	|     external address, 16 bytes      |
//	+-------------------------------------+
package pcp

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Port is where a router is asked, over UDP.
const Port = 5351

// MaxSize bounds a message. RFC 6887: "a maximum UDP payload length of 1100 octets".
const MaxSize = 1100

// version is that of RFC 6887. An answer of another version is not PCP; version 0 is NAT-PMP.
const version = 2

// Opcode is what is asked for.
type Opcode uint8

// Opcodes of a request. The answer's has the highest bit set, which Parse takes off.
const (
	Announce Opcode = iota
	Map
)

// Numbers of protocols that can be mapped, as IANA has them.
const (
	TCP uint8 = 6
	UDP uint8 = 17
)

const (
	answerBit  = 0x80
	headerSize = 24
	mapSize    = 36
)

// Result is how the router answered.
type Result uint8

// Results of RFC 6887, section 7.4.
const (
	Success Result = iota
	UnsupportedVersion
	NotAuthorized
	MalformedRequest
	UnsupportedOpcode
	UnsupportedOption
	MalformedOption
	NetworkFailure
	NoResources
	UnsupportedProtocol
	UserExceededQuota
	CannotProvideExternal
	AddressMismatch
	ExcessiveRemotePeers
)

// String says it in words that a user understands.
func (r Result) String() string {
	switch r {
	case Success:
		return "success"
	case UnsupportedVersion:
		return "the router speaks another version of PCP"
	case NotAuthorized:
		return "the router does not allow mappings"
	case NetworkFailure:
		return "the router has no address from the internet"
	case NoResources:
		return "the router has no room for another mapping"
	case UnsupportedOpcode, UnsupportedProtocol:
		return "the router does not know what is asked of it"
	case UserExceededQuota:
		return "the router gives this machine no more mappings"
	case CannotProvideExternal:
		return "the router cannot give the port"
	case AddressMismatch:
		return "there is another router in between"
	}
	return "the router answers with the error " + strconv.Itoa(int(r))
}

// Nonce tells the mappings of one client from those of all others.
type Nonce [12]byte

// Mapping is a MAP request.
type Mapping struct {
	Client   netip.Addr // from which the request is sent, and to which the mapping leads
	Nonce    Nonce
	Protocol uint8
	Internal uint16
	// Suggested is the external address and port that would suit; an unspecified address and port 0 leave it to the router.
	Suggested netip.AddrPort
	Lifetime  uint32 // in seconds; 0 removes the mapping
}

// Append writes the request.
func (m Mapping) Append(b []byte) []byte {
	b = appendHeader(b, Map, m.Lifetime, m.Client)
	b = append(b, m.Nonce[:]...)
	b = append(b, m.Protocol, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, m.Internal)
	b = binary.BigEndian.AppendUint16(b, m.Suggested.Port())
	return appendAddr(b, m.Suggested.Addr())
}

// AppendAnnounce writes a request that asks whether the router is still the one it was.
func AppendAnnounce(b []byte, client netip.Addr) []byte { return appendHeader(b, Announce, 0, client) }

func appendHeader(b []byte, op Opcode, lifetime uint32, client netip.Addr) []byte {
	b = append(b, version, byte(op), 0, 0)
	b = binary.BigEndian.AppendUint32(b, lifetime)
	return appendAddr(b, client)
}

// appendAddr writes an address; As16 makes IPv4 ones IPv6-mapped.
func appendAddr(b []byte, a netip.Addr) []byte {
	var raw [16]byte
	if a.IsValid() {
		raw = a.As16()
	}
	return append(b, raw[:]...)
}

// Answer is what a router says, asked or unasked.
type Answer struct {
	Opcode   Opcode
	Result   Result
	Lifetime uint32 // of the mapping, or of the error, in seconds
	Epoch    uint32 // seconds since the router has begun, or has lost its mappings

	// Of MAP:
	Nonce    Nonce
	Protocol uint8
	Internal uint16
	External netip.AddrPort
}

// FormatError says that a datagram is no answer of PCP.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "not an answer of PCP: " + e.Reason }

// Parse reads an answer. Options are ignored: we ask for none.
func Parse(b []byte) (Answer, error) {
	switch {
	case len(b) < headerSize:
		return Answer{}, &FormatError{"too short"}
	case b[0] != version:
		return Answer{}, &FormatError{"version " + strconv.Itoa(int(b[0]))}
	case b[1]&answerBit == 0:
		return Answer{}, &FormatError{"it is a request"}
	case len(b) > MaxSize || len(b)%4 != 0:
		// By section 8.3 a longer one is invalid, and one that is not a multiple of four bytes.
		return Answer{}, &FormatError{strconv.Itoa(len(b)) + " bytes"}
	}
	a := Answer{
		Opcode: Opcode(b[1] &^ answerBit), Result: Result(b[3]),
		Lifetime: binary.BigEndian.Uint32(b[4:]), Epoch: binary.BigEndian.Uint32(b[8:]),
	}
	switch a.Opcode {
	case Announce:
	case Map:
		if b = b[headerSize:]; len(b) < mapSize {
			return Answer{}, &FormatError{"too short"}
		}
		a.Nonce, a.Protocol = Nonce(b), b[12]
		a.Internal = binary.BigEndian.Uint16(b[16:])
		a.External = netip.AddrPortFrom(netip.AddrFrom16([16]byte(b[20:])).Unmap(), binary.BigEndian.Uint16(b[18:]))
	default:
		return Answer{}, &FormatError{"opcode " + strconv.Itoa(int(a.Opcode))}
	}
	return a, nil
}
