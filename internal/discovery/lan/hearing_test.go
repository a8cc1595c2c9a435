package lan_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/lan"
)

func peerAt(n int, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), port)
}

func TestOwnAnnouncesAreNotHeeded(t *testing.T) {
	h := lan.NewHearing("mine")
	if h.Heed(epoch, peerAt(1, 1), "mine") || !h.Heed(epoch, peerAt(1, 1), "") || !h.Heed(epoch, peerAt(1, 1), "other") {
		t.Error("own cookie")
	}
}

func TestFloodOfOneNeighbour(t *testing.T) {
	h := lan.NewHearing("mine")
	n := 0
	for i := range 10_000 {
		if h.Heed(epoch.Add(time.Duration(i)*time.Millisecond), peerAt(1, 1), "x") {
			n++
		}
	}
	if n < 30 || n > 40 {
		t.Errorf("heeded %d in ten seconds", n)
	}
	if !h.Heed(epoch.Add(10*time.Second), peerAt(2, 1), "x") {
		t.Error("another one is not heard")
	}
}

func TestPortsOfOneNeighbour(t *testing.T) {
	h := lan.NewHearing("mine")
	now, ports := epoch, 0
	for i := range 200 {
		now = epoch.Add(time.Duration(i) * 2 * time.Second)
		if h.Heed(now, peerAt(1, uint16(i+1)), "x") {
			ports++
		}
	}
	if ports != 16 {
		t.Error(ports)
	}
	if now = now.Add(2 * time.Second); !h.Heed(now, peerAt(1, 1), "x") {
		t.Error("a known port is not heard")
	}
	if now = now.Add(10 * time.Minute); !h.Heed(now, peerAt(1, 5000), "x") {
		t.Error("a new port is not heard later")
	}
}

func TestTooManyNeighbours(t *testing.T) {
	h := lan.NewHearing("mine")
	n := 0
	for i := range 5000 {
		if h.Heed(epoch, peerAt(i, 1), "x") {
			n++
		}
	}
	if n != 256 {
		t.Error(n)
	}
	if !h.Heed(epoch, peerAt(0, 1), "x") {
		t.Error("a known one is not heard")
	}
	if !h.Heed(epoch.Add(11*time.Minute), peerAt(6000, 1), "x") {
		t.Error("the silent are not forgotten")
	}
}
