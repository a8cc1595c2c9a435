package addressbook

import (
	"net/netip"
	"time"
)

// Bans are the addresses of proven liars, and until when they are refused.
type Bans map[netip.Addr]time.Time

const (
	maxBans = 4000
	// banFor is how long the address of a proven liar is refused.
	banFor = time.Hour
	// v6Network is the part of an IPv6 address that whoever has one address has to himself.
	v6Network = 64
)

// banned is the address under which ip is kept: for IPv6 its network.
func banned(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		p, _ := ip.Prefix(v6Network)
		return p.Addr()
	}
	return ip
}

// Add refuses ip from now on.
func (b Bans) Add(now time.Time, ip netip.Addr) {
	if len(b) >= maxBans {
		clear(b)
	}
	b[banned(ip)] = now.Add(banFor)
}

// until is when the ban of ip ends; the zero time if there is none.
func (b Bans) until(ip netip.Addr) time.Time {
	if len(b) == 0 {
		return time.Time{}
	}
	return b[banned(ip)]
}

// Has reports whether ip is banned.
func (b Bans) Has(now time.Time, ip netip.Addr) bool { return now.Before(b.until(ip)) }
