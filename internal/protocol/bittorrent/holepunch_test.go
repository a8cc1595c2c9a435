package bittorrent

import (
	"net/netip"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

var target = netip.MustParseAddrPort("203.0.113.9:6881")

func punch(m peer.Holepunch) peer.Message {
	return peer.Message{Type: peer.Extended, Payload: peer.AppendHolepunch(nil, localPunch, m)[5:]}
}

func greeting(m map[string]uint8) peer.Message {
	return peer.Message{Type: peer.Extended, Payload: peer.AppendExtHandshake(nil, peer.ExtHandshake{M: m})[5:]}
}

// TestHolepunchNeedsBothSides: it is offered with the exchange of peers, and neither said nor heard before both have offered it.
func TestHolepunchNeedsBothSides(t *testing.T) {
	offered := func(c *Conversation) (id uint8) {
		t.Helper()
		for _, m := range parse(t, c.TakeOut(epoch, nil)) {
			if h, err := peer.ParseExtHandshake(m.Payload[1:]); err == nil {
				id = h.M[peer.ExtHolepunch]
			}
		}
		return id
	}
	speaks := greeting(map[string]uint8{peer.ExtHolepunch: 9})
	ask := peer.Holepunch{Kind: peer.Rendezvous, Addr: target}
	silent := func(c *Conversation, why string) {
		t.Helper()
		c.SendHolepunch(ask)
		if e := hear(t, c, punch(ask)); c.PunchesHoles() || c.HasOut() || e.Kind != None {
			t.Errorf("%s: heard %+v", why, e)
		}
	}

	c := New(epoch, Config{Extended: true, Holepunch: true}, 10)
	if offered(c) != 0 {
		t.Error("offered before it is known that the object is not private")
	}
	hear(t, c, speaks)
	silent(c, "not offered by us")

	c = New(epoch, Config{Extended: true, Exchange: true}, 10)
	if offered(c) != 0 {
		t.Error("offered without")
	}
	hear(t, c, speaks)
	silent(c, "switched off")

	c = begin(Config{Extended: true, Holepunch: true}, 10)
	c.OpenExchange()
	if offered(c) != localPunch {
		t.Error("not offered with the exchange of peers")
	}
	hear(t, c, greeting(map[string]uint8{peer.ExtPEX: 1}))
	silent(c, "not offered by the peer")
	hear(t, c, speaks)
	if !c.PunchesHoles() {
		t.Error("both have offered it")
	}
	c.SendHolepunch(ask)
	says(t, c, "extended 9")
}

func TestHolepunchMessages(t *testing.T) {
	c := begin(Config{Extended: true, Exchange: true, Holepunch: true}, 10)
	hear(t, c, greeting(map[string]uint8{peer.ExtHolepunch: 9}))
	for _, tt := range []struct {
		m    peer.Holepunch
		kind EventKind
	}{
		{peer.Holepunch{Kind: peer.Rendezvous, Addr: target}, RendezvousAsked},
		{peer.Holepunch{Kind: peer.Connect, Addr: target}, ConnectTold},
		{peer.Holepunch{Kind: peer.HolepunchFailed, Addr: target, Err: peer.NoSupport}, RendezvousFailed},
	} {
		if e := hear(t, c, punch(tt.m)); e.Kind != tt.kind || e.Holepunch != tt.m {
			t.Errorf("%v: %+v", tt.m.Kind, e)
		}
	}
	other := peer.Message{Type: peer.Extended, Payload: []byte{localPunch, 77, 0}}
	if e := hear(t, c, other); e.Kind != None {
		t.Errorf("%+v", e)
	}
	refuses(t, c, peer.Message{Type: peer.Extended, Payload: []byte{localPunch, 0}})
}

// TestHolepunchFlood: whoever sends nothing else ends the connection.
func TestHolepunchFlood(t *testing.T) {
	c := begin(Config{Extended: true, Exchange: true, Holepunch: true}, 10)
	hear(t, c, greeting(map[string]uint8{peer.ExtHolepunch: 9}))
	m := punch(peer.Holepunch{Kind: peer.Connect, Addr: target})
	for range uselessBurst - 1 {
		hear(t, c, m)
	}
	refuses(t, c, m)
}
