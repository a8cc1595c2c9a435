package bittorrent

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestArrivals(t *testing.T) {
	sh := New(Config{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i, c := range []struct {
		from string
		utp  bool
	}{{"10.0.0.1", false}, {"fe80::1", false}, {"127.0.0.1", false}, {"5.6.7.8", false}, {"5.6.7.9", false}, {"2a00:1::1", false}, {"5.6.7.8", true}} {
		sh.arrivals.note(at.Add(time.Duration(i)*time.Second), netip.MustParseAddr(c.from), c.utp)
	}
	want := []Arrivals{{false, false, 2, at.Add(4 * time.Second)}, {true, false, 1, at.Add(5 * time.Second)}, {false, true, 1, at.Add(6 * time.Second)}}
	if got := sh.Arrivals(); !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestKnockingIsNoArrival: whoever tries our port without being a peer proves nothing, nor do we who reach ourselves.
func TestKnockingIsNoArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100_000)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "5.6.7.1", s, options{has: true, encryption: mse.Prefer})
		seed.connect(w.Host("5.6.7.2")).Close()
		p := seed.connect(w.Host("5.6.7.3"))
		p.send([]byte("GET / HTTP/1.0\r\nUser-Agent: somebody that looks for open ports\r\n\r\n"))
		p.hangup()
		mirror := seed.connect(w.Host("5.6.7.4"))
		mirror.send(wire.AppendHandshake(nil, wire.Handshake{InfoHash: v1Name(s), PeerID: seed.object.Swarm.OwnID()}))
		mirror.hangup()
		synctest.Wait()
		if got := seed.shell.Arrivals(); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		r := newRig(t, w, "5.6.7.6", s, options{encryption: mse.Prefer})
		r.object.Swarm.Found(swarm.FromDHT, seed.addr)
		r.fetched(s)
		if got := seed.shell.Arrivals(); len(got) != 1 || got[0].Count != 1 {
			t.Errorf("%+v", got)
		}
	})
}
