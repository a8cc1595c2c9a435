package netx

import (
	"encoding/binary"
	"net/netip"
)

// Scope says where an address reaches.
type Scope uint8

// Scopes, from the widest to the one that nothing may be sent to on the word of somebody else.
const (
	// Never is an address that no host of the internet has: unspecified, multicast, reserved, documentation, a
	// translation of a non-global IPv4 address, and the addresses at which clouds hand out credentials.
	Never Scope = iota
	// LinkLocal is an address of the local link only.
	LinkLocal
	// Loopback is this machine.
	Loopback
	// Private is an address of a local or provider network, or of an overlay.
	Private
	// Global is an address of the internet.
	Global
)

// String names the scope as in a message to the user.
func (s Scope) String() string {
	switch s {
	case LinkLocal:
		return "link-local"
	case Loopback:
		return "loopback"
	case Private:
		return "private"
	case Global:
		return "public"
	}
	return "reserved"
}

type prefixScope struct {
	prefix netip.Prefix
	scope  Scope
}

// The tables list what is not Global; the longest prefixes that make an exception come first. Sources: the IANA special
// purpose address registries and the clouds' pages on their metadata services.
var (
	scopes4 = []prefixScope{
		{netip.MustParsePrefix("100.100.100.200/32"), Never}, // Alibaba metadata, within CGNAT
		{netip.MustParsePrefix("168.63.129.16/32"), Never},   // Azure wire server, within public space
		{netip.MustParsePrefix("169.254.169.254/32"), Never}, // metadata of nearly every cloud
		{netip.MustParsePrefix("169.254.170.2/32"), Never},   // Amazon's credentials of a container task
		{netip.MustParsePrefix("169.254.170.23/32"), Never},  // Amazon's credentials of a pod
		{netip.MustParsePrefix("169.254.42.42/32"), Never},   // Scaleway metadata
		{netip.MustParsePrefix("169.254.0.23/32"), Never},    // Tencent metadata
		{netip.MustParsePrefix("0.0.0.0/8"), Never},
		{netip.MustParsePrefix("10.0.0.0/8"), Private},
		{netip.MustParsePrefix("100.64.0.0/10"), Private}, // RFC 6598, CGNAT
		{netip.MustParsePrefix("127.0.0.0/8"), Loopback},
		{netip.MustParsePrefix("169.254.0.0/16"), LinkLocal},
		{netip.MustParsePrefix("172.16.0.0/12"), Private},
		{netip.MustParsePrefix("192.0.0.0/24"), Never}, // RFC 6890; 192.0.0.192 is Oracle metadata
		{netip.MustParsePrefix("192.0.2.0/24"), Never}, // RFC 5737
		{netip.MustParsePrefix("192.88.99.0/24"), Never},
		{netip.MustParsePrefix("192.168.0.0/16"), Private},
		{netip.MustParsePrefix("198.18.0.0/15"), Private}, // RFC 2544; proxies map public names into it
		{netip.MustParsePrefix("198.51.100.0/24"), Never},
		{netip.MustParsePrefix("203.0.113.0/24"), Never},
		{netip.MustParsePrefix("224.0.0.0/3"), Never}, // multicast, reserved, broadcast
	}
	scopes6 = []prefixScope{
		{netip.MustParsePrefix("fd00:ec2::/32"), Never},       // Amazon metadata
		{netip.MustParsePrefix("fd00:c1::/32"), Never},        // Oracle metadata
		{netip.MustParsePrefix("fd00:42::42/128"), Never},     // Scaleway metadata
		{netip.MustParsePrefix("fd20:ce::254/128"), Never},    // Google metadata
		{netip.MustParsePrefix("fe80::a9fe:a9fe/128"), Never}, // OpenStack metadata
		{netip.MustParsePrefix("::1/128"), Loopback},
		{netip.MustParsePrefix("200::/7"), Private}, // Yggdrasil
		{netip.MustParsePrefix("fc00::/7"), Private},
		{netip.MustParsePrefix("fec0::/10"), Private},
		{netip.MustParsePrefix("fe80::/10"), LinkLocal},
		{netip.MustParsePrefix("2001:2::/48"), Never},  // RFC 5180
		{netip.MustParsePrefix("2001:10::/27"), Never}, // ORCHID and ORCHIDv2
		{netip.MustParsePrefix("2001:db8::/32"), Never},
		{netip.MustParsePrefix("3fff::/20"), Never}, // RFC 9637
		{netip.MustParsePrefix("2000::/3"), Global},
		{netip.MustParsePrefix("::/0"), Never}, // not assigned, and the dead ::/96 form of IPv4
	}
)

// embeddings are the IPv6 prefixes whose addresses lead to an IPv4 address.
var embeddings = []struct {
	prefix netip.Prefix
	offset int  // of the IPv4 address
	flip   bool // its bits are inverted
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12, false},   // RFC 6052, NAT64
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12, false}, // RFC 8215, local NAT64
	{netip.MustParsePrefix("2002::/16"), 2, false},       // RFC 3056, 6to4
	{netip.MustParsePrefix("2001::/32"), 12, true},       // RFC 4380, Teredo
}

// ScopeOf says where an address reaches, whatever form it is written in.
func ScopeOf(a netip.Addr) Scope {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return Never
	}
	if a.Is4() {
		return lookup(scopes4, a, Global)
	}
	for _, e := range embeddings {
		if !e.prefix.Contains(a) {
			continue
		}
		b := a.As16()
		v4 := binary.BigEndian.Uint32(b[e.offset:])
		if e.flip {
			v4 = ^v4
		}
		// RFC 6052: the prefix "MUST NOT be used to represent non-global IPv4 addresses". Nor has any of the others a
		// use for them but to get around a filter.
		if inner := netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, v4))); ScopeOf(inner) != Global {
			return Never
		}
		return Global
	}
	return lookup(scopes6, a, Never)
}

func lookup(table []prefixScope, a netip.Addr, rest Scope) Scope {
	for _, p := range table {
		if p.prefix.Contains(a) {
			return p.scope
		}
	}
	return rest
}
