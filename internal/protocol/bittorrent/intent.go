package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// TellUploadOnly tells the peer that we want nothing more of anybody (BEP 21): by the message of that name if the peer
// knows it, by another extended handshake if not.
func (c *Conversation) TellUploadOnly() {
	if !c.cfg.Extended || c.cfg.Hello.Intent == peer.UploadOnly {
		return
	}
	c.cfg.Hello.Intent = peer.UploadOnly
	if id := c.ext.theirs.M[peer.ExtUploadOnly]; id != 0 {
		c.out = peer.AppendUploadOnly(c.out, id, peer.UploadOnly)
		return
	}
	c.sendHello()
}

// PeerUploadOnly reports whether the peer said that it wants nothing more of anybody.
func (c *Conversation) PeerUploadOnly() bool { return c.ext.theirs.Intent == peer.UploadOnly }

// receiveIntent is not strict: the message is described nowhere, and who writes it otherwise does no harm.
func (c *Conversation) receiveIntent(now time.Time, payload []byte) (Event, error) {
	if err := c.Useless(now); err != nil {
		return Event{}, err
	}
	i, err := peer.ParseUploadOnly(payload)
	if err != nil || i == c.ext.theirs.Intent {
		return Event{}, nil
	}
	c.ext.theirs.Intent = i
	return Event{Kind: IntentTold}, nil
}
