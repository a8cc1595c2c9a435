package bittorrent

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func hashRange(i int) peer.HashRequest { return peer.HashRequest{Index: uint32(i) * 2, Length: 2} }

func TestHashesFromThePeer(t *testing.T) {
	c := begin(all, 10)
	for i := range maxHashRequests {
		if got := c.HashRoom(); got != maxHashRequests-i {
			t.Errorf("room %d", got)
		}
		c.RequestHashes(hashRange(i))
		c.RequestHashes(hashRange(i)) // on its way already
	}
	if m := parse(t, c.TakeOut(epoch, nil)); len(m) != maxHashRequests || m[3].Hash != hashRange(3) {
		t.Errorf("%+v", m)
	}
	answer := peer.Message{Type: peer.Hashes, Hash: hashRange(3), Payload: make([]byte, 64)}
	if e := hear(t, c, answer); e.Kind != HashesArrived || e.Hash != hashRange(3) || len(e.Payload) != 64 {
		t.Errorf("%+v", e)
	}
	if e := hear(t, c, answer); e.Kind != None {
		t.Errorf("hashes that nobody asked for: %+v", e)
	}
	if e := hear(t, c, peer.Message{Type: peer.HashReject, Hash: hashRange(4)}); e.Kind != HashesRejected || c.HashRoom() != 2 {
		t.Errorf("%+v, room %d", e, c.HashRoom())
	}
}

func TestHashesForThePeer(t *testing.T) {
	c := begin(all, 10)
	if e := hear(t, c, peer.Message{Type: peer.HashRequested, Hash: hashRange(1)}); e.Kind != HashesRequested || e.Hash != hashRange(1) {
		t.Errorf("%+v", e)
	}
	c.SendHashes(hashRange(1), make([]metainfo.HashV2, 2))
	c.RejectHashes(hashRange(2))
	says(t, c, "hashes", "hash reject")
	asks(t, c, peer.Message{Type: peer.HashRequested, Hash: hashRange(1)}, func() { c.SendHashes(hashRange(1), make([]metainfo.HashV2, 512)) })
}

func TestHashesNeedV2(t *testing.T) {
	c := begin(Config{Fast: true}, 10)
	if c.HashRoom() != 0 || c.V2() {
		t.Error("a v1 connection is asked for hashes")
	}
	for _, typ := range []peer.Type{peer.HashRequested, peer.Hashes, peer.HashReject} {
		refuses(t, c, only(typ))
	}
}

// Payload begins when a peer that begins with hash requests has made no more of them for a while, and never pauses again.
func TestPayloadWaitsForHashes(t *testing.T) {
	c := serving(t, all, 2)
	ask := func(at time.Duration) {
		hearAt(t, c, after(at), peer.Message{Type: peer.HashRequested, Hash: hashRange(1)})
	}
	ask(0)
	ask(hashPause / 2)
	for _, tt := range []struct {
		at, held time.Duration // held 0: not at all
		ask      bool
		want     int
	}{
		{at: hashPause / 2, held: hashPause * 3 / 2},
		{at: hashPause, held: hashPause * 3 / 2},
		{at: hashPause * 3 / 2, want: 1},
		{at: hashPause * 2, ask: true, want: 1},
	} {
		if tt.ask {
			ask(tt.at)
		}
		until := c.HeldUntil(after(tt.at))
		if tt.held == 0 && !until.IsZero() || tt.held > 0 && until != after(tt.held) {
			t.Errorf("at %v held until %v", tt.at, until)
		}
		if got := c.TakeUploads(after(tt.at), nil, BlockSize); len(got) != tt.want {
			t.Errorf("at %v: %v", tt.at, got)
		}
	}
}
