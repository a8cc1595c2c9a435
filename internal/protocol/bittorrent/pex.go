package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// OpenExchange offers the exchange of peers (BEP 11). It is called once it is known that the object is not private.
func (c *Conversation) OpenExchange() {
	if !c.cfg.Extended || c.cfg.Exchange {
		return
	}
	c.cfg.Exchange = true
	c.sendHello()
}

// Exchanges reports whether both sides offer the exchange of peers.
func (c *Conversation) Exchanges() bool { return c.cfg.Exchange && c.ext.theirs.M[peer.ExtPEX] != 0 }

// TellPeers tells the peer of others. It must not be empty.
func (c *Conversation) TellPeers(m peer.PEX) {
	if c.Exchanges() {
		c.out = peer.AppendPEX(c.out, c.ext.theirs.M[peer.ExtPEX], m)
	}
}

func (c *Conversation) receivePEX(now time.Time, payload []byte) (Event, error) {
	if !c.cfg.Exchange {
		return Event{}, c.Useless(now)
	}
	m, err := peer.ParsePEX(payload)
	if err != nil {
		return Event{}, err
	}
	return Event{Kind: PeersTold, Peers: m}, nil
}
