package krpc

import (
	"encoding/binary"
	"net/netip"
)

// Sizes of compact forms, in bytes: "4-byte IP address in network byte order with the 2 byte port in network byte order" for a
// peer (BEP 32: 16 bytes of address), with the 20-byte ID before it for a node.
const (
	PeerSize4 = 4 + 2
	PeerSize6 = 16 + 2
	NodeSize4 = IDSize + PeerSize4
	NodeSize6 = IDSize + PeerSize6
)

// A Node is somebody who takes part in the DHT: its ID and where it is reached by UDP.
type Node struct {
	ID   ID
	Addr netip.AddrPort
}

// AppendAddr writes an address in compact form: 6 bytes for IPv4, also if mapped into IPv6, 18 for IPv6.
func AppendAddr(b []byte, addr netip.AddrPort) []byte {
	b = append(b, addr.Addr().Unmap().AsSlice()...)
	return binary.BigEndian.AppendUint16(b, addr.Port())
}

// ParseAddr reads an address in compact form, 6 or 18 bytes. It reports false for any other length.
func ParseAddr(b []byte) (netip.AddrPort, bool) {
	if len(b) != PeerSize4 && len(b) != PeerSize6 {
		return netip.AddrPort{}, false
	}
	ip, _ := netip.AddrFromSlice(b[:len(b)-2])
	return netip.AddrPortFrom(ip.Unmap(), binary.BigEndian.Uint16(b[len(b)-2:])), true
}

// AppendNode writes a node in compact form: NodeSize4 or NodeSize6 bytes.
func AppendNode(b []byte, n Node) []byte {
	return AppendAddr(append(b, n.ID[:]...), n.Addr)
}

// ParseNodes reads nodes in compact form, size bytes each (NodeSize4 or NodeSize6), most of them at most. What does not fill
// a whole node at the end is left out, as is IPv4 dressed up as IPv6.
func ParseNodes(b []byte, size, most int) []Node {
	nodes := make([]Node, 0, min(len(b)/size, most))
	for ; len(b) >= size && len(nodes) < most; b = b[size:] {
		n := Node{ID: ID(b[:IDSize])}
		n.Addr, _ = ParseAddr(b[IDSize:size])
		if n.Addr.Addr().Is4() == (size == NodeSize4) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}
