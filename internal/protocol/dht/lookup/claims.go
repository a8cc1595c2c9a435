package lookup

import (
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
)

// A share is how many nodes of one network a look-up has asked and not lost, at most: addresses are cheap for who has a whole
// network of them.
type share struct {
	network netip.AddrPort // the first address of the network, without a port; or an endpoint
	most    int
}

// sharesOf are the networks an address belongs to, the narrowest first.
func sharesOf(a netip.AddrPort) []share {
	ip := a.Addr().Unmap()
	within := func(bits int) netip.AddrPort {
		net, _ := ip.Prefix(bits)
		return netip.AddrPortFrom(net.Addr(), 0)
	}
	switch {
	case guard.IsLocal(ip): // nobody rents those, and many nodes may live on one machine
		return []share{{a, 1}}
	case ip.Is4():
		return []share{{within(24), 1}, {within(16), 8}}
	default:
		return []share{{within(64), 1}, {within(48), 4}, {within(32), 16}}
	}
}

// mostLost is how many nodes of the narrowest network may fail before it is left alone.
const mostLost = 8

// claims are the networks whose nodes a look-up has asked.
//
// A node that has failed gives its place back: otherwise whoever invents a node in somebody's network keeps that somebody
// from being asked.
type claims struct {
	held, lost map[netip.AddrPort]int
}

func newClaims() claims {
	return claims{held: make(map[netip.AddrPort]int), lost: make(map[netip.AddrPort]int)}
}

// free reports whether a candidate may be asked.
func (l claims) free(c *candidate) bool {
	for _, s := range c.shares {
		if l.held[s.network] >= s.most {
			return false
		}
	}
	return l.lost[c.shares[0].network] < mostLost
}

func (l claims) take(c *candidate) {
	for _, s := range c.shares {
		l.held[s.network]++
	}
}

func (l claims) release(c *candidate) {
	for _, s := range c.shares {
		l.held[s.network]--
	}
	l.lost[c.shares[0].network]++
}
