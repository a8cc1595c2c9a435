package addressbook

import (
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/identity"
)

// Pin is what is known of who is at an address: the key of a node. The zero Pin is nothing.
type Pin struct {
	Key identity.Key
	By  Origin // whose word it is; FromPeer: the node has proven it there itself
}

// Firm reports whether whoever gave us the address means that node and nobody else. Any other pin is a memory: addresses pass
// from one node to another.
func (p Pin) Firm() bool { return !p.Key.IsZero() && !p.By.hint() }

// Pin is what is known of who is at an address.
func (b *Book) Pin(addr netip.AddrPort) Pin {
	if e := b.table[unmap(addr)]; e != nil && e.pin != nil {
		return *e.pin
	}
	return Pin{}
}

// SetPin notes who is at an address of the book, unless somebody more trusted has said so.
func (b *Book) SetPin(addr netip.AddrPort, pin Pin) {
	e := b.table[unmap(addr)]
	if e == nil || pin.Key.IsZero() || e.pin != nil && e.pin.By < pin.By {
		return
	}
	e.pin = &pin
}

// Unpin forgets who was at an address, if that was only a memory.
func (b *Book) Unpin(addr netip.AddrPort) {
	if e := b.table[unmap(addr)]; e != nil && e.pin != nil && !e.pin.Firm() {
		e.pin = nil
	}
}
