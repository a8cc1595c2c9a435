package peer

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// HolepunchKind tells the messages of ut_holepunch apart.
type HolepunchKind uint8

// The kinds by their number on the wire. HolepunchUnknown stands for all others.
const (
	Rendezvous       HolepunchKind = 0 // to the relay: "Send connect messages to both the initiating peer and target peer"
	Connect          HolepunchKind = 1 // of the relay: "Initiate a uTP connection to designated endpoint"
	HolepunchFailed  HolepunchKind = 2 // of the relay: "Rendezvous operation cannot be completed"
	HolepunchUnknown HolepunchKind = 255
)

// String is the name that BEP 55 gives the kind.
func (k HolepunchKind) String() string {
	if int(k) < len(holepunchNames) {
		return holepunchNames[k]
	}
	return "unknown"
}

var holepunchNames = [...]string{"rendezvous", "connect", "error"}

// HolepunchError is why a rendezvous did not come about, in the words of the relay.
type HolepunchError uint32

// The errors by their number on the wire.
const (
	NoSuchPeer   HolepunchError = 1 // "The target endpoint is invalid."
	NotConnected HolepunchError = 2 // "The relaying peer is not connected to the target peer."
	NoSupport    HolepunchError = 3 // "The target peer does not support the holepunch extension."
	NoSelf       HolepunchError = 4 // "The target endpoint belongs to the relaying peer."
)

// Error implements error.
func (e HolepunchError) Error() string {
	if e >= NoSuchPeer && e <= NoSelf {
		return "no rendezvous: " + holepunchReasons[e-NoSuchPeer]
	}
	return fmt.Sprintf("no rendezvous: error %d", uint32(e))
}

var holepunchReasons = [...]string{
	"the target is no address", "the relay is not connected to the target", "the target punches no holes", "the target is the relay",
}

// Holepunch is a message of the extension ut_holepunch (BEP 55), by which two peers that nobody can connect to are brought
// together by a third that is connected to both. All of it is a stranger's claim.
//
// Its body is binary:
//
//	kind (1) | address type (1): 0 IPv4, 1 IPv6 | address (4 or 16) | port (2) | error (4)
type Holepunch struct {
	Kind HolepunchKind
	// Addr is the other end. It may be anything that fits, an address that nobody can have included.
	Addr netip.AddrPort
	// Err is the reason, in HolepunchFailed only; zero if none was given.
	Err HolepunchError
}

// The types of an address in a Holepunch message.
const (
	holepunchIPv4 = 0
	holepunchIPv6 = 1
)

// ParseHolepunch parses the body of an extended message with the id we gave to ut_holepunch. One of a kind or with a type of
// address that is not known is HolepunchUnknown, to be ignored. The error is not asked for where it would be 0: libtorrent leaves
// it out there.
func ParseHolepunch(body []byte) (Holepunch, error) {
	if len(body) < 2 {
		return Holepunch{}, errHolepunch
	}
	m := Holepunch{Kind: HolepunchKind(body[0])}
	size := 0
	switch body[1] {
	case holepunchIPv4:
		size = compact4
	case holepunchIPv6:
		size = compact6
	}
	if m.Kind > HolepunchFailed || size == 0 {
		return Holepunch{Kind: HolepunchUnknown}, nil
	}
	body = body[2:]
	if len(body) < size {
		return Holepunch{}, errHolepunch
	}
	ip, _ := netip.AddrFromSlice(body[:size-2])
	m.Addr = netip.AddrPortFrom(ip, binary.BigEndian.Uint16(body[size-2:]))
	if body = body[size:]; m.Kind == HolepunchFailed && len(body) >= 4 {
		m.Err = HolepunchError(binary.BigEndian.Uint32(body))
	}
	return m, nil
}

const errHolepunch = ProtocolError("ut_holepunch message is too short")

// AppendHolepunch appends the extended message m, which is of a known kind, under the id that the receiver gave to ut_holepunch.
func AppendHolepunch(b []byte, id uint8, m Holepunch) []byte {
	b, start := beginExtended(b, id)
	kind := byte(holepunchIPv4)
	if m.Addr.Addr().Is6() {
		kind = holepunchIPv6
	}
	b = appendCompact(append(b, byte(m.Kind), kind), m.Addr)
	// BEP 55, of err_code: "error code as a big-endian 4-byte integer; 0 in non-error messages".
	b = binary.BigEndian.AppendUint32(b, uint32(m.Err))
	return endExtended(b, start)
}
