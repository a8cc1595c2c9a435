package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// flood counts the messages of a peer that bring nobody any further: keep-alives, types and ids that nobody gave it,
// choking and interest, what was said before. Each costs us little and the peer less, so that only their number hurts.
type flood struct {
	paid time.Time // when all that came so far is forgotten
}

// A peer may send uselessBurst useless messages at once, and one every uselessEvery in the long run. Good clients send one
// in a minute or so; when a download ends or a set of pieces is said twice, some thousands at once.
const (
	uselessEvery = 10 * time.Millisecond
	uselessBurst = 1 << 14
)

const errFlood = peer.ProtocolError("floods us with messages of no use")

// Useless is told of a message that was good for nothing. It fails when there were too many.
func (c *Conversation) Useless(now time.Time) error {
	f := &c.flood
	if f.paid.Before(now) {
		f.paid = now
	}
	f.paid = f.paid.Add(uselessEvery)
	if f.paid.Sub(now) > uselessBurst*uselessEvery {
		return errFlood
	}
	return nil
}
