// Package natpmp is the codec of NAT-PMP (RFC 6886), by which a host asks its router for its external address and for
// mappings of ports. Datagrams go to port 5351 of the router; numbers are big endian.
//
//	external address, request                    external address, answer
//	+---------+---------+                        +---------+---------+-------------------+
//	| vers 0  |  op 0   |                        | vers 0  | op 128  |      result       |
//	+---------+---------+                        +---------+---------+-------------------+
//	                                             |      seconds since start of epoch     |
//	                                             +---------------------------------------+
//	                                             |         external IPv4 address         |
//	                                             +---------------------------------------+
//	mapping, request                             mapping, answer
//	+---------+---------+-------------------+    +---------+---------+-------------------+
//	| vers 0  | op 1, 2 |     reserved      |    | vers 0  |129, 130 |      result       |
//	+---------+---------+-------------------+    +---------+---------+-------------------+
//	|   internal port   |  suggested port   |    |      seconds since start of epoch     |
//	+-------------------+-------------------+    +-------------------+-------------------+
//	|          lifetime in seconds          |    |   internal port   |   external port   |
//	+---------------------------------------+    +-------------------+-------------------+
//	                                             |          lifetime in seconds          |
//	                                             +---------------------------------------+
//
// Op 1 maps UDP, op 2 TCP. An answer that reports an error may end after the epoch.
package natpmp

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Port is where a router is asked, over UDP.
const Port = 5351

// Announcements is where hosts hear what a router says unasked: that it has begun anew, or has another address.
var Announcements = netip.MustParseAddrPort("224.0.0.1:5350")

// Op is what is asked for.
type Op uint8

// Ops of a request. The answer's has the highest bit set, which Parse takes off.
const (
	ExternalAddress Op = iota
	MapUDP
	MapTCP
)

const (
	version      = 0
	answerBit    = 0x80
	headerSize   = 8
	addressSize  = 12
	mappingSize  = 16
	shortestSize = 4 // version, op and result, which is all that some routers send with an error
)

// Result is how the router answered.
type Result uint16

// Results of RFC 6886, section 3.5.
const (
	Success Result = iota
	UnsupportedVersion
	NotAuthorized
	NetworkFailure
	OutOfResources
	UnsupportedOpcode
)

// String says it in words that a user understands.
func (r Result) String() string {
	switch r {
	case Success:
		return "success"
	case UnsupportedVersion:
		return "the router does not speak NAT-PMP"
	case NotAuthorized:
		return "the router does not allow mappings"
	case NetworkFailure:
		return "the router has no address from the internet"
	case OutOfResources:
		return "the router has no room for another mapping"
	case UnsupportedOpcode:
		return "the router does not know what is asked of it"
	}
	return "the router answers with the error " + strconv.Itoa(int(r))
}

// AppendExternalAddress writes a request for the external address.
func AppendExternalAddress(b []byte) []byte { return append(b, version, byte(ExternalAddress)) }

// Mapping is a request for a mapping.
type Mapping struct {
	Op        Op // MapUDP or MapTCP
	Internal  uint16
	Suggested uint16 // external port; 0: any
	Lifetime  uint32 // in seconds; 0 removes the mapping
}

// Append writes the request.
func (m Mapping) Append(b []byte) []byte {
	b = append(b, version, byte(m.Op), 0, 0)
	b = binary.BigEndian.AppendUint16(b, m.Internal)
	b = binary.BigEndian.AppendUint16(b, m.Suggested)
	return binary.BigEndian.AppendUint32(b, m.Lifetime)
}

// Answer is what a router says. Of an error only Op, Result and, if it is there, Epoch count.
type Answer struct {
	Op     Op
	Result Result
	Epoch  uint32 // seconds since the router has begun, or has lost its mappings

	Address netip.Addr // of ExternalAddress

	Internal, External uint16 // of a mapping
	Lifetime           uint32
}

// FormatError says that a datagram is no answer of NAT-PMP.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "not an answer of NAT-PMP: " + e.Reason }

// Parse reads an answer. What stands behind its end is ignored.
func Parse(b []byte) (Answer, error) {
	switch {
	case len(b) < shortestSize:
		return Answer{}, &FormatError{"too short"}
	case b[0] != version:
		return Answer{}, &FormatError{"version " + strconv.Itoa(int(b[0]))}
	case b[1]&answerBit == 0:
		return Answer{}, &FormatError{"it is a request"}
	}
	a := Answer{Op: Op(b[1] &^ answerBit), Result: Result(binary.BigEndian.Uint16(b[2:]))}
	if len(b) >= headerSize {
		a.Epoch = binary.BigEndian.Uint32(b[4:])
	}
	if a.Result != Success {
		return a, nil
	}
	switch a.Op {
	case ExternalAddress:
		if len(b) < addressSize {
			return Answer{}, &FormatError{"too short"}
		}
		a.Address = netip.AddrFrom4([4]byte(b[8:]))
	case MapUDP, MapTCP:
		if len(b) < mappingSize {
			return Answer{}, &FormatError{"too short"}
		}
		a.Internal = binary.BigEndian.Uint16(b[8:])
		a.External = binary.BigEndian.Uint16(b[10:])
		a.Lifetime = binary.BigEndian.Uint32(b[12:])
	default:
		return Answer{}, &FormatError{"op " + strconv.Itoa(int(a.Op))}
	}
	return a, nil
}
