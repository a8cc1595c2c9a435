package object

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// estranged tells the user that another node answers at an address than the one that is meant: somebody else has the address
// today, the node has a new home, or somebody stands in between. Nothing is exchanged with it.
func (o *Object) estranged(addr netip.AddrPort, why *identity.OtherKeyError) {
	text := fmt.Sprintf("%v has another key than the link says: %s... instead of %s...", addr, why.Got.Short(), why.Want.Short())
	o.mu.Lock()
	news := o.stranger != text
	o.stranger = text
	o.mu.Unlock()
	if news {
		o.rooms.Log.Warn("a peer is refused: another key than the link says", "id", o.ID, "peer", addr, "wanted", why.Want, "has", why.Got)
	}
}

// whyStranger is what the last such encounter has to say to an object that nobody gives anything.
func (o *Object) whyStranger() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stranger
}

// unseen are those of some URLs at which we say what we are after unseen by others: all of them, unless our policy is that
// everything is authenticated.
func (rs *Rooms) unseen(urls []string) []string {
	if rs.Encryption != mse.Authenticated {
		return urls
	}
	return slices.DeleteFunc(slices.Clone(urls), func(u string) bool {
		const scheme = "https:"
		return len(u) < len(scheme) || !strings.EqualFold(u[:len(scheme)], scheme)
	})
}
