package bittorrent

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestFlagsBeginAsBEP3Says(t *testing.T) {
	c := begin(all, 10)
	if !c.AmChoking() || !c.PeerChoking() || c.AmInterested() || c.PeerInterested() {
		t.Error(`"Connections start out choked and not interested"`)
	}
}

func TestFlagsOfThePeer(t *testing.T) {
	c := begin(all, 10)
	for _, step := range []struct {
		say  peer.Type
		want EventKind
		flag func() bool
		is   bool
	}{
		{peer.Choke, None, c.PeerChoking, true}, // no news
		{peer.Unchoke, Unchoked, c.PeerChoking, false},
		{peer.Unchoke, None, c.PeerChoking, false},
		{peer.Choke, Choked, c.PeerChoking, true},
		{peer.NotInterested, None, c.PeerInterested, false},
		{peer.Interested, Interested, c.PeerInterested, true},
		{peer.Interested, None, c.PeerInterested, true},
		{peer.NotInterested, NotInterested, c.PeerInterested, false},
	} {
		if e := hear(t, c, only(step.say)); e.Kind != step.want || step.flag() != step.is {
			t.Errorf("%v: event %d, flag %v", step.say, e.Kind, step.flag())
		}
	}
}

func TestOurFlagsAreSentWhenTheyAreNews(t *testing.T) {
	c := begin(all, 10)
	for range 2 {
		c.SetInterested(true)
		c.SetChoking(false)
	}
	says(t, c, "interested", "unchoke")
	for range 2 {
		c.SetInterested(false)
		c.SetChoking(true)
	}
	says(t, c, "not interested", "choke")
}

func TestChokeDropsOurRequests(t *testing.T) {
	for _, fast := range []bool{false, true} {
		c := begin(Config{Fast: fast}, 10)
		hear(t, c, only(peer.Unchoke))
		c.Request(epoch, blk(1, 0))
		c.Request(epoch, blk(1, 1))
		hear(t, c, only(peer.Choke))
		// With BEP 6 each is rejected by itself.
		if want := map[bool]int{false: 0, true: 2}[fast]; c.Pending() != want {
			t.Errorf("fast %v: %d requests pending, want %d", fast, c.Pending(), want)
		}
		if _, err := c.Arriving(epoch, blk(1, 0)); err != nil || c.down.stray != 0 {
			t.Errorf("fast %v: a block that crossed the choke is no stray: %v", fast, err)
		}
	}
}
