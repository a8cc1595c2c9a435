package utp

import (
	"net/netip"
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

const (
	// What a path carries for certain: IPv4's smallest datagram that every host takes (576), IPv6's smallest MTU (1280), less
	// the headers of IP and UDP.
	floor4, floor6 = 576 - 20 - 8, 1280 - 40 - 8
	// What Ethernet carries.
	ethernet4, ethernet6 = 1500 - 20 - 8, 1500 - 40 - 8

	// probeTries is how often a size is tried: one probe may be lost for another reason.
	probeTries = 2
	// probeStep is when the search ends: as close as that is close enough, in bytes.
	probeStep = 16
	// probeAgain is when it starts anew, for paths change (RFC 8899, 5.1.1: PMTU_RAISE_TIMER).
	probeAgain = 10 * time.Minute
)

// mtu finds the largest datagram that the path carries. A probe is a data packet of the ordinary size, made larger by
// extensions that mean nothing: if it is lost it is sent again without them, so that a path that drops large packets without
// a word, and fragments too, holds nothing up. Libtorrent and libutp put data into probes, which then has to be fragmented.
type mtu struct {
	size    int // known to pass
	high    int // not known not to pass
	floor   int
	ceiling int
	tried   int       // size of the probe on its way or last lost
	lost    int       // how often tried was lost
	done    time.Time // when the search ended; zero while it goes on
	state   probeState
	silent  int // timeouts since a packet of this size arrived
}

type probeState uint8

const (
	probeNone probeState = iota
	probeInFlight
)

func newMTU(peer netip.Addr, p Path) mtu {
	floor, ceiling := floor4, ethernet4
	if peer.Is6() && !peer.Is4In6() {
		floor, ceiling = floor6, ethernet6
	}
	if p.MaxDatagram > 0 {
		ceiling = min(p.MaxDatagram, maxDatagram)
	}
	ceiling = max(ceiling, minDatagram)
	floor = min(floor, ceiling)
	return mtu{size: floor, high: ceiling, floor: floor, ceiling: ceiling}
}

// payload is how many bytes of the stream a full packet carries.
func (m *mtu) payload() int { return m.size - wire.HeaderSize }

// padding is by how much the next packet should be larger than the ordinary ones, to see whether it arrives; 0 for not at all.
func (m *mtu) padding(now time.Time) int {
	if !m.done.IsZero() && now.Sub(m.done) >= probeAgain {
		m.done, m.high, m.lost = time.Time{}, m.ceiling, 0
	}
	if m.state == probeInFlight || !m.done.IsZero() {
		return 0
	}
	if m.high-m.size < probeStep {
		m.done = now
		return 0
	}
	if m.lost == 0 {
		// The whole first: most paths are Ethernet all the way. Then halves.
		m.tried = m.high
		if m.high != m.ceiling {
			m.tried = (m.size + m.high + 1) / 2
		}
	}
	return m.tried - m.size
}

func (m *mtu) sent() { m.state = probeInFlight }

func (m *mtu) probeAcked() {
	m.state, m.lost = probeNone, 0
	m.size = max(m.size, m.tried)
	m.high = max(m.high, m.size)
}

func (m *mtu) probeLost() {
	m.state = probeNone
	if m.lost++; m.lost >= probeTries {
		m.high, m.lost = m.tried-1, 0
	}
}

// arrived says that a packet with so many bytes of payload was acknowledged.
func (m *mtu) arrived(payload int) {
	if payload >= m.payload() {
		m.silent = 0
	}
}

// timedOut says that a packet with so many bytes of payload was not acknowledged for long. When that happens again, and no packet of
// the size that did pass has passed since, it does not any more: back to what always does, and search below it.
func (m *mtu) timedOut(payload int) {
	if payload <= m.floor-wire.HeaderSize {
		return
	}
	if m.silent++; m.silent >= probeTries && m.size > m.floor {
		m.silent = 0
		m.high = m.size - 1
		m.size, m.lost, m.done = m.floor, 0, time.Time{}
	}
}
