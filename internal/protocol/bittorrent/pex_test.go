package bittorrent

import (
	"net/netip"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestExchangeNeedsBothSides(t *testing.T) {
	told := peer.PEX{Added: []peer.PEXPeer{{Addr: netip.MustParseAddrPort("1.1.1.1:6881")}}}
	message := peer.Message{Type: peer.Extended, Payload: peer.AppendPEX(nil, localPEX, told)[5:]}
	hello := peer.AppendExtHandshake(nil, peer.ExtHandshake{M: map[string]uint8{peer.ExtPEX: 9}})
	greeting := peer.Message{Type: peer.Extended, Payload: hello[5:]}

	closed := begin(Config{Extended: true}, 10)
	hear(t, closed, greeting)
	if closed.Exchanges() {
		t.Error("exchanges before it is known that the object is not private")
	}
	if e := hear(t, closed, message); e.Kind != None {
		t.Errorf("%+v", e)
	}
	closed.TellPeers(told)
	if closed.HasOut() {
		t.Error("told")
	}

	open := begin(Config{Extended: true}, 10)
	open.OpenExchange()
	if !open.HasOut() {
		t.Error("the offer is not sent")
	}
	open.TakeOut(epoch, nil)
	if open.Exchanges() {
		t.Error("exchanges before the peer has offered it")
	}
	hear(t, open, greeting)
	open.TellPeers(told)
	if !open.Exchanges() || !open.HasOut() {
		t.Error("not told")
	}
	if e := hear(t, open, message); e.Kind != PeersTold || len(e.Peers.Added) != 1 {
		t.Errorf("%+v", e)
	}
	refuses(t, open, peer.Message{Type: peer.Extended, Payload: []byte{localPEX, 'x'}})
}
