package object

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/node/sockets"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// TestSavedOrigins: what an earlier run saved is dialled by the rules that let it in then, and offline not at all.
func TestSavedOrigins(t *testing.T) {
	rng := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	c, err := catalog.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), rand.NewChaCha8([32]byte{}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var rows []catalog.SavedPeer
	for _, p := range []struct {
		addr   string
		origin addressbook.Origin
	}{
		{"10.0.0.5:7000", swarm.FromUser}, {"10.0.0.6:7000", swarm.FromTracker}, {"10.0.0.7:7000", swarm.FromLAN},
		{"10.0.0.8:7000", swarm.FromPEX}, {"10.0.0.9:7000", swarm.FromPeer}, {"1.1.1.1:7000", swarm.FromPEX},
		{"1.1.1.1:80", swarm.FromPEX}, {"1.1.1.2:7000", 200},
	} {
		rows = append(rows, catalog.SavedPeer{Addr: netip.MustParseAddrPort(p.addr), Origin: uint8(p.origin), Key: identity.Key{byte(len(rows) + 1)}})
	}
	for name, tt := range map[string]struct {
		private, offline bool
		want             int
	}{"public": {want: 4}, "private": {private: true, want: 2}, "offline": {offline: true}} {
		r := catalog.Record{Kind: catalog.Shared, State: catalog.Seeding, Root: "/x", Private: tt.private}
		if r.ID, err = c.Add(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if err := c.SetSavedPeers(t.Context(), r.ID, rows); err != nil {
			t.Fatal(err)
		}
		o := New(&Rooms{
			Life: t.Context(), Now: time.Now, Log: slog.New(slog.DiscardHandler), Rand: rng, Catalog: c,
			Sockets: &sockets.Sockets{}, Offline: tt.offline, MaxPeers: 8, PeerID: func() (id [20]byte) { return id },
			Identity: func() *identity.Identity { return nil }, Stirring: NewStirring(),
		}, r, 0)
		o.recall()
		if got := o.Swarm.Snapshot(time.Now()).Known; got != tt.want {
			t.Errorf("%s: %d of %d are known", name, got, len(rows))
		}
		if pin := o.Swarm.Pin(rows[1].Addr); pin.Firm() || !tt.offline && pin.Key != rows[1].Key {
			t.Errorf("%s: at %v is %v", name, rows[1].Addr, pin)
		}
	}
}

// TestSavedSourceKnowsEveryOrigin: a new origin of addresses needs a rule here.
func TestSavedSourceKnowsEveryOrigin(t *testing.T) {
	for o := swarm.FromLink; o.Valid(); o++ {
		if _, known := savedSource(o); !known {
			t.Errorf("no rule for origin %d", o)
		}
	}
}
