package bittorrent

import (
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// serving is an unchoked conversation with blocks 0 to n-1 of piece 1 queued.
func serving(t *testing.T, cfg Config, n int) *Conversation {
	t.Helper()
	c := begin(cfg, 10)
	c.SetChoking(false)
	c.TakeOut(epoch, nil)
	for i := range n {
		e := hear(t, c, about(peer.Request, blk(1, i)))
		if e.Kind != Requested || e.Block != blk(1, i) {
			t.Fatalf("%+v", e)
		}
		c.Admit(e.Block)
	}
	return c
}

func TestRequestsOutOfBounds(t *testing.T) {
	for _, b := range []Block{{10, 0, 1}, {1 << 31, 0, 1}, {0, 0, 0}, {0, 0, maxRequestLength + 1}, {0, 0, 1<<32 - 1}} {
		c := serving(t, all, 0)
		refuses(t, c, about(peer.Request, b))
	}
	refuses(t, begin(all, -1), about(peer.Request, blk(0, 0)))
}

func TestRequestsWhileChoked(t *testing.T) {
	c := begin(all, 10)
	hear(t, c, about(peer.Request, blk(1, 0)))
	says(t, c, "reject request 1+0")
	c = begin(Config{Reqq: 10}, 10)
	hear(t, c, about(peer.Request, blk(1, 0)))
	says(t, c) // without BEP 6 there is no way to say so
}

func TestQueueIsBounded(t *testing.T) {
	c := serving(t, Config{Fast: true, Reqq: 3}, 3)
	if e := hear(t, c, about(peer.Request, blk(2, 0))); e.Kind != None || c.Queued() != 3 {
		t.Errorf("%+v, %d queued", e, c.Queued())
	}
	says(t, c, "reject request 2+0")
	c.Refuse(blk(3, 0))
	says(t, c, "reject request 3+0")
}

func TestCancel(t *testing.T) {
	c := serving(t, all, 3)
	hear(t, c, about(peer.Cancel, blk(1, 1)))
	hear(t, c, about(peer.Cancel, blk(1, 7))) // answered already, most likely
	says(t, c, "reject request 1+1")
	if got := c.TakeUploads(epoch, nil, 1<<20); !slices.Equal(got, []Block{blk(1, 0), blk(1, 2)}) {
		t.Errorf("%v", got)
	}
}

func TestChokeEmptiesTheQueue(t *testing.T) {
	c := serving(t, all, 2)
	c.AllowFast([]int{2})
	hear(t, c, about(peer.Request, blk(2, 0)))
	c.Admit(blk(2, 0))
	c.TakeOut(epoch, nil)
	c.SetChoking(true)
	// BEP 6: "A peer SHOULD choke first and then reject requests".
	says(t, c, "choke", "reject request 1+0", "reject request 1+1")
	if got := c.TakeUploads(epoch, nil, 1<<20); !slices.Equal(got, []Block{blk(2, 0)}) {
		t.Errorf("allowed fast: %v left", got)
	}

	c = serving(t, Config{Reqq: 10}, 2)
	c.SetChoking(true)
	says(t, c, "choke")
	if c.Queued() != 0 {
		t.Errorf("%d queued", c.Queued())
	}
}

func TestTakeUploads(t *testing.T) {
	c := serving(t, all, 5)
	if !c.HasOut() {
		t.Error("uploads wait and nobody is told")
	}
	for _, tt := range []struct{ max, want int }{{2 * BlockSize, 2}, {1, 1}, {BlockSize * 3 / 2, 1}, {1 << 20, 1}, {1 << 20, 0}} {
		if got := c.TakeUploads(epoch, nil, tt.max); len(got) != tt.want {
			t.Errorf("%d bytes: %v", tt.max, got)
		}
	}
	if c.Uploaded() != 5*BlockSize || c.UpRate(after(time.Second)) != 5*BlockSize || c.HasOut() {
		t.Errorf("%d bytes, %v a second", c.Uploaded(), c.UpRate(after(time.Second)))
	}
}
