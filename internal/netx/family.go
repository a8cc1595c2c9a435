package netx

import "net/netip"

// Family restricts to one address family.
type Family uint8

// Families.
const (
	AnyFamily Family = iota
	IPv4
	IPv6
)

// Has reports whether an address is of the family.
func (f Family) Has(a netip.Addr) bool {
	return f == AnyFamily || (f == IPv4) == a.Unmap().Is4()
}

// String names the family as in a message to the user.
func (f Family) String() string {
	switch f {
	case IPv4:
		return "IPv4"
	case IPv6:
		return "IPv6"
	}
	return "any family"
}
