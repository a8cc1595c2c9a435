package bittorrent

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// withRuns is a conversation in which both sides have told how long a run they take.
func withRuns(t *testing.T, ours, theirs int) *Conversation {
	t.Helper()
	cfg := all
	cfg.Hello.Run = ours
	c := begin(cfg, 10)
	frame := peer.AppendExtHandshake(nil, peer.ExtHandshake{Run: theirs})
	hear(t, c, parse(t, frame)[0])
	return c
}

// saysRuns checks the requests sent: piece, first block and number of blocks of each.
func saysRuns(t *testing.T, c *Conversation, want ...string) {
	t.Helper()
	var got []string
	for _, m := range parse(t, c.TakeOut(epoch, nil)) {
		got = append(got, fmt.Sprintf("%v %d: %d+%.1f", m.Type, m.Index, m.Begin/BlockSize, float64(m.Length)/BlockSize))
	}
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestRequestsOfRuns(t *testing.T) {
	for _, tt := range []struct {
		ours, theirs int
		want         []string
	}{
		{4 * BlockSize, 9 * BlockSize, []string{"request 1: 0+4.0", "request 1: 4+2.0", "request 2: 6+1.0"}},
		{1 << 30, 3*BlockSize + 5, []string{"request 1: 0+3.0", "request 1: 3+3.0", "request 2: 6+1.0"}},
		{4 * BlockSize, 0, nil},
		{0, 4 * BlockSize, nil},
		{4 * BlockSize, 2*BlockSize - 1, nil},
		{4 * BlockSize, 1<<31 - 1, []string{"request 1: 0+4.0", "request 1: 4+2.0", "request 2: 6+1.0"}},
	} {
		c := withRuns(t, tt.ours, tt.theirs)
		var asked []Block
		for i := range 6 {
			asked = append(asked, blk(1, i))
		}
		asked = append(asked, blk(2, 6)) // a neighbour by number alone
		for _, b := range asked {
			c.Request(epoch, b)
		}
		if tt.want == nil {
			for _, b := range asked {
				tt.want = append(tt.want, fmt.Sprintf("request %d: %d+1.0", b.Piece, b.Begin/BlockSize))
			}
		}
		saysRuns(t, c, tt.want...)
		// They are seven requests all the same.
		if c.Pending() != 7 {
			t.Errorf("%d requests under way", c.Pending())
		}
		for _, b := range asked {
			if asked, err := c.Arriving(epoch, b); !asked || err != nil {
				t.Errorf("%v: %v, %v", b, asked, err)
			}
		}
	}
}

// TestRunsEnd: a request does not grow when it was taken to be sent, nor when something else was said since, nor by what does not
// follow it.
func TestRunsEnd(t *testing.T) {
	c := withRuns(t, peer.MaxRun, peer.MaxRun)
	c.Request(epoch, blk(1, 0))
	saysRuns(t, c, "request 1: 0+1.0")
	c.Request(epoch, blk(1, 1))
	c.SetInterested(true)
	c.Request(epoch, blk(1, 2))
	saysRuns(t, c, "request 1: 1+1.0", "interested 0: 0+0.0", "request 1: 2+1.0")
	c.Request(epoch, blk(1, 5))
	c.Request(epoch, blk(1, 7))
	c.Request(epoch, Block{1, 8 * BlockSize, 100}) // the end of the piece
	c.Request(epoch, Block{1, 8*BlockSize + 100, BlockSize})
	c.Cancel(blk(1, 7))
	saysRuns(t, c, "request 1: 5+1.0", "request 1: 7+1.0", "request 1: 8+1.0", "cancel 1: 7+1.0")
}

// TestServedInRuns: neighbours are sent as one, as far as the bytes, the peer and its rate allow.
func TestServedInRuns(t *testing.T) {
	serve := func(c *Conversation) {
		c.SetChoking(false)
		for _, i := range []int{0, 1, 2, 3, 4, 6, 7} {
			c.Admit(blk(1, i))
		}
	}
	c := withRuns(t, 4*BlockSize, 4*BlockSize)
	serve(c)
	if got := c.TakeUploads(epoch, nil, 2*BlockSize); !slices.Equal(got, []Block{blk(1, 0), blk(1, 1)}) {
		t.Errorf("nothing is known of its rate, and it is sent %v", got)
	}
	now := after(100 * time.Millisecond) // 32 KiB in it: a quarter of a second's worth are five blocks
	earlier := []Block{{9, 0, 5}}
	got := c.TakeUploads(now, earlier, 4*BlockSize)
	if want := []Block{{9, 0, 5}, {1, 2 * BlockSize, 3 * BlockSize}, blk(1, 6)}; !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if c.Uploaded() != 6*BlockSize {
		t.Errorf("%d bytes counted", c.Uploaded())
	}
	c = withRuns(t, 4*BlockSize, 0)
	serve(c)
	c.TakeUploads(epoch, nil, 2*BlockSize)
	if got := c.TakeUploads(now, nil, 2*BlockSize); len(got) != 2 {
		t.Errorf("%v for one that knows no runs", got)
	}
}

func TestIsRun(t *testing.T) {
	c := withRuns(t, 4*BlockSize, 1<<20)
	for _, tt := range []struct {
		m    peer.Message
		want bool
	}{
		{about(peer.Request, Block{1, 0, BlockSize}), false},
		{about(peer.Request, Block{1, 0, BlockSize + 1}), true},
		{about(peer.Cancel, Block{1, 0, 4 * BlockSize}), true},
		{about(peer.Reject, Block{1, 0, 4 * BlockSize}), true},
		{about(peer.Request, Block{1, 0, 4*BlockSize + 1}), false},
		{about(peer.Request, Block{1, 0, 1<<32 - 1}), false},
		{about(peer.Piece, Block{1, 0, 2 * BlockSize}), false},
		{about(peer.Have, Block{1, 0, 2 * BlockSize}), false},
	} {
		if c.IsRun(&tt.m) != tt.want {
			t.Errorf("%+v: %v", tt.m, !tt.want)
		}
	}
	m := about(peer.Request, Block{1, 0, 2 * BlockSize})
	if c := begin(all, 10); c.IsRun(&m) {
		t.Error("a run of one who has told of none")
	}
}
