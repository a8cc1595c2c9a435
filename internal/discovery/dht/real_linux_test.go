package dht_test

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/netx"
	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// real starts a runner at a real address that knows some nodes.
func real(t *testing.T, at netip.AddrPort, known []netip.AddrPort) *dht.Runner {
	t.Helper()
	nw := netx.System(netx.Options{})
	conn, err := nw.ListenUDP(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	r := dht.New(dht.Config{
		Sockets: []netx.PacketConn{conn}, Network: nw, Port: at.Port, Seed: [32]byte(append(at.Addr().AsSlice(), make([]byte, 28)...)),
		Log: slog.New(slog.DiscardHandler), Panicked: func(p any) { t.Error("panic:", p) },
	})
	r.Contact(known...)
	ctx, stop := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-gone
	})
	return r
}

// TestItemsWithLibtorrent: what either side puts the other gets, whoever keeps it: mutable items with their versions, and
// immutable ones (BEP 44).
func TestItemsWithLibtorrent(t *testing.T) {
	netns.Need(t)
	const theirs, ours = 4, 8 // most of what is put is kept by us
	var their, our []netip.AddrPort
	for i := range theirs {
		their = append(their, peers.At(netns.Public(1+i)))
	}
	var runners []*dht.Runner
	for i := range ours {
		our = append(our, peers.At(netns.Public(1+theirs+i)))
		runners = append(runners, real(t, our[i], their))
	}
	crowd := peers.StartDHT(t, our, their...)
	one, two := runners[0], runners[1]
	peers.Wait(t, peers.Patience, "ours to have met", func() (bool, any) {
		st := two.Stats()[0].Sides[0]
		return st.State == core.Joined && st.Good >= 8 && one.Stats()[0].Sides[0].Good >= 8, st
	})
	_, owner, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, salt := []byte(owner.Public().(ed25519.PublicKey)), []byte("some salt")
	put := func(item krpc.Item, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if taken, newer, err := one.Put(t.Context(), item); taken < 8 || newer != nil || err != nil {
			t.Fatalf("%d took it; newer %v; %v", taken, newer, err)
		}
	}

	put(krpc.Sign(owner, salt, []byte("5:first"), 1))
	if value, seq := crowd.Mutable(t, key, salt); value != "first" || seq != 1 {
		t.Errorf("libtorrent got %q, %d", value, seq)
	}
	if stored := crowd.PutMutable(t, owner.Seed(), key, salt, "second"); stored < 8 {
		t.Errorf("libtorrent put it to %d nodes", stored)
	}
	if got, err := two.Get(t.Context(), key, salt); err != nil || string(got.Value) != "6:second" || got.Seq != 2 {
		t.Errorf("we got %q, %d, %v", got.Value, got.Seq, err)
	}
	put(krpc.Sign(owner, salt, []byte("5:third"), 3))
	if value, seq := crowd.Mutable(t, key, salt); value != "third" || seq != 3 {
		t.Errorf("libtorrent got %q, %d", value, seq)
	}
	old, err := krpc.Sign(owner, salt, []byte("3:old"), 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, newer, err := two.Put(t.Context(), old); err != nil || newer == nil || newer.Seq != 3 {
		t.Errorf("an old one: newer %v, %v", newer, err)
	}

	fixed := krpc.Item{Value: []byte("5:fixed")}
	put(fixed, nil)
	if got := crowd.Value(t, fixed.Target()); got != "fixed" {
		t.Errorf("libtorrent got %q", got)
	}
	target, stored := crowd.PutValue(t, "libtorrent's")
	if stored < 8 {
		t.Errorf("libtorrent put it to %d nodes", stored)
	}
	if got := crowd.Value(t, target); got != "libtorrent's" {
		t.Errorf("libtorrent got %q back", got)
	}
	kept := 0
	for _, r := range runners {
		kept += r.Stats()[0].Items
	}
	if kept < 3*4 {
		t.Errorf("we keep %d items: this proves little", kept)
	}
}
