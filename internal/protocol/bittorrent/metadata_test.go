package bittorrent

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// metadataMessage is what the peer sends us under the id we gave.
func metadataMessage(m peer.MetadataMessage) peer.Message {
	b := peer.AppendMetadata(nil, localMetadata, m)
	return peer.Message{Type: peer.Extended, Payload: b[5:]}
}

// knower is a conversation with a peer that has metadata of 40,000 bytes and calls ut_metadata 3.
func knower(t *testing.T) *Conversation {
	t.Helper()
	c := begin(all, -1)
	hear(t, c, extended(0, "d1:md11:ut_metadatai3ee13:metadata_sizei40000ee"))
	return c
}

func TestMetadataSize(t *testing.T) {
	for _, tt := range []struct {
		hello string
		want  int
	}{
		{"de", 0},
		{"d13:metadata_sizei5ee", 0}, // without the extension it cannot be asked
		{"d1:md11:ut_metadatai0ee13:metadata_sizei5ee", 0},
		{"d1:md11:ut_metadatai3ee13:metadata_sizei5ee", 5},
		{"d1:md11:ut_metadatai3ee13:metadata_sizei33554433ee", 0},
		{"d1:md11:ut_metadatai3ee13:metadata_sizei-1ee", 0},
	} {
		c := begin(all, -1)
		hear(t, c, extended(0, tt.hello))
		if got := c.MetadataSize(); got != tt.want {
			t.Errorf("%s: %d", tt.hello, got)
		}
	}
}

func TestMetadataFromThePeer(t *testing.T) {
	c := knower(t)
	c.RequestMetadata(0)
	c.RequestMetadata(1)
	c.RequestMetadata(1) // on its way already
	says(t, c, "extended 3", "extended 3")
	data := metadataMessage(peer.MetadataMessage{Kind: peer.MetadataData, Piece: 1, TotalSize: 40000, Data: []byte("x")})
	if e := hear(t, c, data); e.Kind != MetadataArrived || e.Block.Piece != 1 || string(e.Payload) != "x" {
		t.Errorf("%+v", e)
	}
	if e := hear(t, c, data); e.Kind != None {
		t.Errorf("a piece that nobody asked for: %+v", e)
	}
	reject := metadataMessage(peer.MetadataMessage{Kind: peer.MetadataReject})
	if e := hear(t, c, reject); e.Kind != MetadataRejected || e.Block.Piece != 0 {
		t.Errorf("%+v", e)
	}
	if e := hear(t, c, reject); e.Kind != None {
		t.Errorf("%+v", e)
	}
	if e := hear(t, c, extended(localMetadata, "d8:msg_typei7e5:piecei0ee")); e.Kind != None {
		t.Errorf("an unknown type: %+v", e)
	}
	refuses(t, c, extended(localMetadata, "x"))
}

func TestMetadataForThePeer(t *testing.T) {
	c := knower(t)
	ask := metadataMessage(peer.MetadataMessage{Kind: peer.MetadataRequest, Piece: 2})
	if e := hear(t, c, ask); e.Kind != MetadataRequested || e.Block.Piece != 2 {
		t.Errorf("%+v", e)
	}
	c.SendMetadata(2, 40000, []byte("data"))
	c.RejectMetadata(3)
	var got []peer.MetadataMessage
	for _, m := range parse(t, c.TakeOut(epoch, nil)) {
		if m.Payload[0] != 3 {
			t.Errorf("id %d is not the one that the peer gave", m.Payload[0])
		}
		msg, err := peer.ParseMetadata(m.Payload[1:])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, msg)
	}
	if len(got) != 2 || got[0].Kind != peer.MetadataData || got[0].TotalSize != 40000 || string(got[0].Data) != "data" ||
		got[1].Kind != peer.MetadataReject || got[1].Piece != 3 {
		t.Errorf("%+v", got)
	}
	c = begin(all, -1) // has no ut_metadata
	c.SendMetadata(0, 1, []byte("x"))
	says(t, c)
}

// asks has a peer ask and read nothing until it is sent away, which must be before much waits for it. What is read sets it right.
func asks(t *testing.T, c *Conversation, ask peer.Message, answer func()) {
	t.Helper()
	for n := range 10_000 {
		e, err := c.Receive(epoch, ask)
		if err != nil {
			if n < mostRefused {
				t.Errorf("sent away after %d requests", n)
			}
			break
		}
		if e.Kind != None {
			answer()
		}
	}
	if c.Backlog() > 2*fullBacklog {
		t.Errorf("%d bytes wait", c.Backlog())
	}
	if _, err := c.Receive(epoch, ask); err == nil {
		t.Error("it is not sent away")
	}
	c.out = c.TakeOut(epoch, nil)
	if _, err := c.Receive(epoch, ask); err != nil {
		t.Errorf("after it has read: %v", err)
	}
}

// TestAnswersAreBounded: a peer that asks and does not read must not make us hold more and more.
func TestAnswersAreBounded(t *testing.T) {
	c := knower(t)
	block := make([]byte, peer.MetadataBlock)
	ask := metadataMessage(peer.MetadataMessage{Kind: peer.MetadataRequest})
	asks(t, c, ask, func() { c.SendMetadata(0, 40000, block) })
	out := c.TakeOut(epoch, nil)
	c.TakeOut(epoch, out)
	if cap(c.out) > keepSpare {
		t.Errorf("a buffer of %d bytes is kept", cap(c.out))
	}
}

// TestAllMetadataAtOnce: who asks for all of a large dictionary at once is given all of it, and of a small one no more than that.
func TestAllMetadataAtOnce(t *testing.T) {
	for _, size := range []int{mostBacklog, 16 << 10} {
		c, waits := knower(t), 0
		for i := range 2 * mostBacklog / peer.MetadataBlock {
			ask := metadataMessage(peer.MetadataMessage{Kind: peer.MetadataRequest, Piece: i % (size / peer.MetadataBlock)})
			if e := hear(t, c, ask); e.Kind == MetadataRequested {
				waits += peer.MetadataBlock
				c.SendMetadata(e.Block.Piece, size, make([]byte, peer.MetadataBlock))
			}
		}
		if want := max(size, fullBacklog); waits < want-peer.MetadataBlock || waits > want+peer.MetadataBlock {
			t.Errorf("%d bytes of %d wait for a peer that reads nothing", waits, size)
		}
	}
}
