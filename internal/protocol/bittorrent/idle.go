package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// idle watches silence. BEP 3: "Messages of length zero are keepalives, and ignored. Keepalives are generally sent once
// every two minutes".
type idle struct {
	lastIn, lastOut time.Time
}

const (
	keepAliveAfter = 100 * time.Second
	deadAfter      = 240 * time.Second
)

func (i *idle) init(now time.Time)     { i.lastIn, i.lastOut = now, now }
func (i *idle) received(now time.Time) { i.lastIn = now }
func (i *idle) sent(now time.Time)     { i.lastOut = now }

// ErrSilent ends a connection on which nothing came for four minutes.
const ErrSilent = peer.ProtocolError("no word for four minutes")

// Tick sends a keep-alive when one is due, and returns when to call it again. It fails when the peer has been silent too
// long.
func (c *Conversation) Tick(now time.Time) (next time.Time, err error) {
	i := &c.idle
	if now.Sub(i.lastIn) >= deadAfter {
		return now, ErrSilent
	}
	if now.Sub(i.lastOut) >= keepAliveAfter {
		c.out = peer.AppendKeepAlive(c.out)
		i.sent(now)
	}
	next = i.lastIn.Add(deadAfter)
	if t := i.lastOut.Add(keepAliveAfter); t.Before(next) {
		next = t
	}
	if c.Pending() > 0 {
		if t := c.down.lastIn.Add(snubAfter); t.Before(next) {
			next = t
		}
	}
	return next, nil
}
