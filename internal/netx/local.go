package netx

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// IsLocal reports whether an address is on the local network: on this machine or this link, of a range that only a private
// network uses (RFC 1918, RFC 4193), or, though it is global, in one of the networks that this machine is in. Providers'
// shared addresses (RFC 6598) and overlays are not: what goes there goes over the line.
func IsLocal(a netip.Addr, subnets []netip.Prefix) bool {
	a = a.Unmap().WithZone("")
	switch ScopeOf(a) {
	case LinkLocal, Loopback:
		return true
	case Private:
		if a.IsPrivate() {
			return true
		}
	case Never:
		return false
	}
	return slices.ContainsFunc(subnets, func(p netip.Prefix) bool { return p.Bits() > 0 && p.Contains(a) })
}

// subnetsKept is how long the system is not asked again for its networks.
const subnetsKept = 10 * time.Second

// LocalNetwork knows what is local to a machine whose addresses may change. It is safe for concurrent use.
type LocalNetwork struct {
	nw  Network
	now func() time.Time

	mu      sync.Mutex
	at      time.Time
	subnets []netip.Prefix
}

// NewLocalNetwork is that of the machine with the network nw.
func NewLocalNetwork(nw Network, now func() time.Time) *LocalNetwork {
	return &LocalNetwork{nw: nw, now: now}
}

// Has reports whether an address is on the local network now. See [IsLocal]. Behind a proxy none is: what goes to it goes over
// the line.
func (l *LocalNetwork) Has(a netip.Addr) bool {
	return !IsProxied(l.nw) && IsLocal(a, l.look())
}

// IsProxied reports whether everything goes through a proxy, at whose far end names are looked up.
func IsProxied(nw Network) bool {
	_, proxied := capable[NameDialer](nw)
	return proxied
}

func (l *LocalNetwork) look() []netip.Prefix {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.at.IsZero() || now.Sub(l.at) >= subnetsKept || now.Before(l.at) {
		l.at = now
		l.subnets, _ = l.nw.Subnets() // without them the ranges of private networks are still known
	}
	return l.subnets
}

// Subnets lists the networks that this machine's interfaces are in. See [Network].
func (s *system) Subnets() ([]netip.Prefix, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var subnets []netip.Prefix
	for _, a := range list {
		p, ok := subnetOf(a)
		if ok && p.IsValid() && (s.only == nil || slices.Contains(s.only.Addrs, p.Addr())) {
			subnets = append(subnets, p.Masked())
		}
	}
	return subnets, nil
}
