package sockets

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// addrs remembers where peers are accepted: it is asked for with every description of an object, and asking the system
// takes a while.
type addrs struct {
	mu   sync.Mutex
	at   time.Time
	list []netip.AddrPort
}

// addrsKept is how long the system is not asked again.
const addrsKept = 10 * time.Second

// Addrs are the real addresses at which peers are accepted: a wildcard stands for each address of this machine.
func (s *Sockets) Addrs() []netip.AddrPort {
	if len(s.listeners) == 0 {
		return nil
	}
	a := &s.own
	now := s.cfg.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at.IsZero() || now.Sub(a.at) >= addrsKept || now.Before(a.at) {
		a.at, a.list = now, s.look()
	}
	return slices.Clone(a.list)
}

func (s *Sockets) look() []netip.AddrPort {
	var list []netip.AddrPort
	for _, l := range s.listeners {
		a := netx.AddrPort(l.Addr())
		if !a.Addr().IsUnspecified() {
			list = append(list, a)
			continue
		}
		own, err := s.cfg.Network.Addrs()
		if err != nil {
			continue
		}
		for _, ip := range own {
			if netx.Carries(a.Addr(), ip) && !ip.IsLinkLocalUnicast() {
				list = append(list, netip.AddrPortFrom(ip, a.Port()))
			}
		}
	}
	slices.SortFunc(list, netip.AddrPort.Compare)
	return slices.Compact(list)
}
