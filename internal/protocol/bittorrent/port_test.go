package bittorrent

import (
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestPortIsToldOnce(t *testing.T) {
	c := begin(Config{DHT: true}, 10)
	c.TellPort(0x1234)
	m := parse(t, c.TakeOut(epoch, nil))
	if len(m) != 1 || m[0].Type != peer.Port || m[0].Index != 0x1234 {
		t.Errorf("%+v", m)
	}
	c.TellPort(0x1234)
	says(t, c)
}

func TestPortNeedsBothSides(t *testing.T) {
	c := begin(all, 10)
	c.TellPort(6881)
	says(t, c)
	if e := hear(t, c, peer.Message{Type: peer.Port, Index: 6881}); e.Kind != None {
		t.Errorf("%+v", e)
	}
}

func TestPortIsHeardOnce(t *testing.T) {
	c := begin(Config{DHT: true}, -1)
	for _, step := range []struct {
		port uint32
		kind EventKind
	}{
		{0, None}, // nobody listens there
		{6881, PortTold},
		{6882, None},
		{6881, None},
	} {
		e := hear(t, c, peer.Message{Type: peer.Port, Index: step.port})
		if e.Kind != step.kind || e.Kind == PortTold && uint32(e.Port) != step.port {
			t.Errorf("port %d: %+v", step.port, e)
		}
	}
}
