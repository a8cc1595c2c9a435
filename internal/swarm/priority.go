package swarm

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

// ownAddress is what peers say is our address, found by majority: each peer that we dialled has one vote. It is a hint that
// decides about nothing but the order of peers. BEP 40: "The client can use an IP address given via BEP 10 as a hint, but
// should not blindly trust it".
type ownAddress struct{ v4, v6 vote }

// vote finds the value of the majority in one pass: each vote for another value takes one of its votes away.
type vote struct {
	addr  netip.Addr
	count int
}

const (
	// mostVotes bounds the lead of a value, so that a new address of ours is believed soon.
	mostVotes = 8
	// enoughVotes is the lead from which on a value is believed.
	enoughVotes = 2
)

func (o *ownAddress) of(addr netip.Addr) *vote {
	if addr.Is4() {
		return &o.v4
	}
	return &o.v6
}

// hear counts a peer's word, and reports whether an address is believed now that was not before.
func (o *ownAddress) hear(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsValid() {
		return false
	}
	switch v := o.of(addr); {
	case v.addr == addr:
		v.count = min(v.count+1, mostVotes)
		return v.count == enoughVotes
	case v.count > 0:
		v.count--
	default:
		*v = vote{addr, 1}
	}
	return false
}

// rank is the priority of a peer at addr, if our own address of its family is known.
func (o *ownAddress) rank(addr netip.AddrPort, port uint16) (uint32, bool) {
	v := o.of(addr.Addr().Unmap())
	if v.count < enoughVotes {
		return 0, false
	}
	return Priority(netip.AddrPortFrom(v.addr, port), addr), true
}
