package bittorrent

import (
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// extension is BEP 10: the names we gave message ids, and those the peer gave.
type extension struct {
	greeted bool
	theirs  peer.ExtHandshake
}

// maxExtensions bounds the names of extensions kept from a peer.
const maxExtensions = 64

// The message ids we announce in our extended handshake.
const (
	localMetadata = 1 // ut_metadata, BEP 9
)

func (c *Conversation) sendHello() {
	hello := c.cfg.Hello
	hello.M = map[string]uint8{"ut_metadata": localMetadata}
	hello.Reqq = c.cfg.Reqq
	c.out = peer.AppendExtHandshake(c.out, hello)
}

// Hello is the peer's extended handshake; ok is false until it came.
func (c *Conversation) Hello() (hello peer.ExtHandshake, ok bool) { return c.ext.theirs, c.ext.greeted }

func (c *Conversation) receiveExtended(m peer.Message) (Event, error) {
	if !c.cfg.Extended {
		return Event{}, peer.ProtocolError("extended message without the extension protocol")
	}
	id, payload := m.Payload[0], m.Payload[1:]
	switch id {
	case peer.ExtHandshakeID:
		hello, err := peer.ParseExtHandshake(payload)
		if err != nil {
			return Event{}, err
		}
		// BEP 10: a handshake may be sent again, and "should be an additive update".
		if hello.M == nil {
			hello.M = make(map[string]uint8)
		}
		for name, id := range c.ext.theirs.M {
			if _, said := hello.M[name]; !said && len(hello.M) < maxExtensions {
				hello.M[name] = id
			}
		}
		c.ext.theirs, c.ext.greeted = hello, true
		if hello.Reqq > 0 {
			c.down.limit = min(hello.Reqq, mostWindow)
		}
		return Event{Kind: Greeted}, nil
	case localMetadata:
		return c.receiveMetadata(payload)
	}
	return Event{}, nil
}
