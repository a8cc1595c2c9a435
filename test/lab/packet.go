package lab

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/sys/unix"
)

// Flow is between whom a packet of TCP or UDP travels.
type Flow struct {
	Protocol Protocol
	From, To netip.AddrPort
}

// Protocol is the number of a transport protocol.
type Protocol uint8

// The protocols that have flows.
const (
	TCP Protocol = unix.IPPROTO_TCP
	UDP Protocol = unix.IPPROTO_UDP
)

// Flow is that of the packet; ok is false for what hosts say on their own accord, such as ARP and ICMP, and for fragments
// after the first.
func (p Packet) Flow() (f Flow, ok bool) {
	if len(p.Data) < ethernetHeader {
		return f, false
	}
	var from, to netip.Addr
	var ports []byte
	packet := p.Data[ethernetHeader:]
	switch kind := binary.BigEndian.Uint16(p.Data[12:]); {
	case kind == unix.ETH_P_IP && len(packet) >= 20 && binary.BigEndian.Uint16(packet[6:])&0x1fff == 0:
		header := int(packet[0]&15) * 4
		f.Protocol = Protocol(packet[9])
		from, _ = netip.AddrFromSlice(packet[12:16])
		to, _ = netip.AddrFromSlice(packet[16:20])
		ports = packet[min(header, len(packet)):]
	case kind == unix.ETH_P_IPV6 && len(packet) >= 40:
		f.Protocol = Protocol(packet[6])
		from, _ = netip.AddrFromSlice(packet[8:24])
		to, _ = netip.AddrFromSlice(packet[24:40])
		ports = packet[40:]
	}
	if f.Protocol != TCP && f.Protocol != UDP || len(ports) < 4 {
		return Flow{}, false
	}
	f.From = netip.AddrPortFrom(from, binary.BigEndian.Uint16(ports))
	f.To = netip.AddrPortFrom(to, binary.BigEndian.Uint16(ports[2:]))
	return f, true
}

// Flags are those of a TCP header (RFC 9293, 3.1).
type Flags uint8

// The flags that connections begin and end with.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	_
	ACK
)

func (f Flags) String() string {
	var names []string
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"} {
		if f>>i&1 == 1 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// Flags are those of a packet of TCP over IPv4; none of all others.
func (p Packet) Flags() Flags {
	if f, ok := p.Flow(); !ok || f.Protocol != TCP || f.From.Addr().Is6() {
		return 0
	}
	segment := p.Data[ethernetHeader+int(p.Data[ethernetHeader]&15)*4:]
	if len(segment) < 20 {
		return 0
	}
	return Flags(segment[13])
}

// String tells a packet as a trace of a network does.
func (p Packet) String() string {
	direction := "in"
	if p.Out {
		direction = "out"
	}
	s := fmt.Sprintf("%s %s %s", p.Time.Format("05.000000"), p.Iface, direction)
	if f, ok := p.Flow(); ok {
		s += fmt.Sprintf(" %v to %v %v", f.From, f.To, p.Flags())
	}
	return fmt.Sprintf("%s, %d bytes", s, len(p.Data))
}
