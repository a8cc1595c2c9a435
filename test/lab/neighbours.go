package lab

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// To is the address that an IP packet goes to; the zero address of other packets.
func (p Packet) To() netip.Addr {
	kind, packet := p.network()
	var to netip.Addr
	switch {
	case kind == unix.ETH_P_IP && len(packet) >= 20:
		to, _ = netip.AddrFromSlice(packet[16:20])
	case kind == unix.ETH_P_IPV6 && len(packet) >= 40:
		to, _ = netip.AddrFromSlice(packet[24:40])
	}
	return to
}

// BetweenNeighbours reports whether a packet is one that the kernel sends by itself on any interface that is up, whatever programs do: in
// order to know the hosts and routers next to it (ARP; ICMPv6 of RFC 4861), or to tell a router which groups it is in (MLD, RFC 2710
// and 3810).
func (p Packet) BetweenNeighbours() bool {
	const hopByHop = 0 // MLD has this header before it
	kind, packet := p.network()
	if kind == unix.ETH_P_ARP {
		return true
	}
	if kind != unix.ETH_P_IPV6 || len(packet) < 40 {
		return false
	}
	next, body := packet[6], packet[40:]
	if next == hopByHop && len(body) >= 2 {
		next, body = body[0], body[min(8*(1+int(body[1])), len(body)):]
	}
	if next != unix.IPPROTO_ICMPV6 || len(body) == 0 {
		return false
	}
	// 130 to 132 are MLD, 133 to 137 solicitations, advertisements and redirects, 143 is MLDv2.
	return body[0] >= 130 && body[0] <= 137 || body[0] == 143
}

// network is what an Ethernet frame carries, and which protocol that is of.
func (p Packet) network() (kind uint16, packet []byte) {
	if len(p.Data) < ethernetHeader {
		return 0, nil
	}
	return binary.BigEndian.Uint16(p.Data[12:]), p.Data[ethernetHeader:]
}
