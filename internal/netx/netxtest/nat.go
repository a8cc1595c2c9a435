package netxtest

import (
	"net/netip"
	"time"
)

// wayOpen is how long the way that a datagram took stays open for others, as RFC 4787 recommends it.
const wayOpen = 5 * time.Minute

// Shut has a host stand behind a NAT or firewall that lets nobody in: of datagrams those from where the host has sent one to, or
// has got one from, within five minutes; no streams, which are never answered. Open has it reached by everybody again.
func (h *Host) Shut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ways = make(map[netip.AddrPort]time.Time)
}

// Open ends Shut.
func (h *Host) Open() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ways = nil
}

// opens notes that the host sends to an endpoint, which may answer.
func (h *Host) opens(to netip.AddrPort) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ways != nil {
		h.ways[to] = time.Now()
	}
}

// lets reports whether a datagram from an endpoint gets to the host, which keeps the way open. The caller holds h.mu.
func (h *Host) lets(from netip.AddrPort) bool {
	if h.ways == nil || from.Addr().IsLoopback() {
		return true
	}
	taken, ok := h.ways[from]
	if !ok || time.Since(taken) >= wayOpen {
		return false
	}
	h.ways[from] = time.Now()
	return true
}
