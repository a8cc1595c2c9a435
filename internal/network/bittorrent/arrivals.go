package bittorrent

import (
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Arrivals are the connections of one kind that others on the internet began, and on which a handshake was done: they prove that
// peers can reach us so.
type Arrivals struct {
	IPv6, UTP bool
	Count     int64
	Last      time.Time
}

// arrivals counts them, by kind.
type arrivals struct {
	mu   sync.Mutex
	list [4]Arrivals
}

// note counts a connection from an address; one from a local network proves nothing.
func (a *arrivals) note(now time.Time, from netip.Addr, utp bool) {
	if netx.ScopeOf(from) != netx.Global {
		return
	}
	kind := 0
	if from.Is6() {
		kind++
	}
	if utp {
		kind += 2
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list[kind] = Arrivals{from.Is6(), utp, a.list[kind].Count + 1, now}
}

// Arrivals are the kinds of connections that others on the internet began; those that did not occur are left out. What comes over
// uTP may have been met half-way (BEP 55).
func (sh *Shell) Arrivals() (list []Arrivals) {
	sh.arrivals.mu.Lock()
	defer sh.arrivals.mu.Unlock()
	for _, a := range sh.arrivals.list {
		if a.Count > 0 {
			list = append(list, a)
		}
	}
	return list
}
