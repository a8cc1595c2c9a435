package lan

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

const (
	// maxNeighbours bounds the addresses of which an account is kept; further ones are not heard.
	maxNeighbours = 256
	// A neighbour may send hearBurst datagrams at once, and one more every hearPace.
	hearBurst = 30
	hearPace  = 2 * time.Second
	// maxPorts bounds the peers at one address, of which anybody may claim to be.
	maxPorts = 16
	// forgetAfter is how long a silent neighbour is remembered, and with it the ports.
	forgetAfter = 10 * time.Minute
)

// Hearing decides which announces are heeded: the local network is no more to be trusted than any other. It does no I/O,
// its clock is handed in, and it is not safe for concurrent use.
type Hearing struct {
	cookie     string
	neighbours map[netip.Addr]*neighbour
}

type neighbour struct {
	spent time.Time // what was heard would have kept the pace until then
	since time.Time // when the ports began to be counted
	ports []uint16
}

// NewHearing makes a hearing that knows its own announces by their cookie.
func NewHearing(cookie string) *Hearing {
	return &Hearing{cookie: cookie, neighbours: map[netip.Addr]*neighbour{}}
}

// Heed reports whether an announce of a peer is worth a look. BEP 14 on the cookie: "opaque value, allowing the sending
// client to filter out its own announces if it receives them via multicast loopback".
func (h *Hearing) Heed(now time.Time, peer netip.AddrPort, cookie string) bool {
	if cookie == h.cookie {
		return false
	}
	n := h.account(now, peer.Addr())
	if n == nil {
		return false
	}
	if n.spent.Before(now) {
		n.spent = now
	}
	if n.spent.Sub(now) > (hearBurst-1)*hearPace {
		return false
	}
	n.spent = n.spent.Add(hearPace)
	if now.Sub(n.since) >= forgetAfter {
		n.since, n.ports = now, nil
	}
	if !slices.Contains(n.ports, peer.Port()) {
		if len(n.ports) == maxPorts {
			return false
		}
		n.ports = append(n.ports, peer.Port())
	}
	return true
}

// account finds or opens that of a neighbour; nil if there are too many.
func (h *Hearing) account(now time.Time, a netip.Addr) *neighbour {
	n := h.neighbours[a]
	if n != nil {
		return n
	}
	if len(h.neighbours) >= maxNeighbours {
		for other, n := range h.neighbours {
			if now.Sub(n.spent) >= forgetAfter {
				delete(h.neighbours, other)
			}
		}
	}
	if len(h.neighbours) >= maxNeighbours {
		return nil
	}
	n = &neighbour{since: now}
	h.neighbours[a] = n
	return n
}

// onLink is how much of an IPv6 address all hosts of one network have in common.
const onLink = 64

// isLocal reports whether an address is one of the local network. A public IPv6 address is if one of ours is in the same
// network; own lists them. Multicast comes from nowhere else, but an address can be forged.
func isLocal(a netip.Addr, own func() ([]netip.Addr, error)) bool {
	switch netx.ScopeOf(a) {
	case netx.Private, netx.LinkLocal, netx.Loopback:
		return true
	case netx.Global:
		if !a.Is6() {
			return false
		}
		list, err := own()
		return err == nil && slices.ContainsFunc(list, func(o netip.Addr) bool {
			p, err := o.Prefix(onLink)
			return err == nil && o.Is6() && p.Contains(a)
		})
	}
	return false
}
