package bittorrent

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// TestAllowedFastSet has the results of BEP 6's example implementation.
func TestAllowedFastSet(t *testing.T) {
	hash := [20]byte(bytes.Repeat([]byte{0xaa}, 20))
	seven := []int{1059, 431, 808, 1217, 287, 376, 1188}
	for _, tt := range []struct {
		name      string
		k, pieces int
		addr      string
		want      []int
	}{
		{"seven", 7, 1313, "80.4.4.200", seven},
		{"nine", 9, 1313, "80.4.4.200", append(slices.Clone(seven), 353, 508)},
		{"only the network counts", 7, 1313, "80.4.4.1", seven},
		{"IPv4 in IPv6", 7, 1313, "::ffff:80.4.4.200", seven},
		{"IPv6 has none", 7, 1313, "2001:db8::1", nil},
		{"no pieces", 7, 0, "80.4.4.200", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := AllowedFastSet(tt.k, tt.pieces, hash, netip.MustParseAddr(tt.addr)); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	few := AllowedFastSet(10, 4, hash, netip.MustParseAddr("80.4.4.200"))
	slices.Sort(few)
	if !slices.Equal(few, []int{0, 1, 2, 3}) {
		t.Errorf("of four pieces: %v", few)
	}
}

func TestFastMessages(t *testing.T) {
	c := begin(all, 10)
	c.Request(epoch, blk(1, 0))
	if e := hear(t, c, about(peer.Reject, blk(1, 0))); e.Kind != Rejected || e.Block != blk(1, 0) || c.Pending() != 0 {
		t.Errorf("%+v, %d pending", e, c.Pending())
	}
	if e := hear(t, c, about(peer.Reject, blk(1, 0))); e.Kind != None {
		t.Errorf("a reject of nothing: %+v", e)
	}
	c.TakeOut(epoch, nil)
	for i := range 11 {
		want := Suggested
		if i == 10 { // more than there are pieces
			want = None
		}
		if e := hear(t, c, peer.Message{Type: peer.Suggest, Index: 3}); e.Kind != want || want == Suggested && e.Block.Piece != 3 {
			t.Errorf("suggestion %d: %+v", i, e)
		}
	}
	c.Suggest(7)
	says(t, c, "suggest piece 7")
	for i := range maxAllowedFast + 1 {
		want := AllowedFast
		if i == maxAllowedFast {
			want = None
		}
		if e := hear(t, c, peer.Message{Type: peer.AllowedFast, Index: 3}); e.Kind != want {
			t.Errorf("number %d: %+v", i, e)
		}
	}
	for _, m := range []peer.Message{about(peer.Reject, blk(1, 0)), {Type: peer.Suggest}, {Type: peer.AllowedFast}} {
		refuses(t, begin(Config{}, 10), m)
		m.Index = 10
		refuses(t, begin(all, 10), m)
	}
	if e := hear(t, begin(all, -1), peer.Message{Type: peer.AllowedFast, Index: 3}); e.Kind != None {
		t.Errorf("before the metadata: %+v", e)
	}
}

// TestRejectAfterCancel: the peer confirms the cancel of a request that was made again since.
func TestRejectAfterCancel(t *testing.T) {
	c := begin(all, 10)
	c.Request(epoch, blk(1, 0))
	c.Cancel(blk(1, 0))
	c.Request(epoch, blk(1, 0))
	if e := hear(t, c, about(peer.Reject, blk(1, 0))); e.Kind != None || c.Pending() != 1 {
		t.Errorf("%+v, %d pending", e, c.Pending())
	}
	if e := hear(t, c, about(peer.Reject, blk(1, 0))); e.Kind != Rejected || c.Pending() != 0 {
		t.Errorf("%+v, %d pending", e, c.Pending())
	}
}

func TestAllowFast(t *testing.T) {
	c := begin(all, 10)
	c.AllowFast([]int{1, 2})
	says(t, c, "allowed fast 1", "allowed fast 2")
	if e := hear(t, c, about(peer.Request, blk(2, 0))); e.Kind != Requested {
		t.Errorf("an allowed piece: %+v", e)
	}
	hear(t, c, about(peer.Request, blk(3, 0)))
	says(t, c, "reject request 3+0")

	c = begin(Config{}, 10)
	c.AllowFast([]int{1})
	says(t, c)
	if e := hear(t, c, about(peer.Request, blk(1, 0))); e.Kind != None {
		t.Errorf("without BEP 6: %+v", e)
	}
}
