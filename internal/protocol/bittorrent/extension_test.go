package bittorrent

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// extended is an extended message with a body.
func extended(id byte, body string) peer.Message {
	return peer.Message{Type: peer.Extended, Payload: append([]byte{id}, body...)}
}

func TestOurHello(t *testing.T) {
	c := New(epoch, Config{Extended: true, Reqq: 2000, Hello: peer.ExtHandshake{Version: "potluck 1", Port: 7}}, -1)
	hello := func() peer.ExtHandshake {
		m := parse(t, c.TakeOut(epoch, nil))
		if len(m) != 1 || m[0].Type != peer.Extended || m[0].Payload[0] != peer.ExtHandshakeID {
			t.Fatalf("%+v", m)
		}
		h, err := peer.ParseExtHandshake(m[0].Payload[1:])
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	h := hello()
	if h.Version != "potluck 1" || h.Port != 7 || h.Reqq != 2000 || h.MetadataSize != 0 ||
		h.M[peer.ExtMetadata] != localMetadata || h.M[peer.ExtDontHave] != localDontHave {
		t.Errorf("%+v", h)
	}
	c.TellMetadata(12345)
	if h := hello(); h.MetadataSize != 12345 || h.Reqq != 2000 {
		t.Errorf("second hello: %+v", h)
	}
	c.TellMetadata(12345)
	says(t, c)

	c = New(epoch, Config{}, -1)
	c.TellMetadata(1)
	says(t, c)
	refuses(t, c, extended(0, "de"))
}

func TestTheirHello(t *testing.T) {
	c := begin(all, 10)
	if _, ok := c.Hello(); ok {
		t.Error("greeted before")
	}
	body := "d1:md11:ut_metadatai3e6:ut_pexi1ee13:metadata_sizei99e1:pi7e4:reqqi20e1:v2:xye"
	if e := hear(t, c, extended(0, body)); e.Kind != Greeted || c.Room() != 20 {
		t.Errorf("%+v, room %d", e, c.Room())
	}
	// "the m dictionary is additive"
	hear(t, c, extended(0, "d1:md6:ut_pexi0e2:xyi9eee"))
	h, ok := c.Hello()
	if !ok || h.M["ut_metadata"] != 3 || h.M["ut_pex"] != 0 || h.M["xy"] != 9 ||
		h.MetadataSize != 99 || h.Port != 7 || h.Version != "xy" || h.Reqq != 20 {
		t.Errorf("%+v", h)
	}
	hear(t, c, extended(0, "d4:reqqi1000000ee"))
	if c.down.limit != mostWindow {
		t.Errorf("limit %d", c.down.limit)
	}
	refuses(t, c, extended(0, "i1e"))
	if e := hear(t, c, extended(200, "whatever")); e.Kind != None {
		t.Errorf("an id that we never gave: %+v", e)
	}
}

func TestNamesOfExtensionsAreBounded(t *testing.T) {
	c := begin(all, 10)
	for range 5 {
		for _, prefix := range "abcdefgh" {
			body := "d1:md"
			for i := range 40 {
				body += "3:" + string(prefix) + string(rune('a'+i/8)) + string(rune('a'+i%8)) + "i1e"
			}
			hear(t, c, extended(0, body+"ee"))
		}
	}
	if h, _ := c.Hello(); len(h.M) > maxExtensions {
		t.Errorf("%d names", len(h.M))
	}
}

func TestDontHave(t *testing.T) {
	c := begin(all, 10)
	if e := hear(t, c, extended(localDontHave, "\x00\x00\x00\x09")); e.Kind != DontHave || e.Block.Piece != 9 {
		t.Errorf("%+v", e)
	}
	refuses(t, c, extended(localDontHave, "\x00\x00\x00\x0a"))
	refuses(t, c, extended(localDontHave, "\x00"))
	if e := hear(t, begin(all, -1), extended(localDontHave, "\x00\x00\x00\x0a")); e.Kind != None {
		t.Errorf("before the metadata: %+v", e)
	}
}
