package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// idle watches silence. BEP 3: "Messages of length zero are keepalives, and ignored. Keepalives are generally sent once
// every two minutes".
type idle struct {
	lastIn, lastOut time.Time
	asked           time.Time // since when the peer owes us a word: the first request after its last one; zero: it does not
}

const (
	keepAliveAfter = 100 * time.Second
	deadAfter      = 240 * time.Second
	// muteAfter is how long a peer may owe us a word. After its last one it is asked again within snubAfter, so that who is
	// dead is gone within a minute.
	muteAfter = 45 * time.Second
)

func (i *idle) init(now time.Time)     { i.lastIn, i.lastOut = now, now }
func (i *idle) received(now time.Time) { i.lastIn, i.asked = now, time.Time{} }
func (i *idle) sent(now time.Time)     { i.lastOut = now }

// owed is told that the peer is asked for something.
func (i *idle) owed(now time.Time) {
	if i.asked.IsZero() {
		i.asked = now
	}
}

// Reasons to end a connection on which nothing comes.
const (
	ErrSilent = peer.ProtocolError("no word for four minutes")
	ErrMute   = peer.ProtocolError("no word since it was asked for something, 45 seconds ago")
)

// Silent is how long nothing has come from the peer.
func (c *Conversation) Silent(now time.Time) time.Duration { return now.Sub(c.idle.lastIn) }

// Tick sends a keep-alive when one is due, and returns when to call it again. It fails when the peer has been silent too
// long.
func (c *Conversation) Tick(now time.Time) (next time.Time, err error) {
	i := &c.idle
	if now.Sub(i.lastIn) >= deadAfter {
		return now, ErrSilent
	}
	mute := !i.asked.IsZero()
	if mute && now.Sub(i.asked) >= muteAfter {
		return now, ErrMute
	}
	if now.Sub(i.lastOut) >= keepAliveAfter {
		c.out = peer.AppendKeepAlive(c.out)
		i.sent(now)
	}
	next = i.lastIn.Add(deadAfter)
	if t := i.lastOut.Add(keepAliveAfter); t.Before(next) {
		next = t
	}
	if t := i.asked.Add(muteAfter); mute && t.Before(next) {
		next = t
	}
	if c.Pending() > 0 {
		if t := c.down.lastIn.Add(snubAfter); t.Before(next) {
			next = t
		}
	}
	return next, nil
}
