package bind

import (
	"net/netip"
	"slices"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// choose finds the interface that is meant, and the addresses to use of it: one of each family, those of before as long as it has
// them. Problem is why it cannot be used, as one says it of the interface.
func choose(to string, all []netx.Interface, before netx.Interface) (now netx.Interface, problem string) {
	addr, err := netip.ParseAddr(to)
	named := err != nil
	addr = addr.Unmap()
	i := slices.IndexFunc(all, func(i netx.Interface) bool {
		return named && i.Name == to || !named && slices.Contains(i.Addrs, addr)
	})
	switch {
	case i < 0 && named:
		return now, "is not there"
	case i < 0:
		return now, "is no address of this machine"
	case !all[i].Up:
		return now, "is down"
	}
	now = all[i]
	now.Addrs = nil
	if !named {
		now.Addrs = []netip.Addr{addr}
		return now, ""
	}
	for _, is4 := range []bool{true, false} {
		var best netip.Addr
		for _, a := range all[i].Addrs {
			if a.Is4() != is4 || a.IsLinkLocalUnicast() || a.IsMulticast() {
				continue
			}
			old := before.Name == now.Name && slices.Contains(before.Addrs, a)
			if old || !best.IsValid() || netx.ScopeOf(a) == netx.Global && netx.ScopeOf(best) != netx.Global {
				best = a
			}
			if old {
				break
			}
		}
		if best.IsValid() {
			now.Addrs = append(now.Addrs, best)
		}
	}
	if len(now.Addrs) == 0 {
		return now, "has no address"
	}
	return now, ""
}

// same reports whether sockets that were opened for one interface are right for the other.
func same(a, b netx.Interface) bool {
	return a.Name == b.Name && a.Index == b.Index && slices.Equal(a.Addrs, b.Addrs)
}
