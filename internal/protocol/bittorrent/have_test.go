package bittorrent

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func have(i uint32) peer.Message { return peer.Message{Type: peer.Have, Index: i} }

func bitfield(b ...byte) peer.Message { return peer.Message{Type: peer.Bitfield, Payload: b} }

func TestHavesOfThePeer(t *testing.T) {
	for _, tt := range []struct {
		say  peer.Message
		want EventKind
	}{
		{have(9), Have}, {bitfield(0xff, 0xc0), HaveBitfield}, {only(peer.HaveAll), HaveAll}, {only(peer.HaveNone), HaveNone},
	} {
		c := begin(all, 10)
		if e := hear(t, c, tt.say); e.Kind != tt.want || tt.want == Have && e.Block.Piece != 9 {
			t.Errorf("%v: %+v", tt.say.Type, e)
		}
	}
	refuses(t, begin(all, 10), have(10))
	refuses(t, begin(all, 10), have(1<<32-1))
	for _, short := range []peer.Type{peer.HaveAll, peer.HaveNone} {
		refuses(t, begin(Config{}, 10), only(short))
	}
	for _, first := range []peer.Message{bitfield(0, 0), only(peer.HaveAll), only(peer.HaveNone)} {
		c := begin(all, 10)
		hear(t, c, first)
		// aria2 sends one more when it has its first pieces; a flood of them is something else.
		for range maxBitfields - 1 {
			hear(t, c, bitfield(0, 0))
		}
		refuses(t, c, bitfield(0, 0))
	}
}

func TestHavesBeforeTheMetadata(t *testing.T) {
	for _, tt := range []struct {
		name string
		say  []peer.Message
		want []byte // nil: the peer lied
	}{
		{"nothing", nil, []byte{0, 0}},
		{"none", []peer.Message{only(peer.HaveNone), have(2)}, []byte{0x20, 0}},
		{"all", []peer.Message{only(peer.HaveAll)}, []byte{0xff, 0xc0}},
		{"bitfield and haves", []peer.Message{bitfield(0x80, 0), have(9), have(9)}, []byte{0x80, 0x40}},
		{"bitfield of another size", []peer.Message{bitfield(0x80)}, nil},
		{"spare bits", []peer.Message{bitfield(0, 0x20)}, nil},
		{"have beyond the end", []peer.Message{have(10)}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := begin(all, -1)
			for _, m := range tt.say {
				if e := hear(t, c, m); e.Kind != None {
					t.Errorf("%v: event %d", m.Type, e.Kind)
				}
				// The payload is a view into the shell's buffer.
				clear(m.Payload)
			}
			got, err := c.Learn(10)
			if (err == nil) != (tt.want != nil) {
				t.Fatal(err)
			}
			if err == nil && string(got.Bytes()) != string(tt.want) {
				t.Errorf("%x", got.Bytes())
			}
			if err == nil && (c.have.bitfield != nil || c.have.pieces != nil) {
				t.Error("what was said early is kept for ever")
			}
		})
	}
}

func TestEarlyHavesAreBounded(t *testing.T) {
	c := begin(all, -1)
	for range maxEarlyHaves + 10 {
		hear(t, c, have(1))
	}
	if len(c.have.pieces) != maxEarlyHaves {
		t.Errorf("%d kept", len(c.have.pieces))
	}
}

func TestSendHave(t *testing.T) {
	none := content.NewBitmap(10)
	some := content.NewBitmap(10)
	some.Set(9)
	full := content.NewBitmap(10)
	full.SetAll()
	for _, tt := range []struct {
		name string
		fast bool
		have content.Bitmap
		want []string
	}{
		{"none", false, none, nil},
		{"some", false, some, []string{"bitfield 0040"}},
		{"all", false, full, []string{"bitfield ffc0"}},
		{"none, fast", true, none, []string{"have none"}},
		{"some, fast", true, some, []string{"bitfield 0040"}},
		{"all, fast", true, full, []string{"have all"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := begin(Config{Fast: tt.fast}, 10)
			if c.SentHave() {
				t.Error("sent before")
			}
			c.SendHave(&tt.have)
			says(t, c, tt.want...)
			if !c.SentHave() {
				t.Error("not sent")
			}
			c.AnnouncePiece(3)
			says(t, c, "have 3")
		})
	}
}

func TestSendHaveNothing(t *testing.T) {
	c := begin(all, -1)
	c.SendHaveNothing()
	says(t, c, "have none")
	c = begin(Config{}, -1)
	c.SendHaveNothing()
	says(t, c)
	if !c.SentHave() {
		t.Error("not sent")
	}
}
