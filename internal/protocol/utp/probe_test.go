package utp

import (
	"net/netip"
	"testing"
)

func TestProbing(t *testing.T) {
	m := newMTU(netip.MustParseAddr("192.0.2.1"), Path{})
	carries, now := 1234, start
	sizes := []int{}
	for m.done.IsZero() {
		pad := m.padding(now)
		if pad == 0 {
			break
		}
		m.sent()
		if m.padding(now) != 0 {
			t.Fatal("two probes at once")
		}
		if sizes = append(sizes, m.size+pad); m.size+pad <= carries {
			m.probeAcked()
		} else {
			m.probeLost()
		}
	}
	if m.size > carries || m.size < carries-probeStep || sizes[0] != ethernet4 || len(sizes) > 20 {
		t.Errorf("found %d by %v", m.size, sizes)
	}
	if now = now.Add(probeAgain - 1); m.padding(now) != 0 {
		t.Error("probes again")
	}
	if now = now.Add(1); m.padding(now) == 0 {
		t.Error("never probes again")
	}
	if m := newMTU(netip.MustParseAddr("2001:db8::1"), Path{}); m.size != 1232 || m.high != 1452 {
		t.Errorf("%+v", m)
	}
	if m := newMTU(netip.MustParseAddr("192.0.2.1"), Path{MaxDatagram: 1 << 20}); m.high != maxDatagram {
		t.Errorf("%+v", m)
	}
}

// TestBlackHole: that packets get lost is no reason to make them smaller, as long as others of their size pass.
func TestBlackHole(t *testing.T) {
	m := newMTU(netip.MustParseAddr("192.0.2.1"), Path{})
	m.padding(start)
	m.sent()
	m.probeAcked()
	large, small := m.payload(), m.floor/2
	for range 10 {
		m.timedOut(large)
		m.arrived(large)
		m.timedOut(small)
	}
	if m.size != ethernet4 {
		t.Fatalf("gave up large packets for small ones of %d", m.size)
	}
	m.timedOut(large)
	m.arrived(small)
	m.timedOut(large)
	if m.size != floor4 || m.high != ethernet4-1 || m.padding(start) == 0 {
		t.Errorf("does not look for what passes: %+v", m)
	}
}
