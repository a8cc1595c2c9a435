package addressbook

import "net/netip"

// ownAddress is our own address in each family, as far as it is known. It is a hint that decides about nothing but the order
// of peers.
type ownAddress struct{ v4, v6 netip.Addr }

func (o *ownAddress) of(addr netip.Addr) *netip.Addr {
	if addr.Is4() {
		return &o.v4
	}
	return &o.v6
}

// IsOurs reports whether we listen at an address, as far as we know.
func (b *Book) IsOurs(addr netip.AddrPort) bool {
	addr = unmap(addr)
	if e := b.table[addr]; e != nil && e.phase == ourselves {
		return true
	}
	own := *b.own.of(addr.Addr())
	return own.IsValid() && addr == netip.AddrPortFrom(own, b.port)
}

// rank is the priority of a peer at addr, if our own address of its family is known.
func (o *ownAddress) rank(addr netip.AddrPort, port uint16) (uint32, bool) {
	own := *o.of(addr.Addr().Unmap())
	if !own.IsValid() {
		return 0, false
	}
	return Priority(netip.AddrPortFrom(own, port), addr), true
}
