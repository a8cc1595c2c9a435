package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// nodes is BEP 5 on the peer wire: where either side's node in the DHT listens.
type nodes struct{ sent, heard bool }

// TellPort tells the peer the UDP port of our DHT node, once. BEP 5: "Peer receiving a handshake indicating the remote peer
// supports the DHT should send a PORT message."
func (c *Conversation) TellPort(port uint16) {
	if !c.cfg.DHT || c.nodes.sent {
		return
	}
	c.nodes.sent = true
	c.out = peer.AppendPort(c.out, port)
}

// receivePort heeds the first port that a peer tells: whoever has more nodes than one has them found otherwise.
func (c *Conversation) receivePort(now time.Time, m peer.Message) (Event, error) {
	if err := c.Useless(now); err != nil {
		return Event{}, err
	}
	if !c.cfg.DHT || c.nodes.heard || m.Index == 0 {
		return Event{}, nil
	}
	c.nodes.heard = true
	return Event{Kind: PortTold, Port: uint16(m.Index)}, nil
}
