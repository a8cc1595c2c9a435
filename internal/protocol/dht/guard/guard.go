// Package guard keeps others from abusing a DHT node: against whom, and how much. It knows addresses and bytes, and no
// message.
//
//   - [Tokens] are the write tokens of BEP 5: who stores something under an address has received what was sent there.
//   - [Limits] bound what one address, and one network of addresses, may ask in a second.
//   - [Proof] remembers the addresses that are not forged. Until an address has proven itself, no reply is more than
//     [Amplification] times as long as the request.
//
// What it remembers is bounded however many addresses an attacker makes up. It is pure: the clock and the randomness are
// handed in. Nothing here is safe for concurrent use.
package guard

import "net/netip"

// These many leading bits of an address are one network: likely to be in one hand.
const (
	networkBits4 = 24
	networkBits6 = 64
)

// NetworkOf is the /24 or /64 an address lies in.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := networkBits6
	if a.Is4() {
		bits = networkBits4
	}
	p, _ := a.Prefix(bits) // fails for the zero address, whose network is the zero prefix
	return p
}

// IsLocal reports whether an address belongs to this machine or a network around it. BEP 42 exempts these, and so do the
// rules that see one hand behind neighbouring addresses: in a local network everybody is a neighbour.
func IsLocal(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast()
}

// Usable reports whether a datagram may be sent there because somebody says that a node is there: an address of a single host
// and a port. Who tells of it must be at least as near: an address of a local network counts only if it comes from one.
func Usable(a netip.AddrPort, teller netip.Addr) bool {
	ip := a.Addr()
	switch {
	case a.Port() == 0, !ip.IsValid(), ip.IsUnspecified(), ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return false
	case ip.IsLoopback():
		return teller.IsLoopback()
	case IsLocal(ip):
		return IsLocal(teller)
	}
	return true
}
