package netx

import "net/netip"

// PeerSource says from whom an address of a peer came.
type PeerSource uint8

// Sources of addresses.
const (
	FromPublic         PeerSource = iota // DHT, PEX, a tracker at a public address: anyone can put anything there
	FromPrivateTracker                   // a tracker that itself is at a private or loopback address
	FromLAN                              // LAN discovery
	FromLink                             // x.pe of a link
	FromUser                             // --peer
)

// TrackerSource is the source of peers named by a tracker whose address is of that scope.
func TrackerSource(tracker Scope) PeerSource {
	if tracker == Global {
		return FromPublic
	}
	return FromPrivateTracker
}

// lowestPublicPort keeps strangers from pointing a swarm at a service: what listens below is never a peer.
const lowestPublicPort = 1024

// AcceptPeer reports whether an address may be dialled as a peer. Own lists the addresses under which we are reachable
// ourselves; with port 0 one stands for all its ports.
//
// DESIGN 4.9: "Private peers are accepted only from private trackers, LAN discovery, x.pe and --peer."
func AcceptPeer(source PeerSource, peer netip.AddrPort, own []netip.AddrPort) bool {
	peer = unmap(peer)
	addr := peer.Addr()
	if !addr.IsValid() || peer.Port() == 0 || addr.IsUnspecified() || addr.IsMulticast() {
		return false
	}
	for _, o := range own {
		if unmap(o).Addr() == addr && (o.Port() == peer.Port() || o.Port() == 0) {
			return false
		}
	}
	switch scope := ScopeOf(addr); source {
	case FromUser:
		return true
	case FromLink, FromLAN:
		return scope != Never
	case FromPrivateTracker:
		return scope == Global || scope == Private || scope == Loopback
	default:
		return scope == Global && peer.Port() >= lowestPublicPort
	}
}
