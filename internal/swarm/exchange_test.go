package swarm

import (
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/pex"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// TestWhoIsToldByExchange: of every peer whose address is known, whether it exchanges peers or not, others are told what it
// is at that time; and of nobody else.
func TestWhoIsToldByExchange(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	s := w.leech().swarm
	told := func() map[string]wire.PEXFlags {
		newcomer := pex.NewPartner(w.now, netip.MustParseAddr("192.0.2.99"), netip.AddrPort{})
		m, _ := s.exchange.Tell(w.now.Add(time.Minute), newcomer)
		s.exchange.Part(newcomer)
		all := map[string]wire.PEXFlags{}
		for _, p := range m.Added {
			all[p.Addr.String()] = p.Flags
		}
		return all
	}
	expect := func(what string, want map[string]wire.PEXFlags) {
		t.Helper()
		if got := told(); !maps.Equal(got, want) {
			t.Errorf("%s: told %v, want %v", what, got, want)
		}
	}

	silent := join(t, s, w.now, 1)
	expect("a peer that has not said where it listens", map[string]wire.PEXFlags{})
	tell(t, s, w.now, silent, hello(wire.ExtHandshake{Port: 7001, Encrypts: true, M: map[string]uint8{wire.ExtHolepunch: 4}}))
	j := stranger(2)
	j.Outgoing, j.UTP, j.Remote.Reserved = true, true, wire.Reserved{}
	dialled, err := s.Join(w.now, j)
	if err != nil {
		t.Fatal(err)
	}
	expect("two peers", map[string]wire.PEXFlags{
		"192.0.2.1:7001": wire.PEXEncryption | wire.PEXHolepunch | wire.PEXUTP, j.Addr.String(): wire.PEXReachable | wire.PEXUTP,
	})

	tell(t, s, w.now, silent, wire.Message{Type: wire.HaveAll})
	if _, err := s.Tick(w.now, silent); err != nil {
		t.Fatal(err)
	}
	expect("one is complete", map[string]wire.PEXFlags{
		"192.0.2.1:7001": wire.PEXEncryption | wire.PEXHolepunch | wire.PEXUTP | wire.PEXSeed, j.Addr.String(): wire.PEXReachable | wire.PEXUTP,
	})
	s.Leave(w.now, silent, errGone)
	s.Leave(w.now, dialled, errGone)
	expect("both have left", map[string]wire.PEXFlags{})
}
