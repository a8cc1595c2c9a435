package addressbook

import (
	"hash/crc32"
	"net/netip"
	"slices"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Priority is BEP 40's canonical priority of a connection between two addresses: both ends compute the same number, so
// that a swarm in which everyone prefers the greater ones is well mixed, and who fills our table with connections gets no
// more of it than his share of all addresses.
//
// BEP 40: "priority = crc32-c(sort(masked_client_ip, masked_peer_ip))".
func Priority(a, b netip.AddrPort) uint32 {
	x, y := a.Addr().Unmap(), b.Addr().Unmap()
	if x == y {
		// BEP 40: "If the IP addresses are the same, the port numbers (16-bit integers) should be used instead".
		lo, hi := min(a.Port(), b.Port()), max(a.Port(), b.Port())
		return crc32.Checksum([]byte{byte(lo >> 8), byte(lo), byte(hi >> 8), byte(hi)}, castagnoli)
	}
	xs, ys := masked(x, y), masked(y, x)
	if slices.Compare(xs, ys) > 0 {
		xs, ys = ys, xs
	}
	return crc32.Checksum(append(xs, ys...), castagnoli)
}

// masked blurs an address the more the farther it is from the other.
//
// BEP 40: "For an IPv4 address, the mask to be used should be FF.FF.55.55 unless the IP addresses are in the same /16. In
// that case, the mask to be used should be FF.FF.FF.55. If the IP addresses are in the same /24, the entire address should
// be used". "For an IPv6 address, the mask should be derived in the same way", from the same /48 on, byte by byte.
func masked(addr, other netip.Addr) []byte {
	b, o := addr.AsSlice(), other.AsSlice()
	keep := 2
	if addr.Is6() {
		keep = 6
	}
	for len(b) == len(o) && keep < len(b) && slices.Equal(b[:keep], o[:keep]) {
		keep++
	}
	for i := keep; i < len(b); i++ {
		b[i] &= 0x55
	}
	return b
}
