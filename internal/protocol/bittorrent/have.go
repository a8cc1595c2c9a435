package bittorrent

import (
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// earlyHave remembers what the peer said it has while the number of pieces is unknown.
type earlyHave struct {
	sent     bool // we told the peer what we have
	told     int  // how many bitfields, have alls and have nones came
	all      bool
	bitfield []byte
	pieces   []int
}

// maxEarlyHaves bounds the haves kept from a peer before the metadata is known; later ones are forgotten, which only
// makes the peer look poorer than it is.
const maxEarlyHaves = 1 << 16

// maxBitfields bounds the bitfields of one connection. BEP 3 has it that a bitfield "is only ever sent as the first
// message", but aria2 begins with have none and sends one when it has got its first pieces.
const maxBitfields = 64

func (c *Conversation) receiveHave(now time.Time, m peer.Message) (Event, error) {
	e := &c.have
	if m.Type != peer.Have {
		if e.told++; e.told > maxBitfields {
			return Event{}, peer.ProtocolError("floods us with bitfields")
		}
	}
	if m.Type == peer.HaveAll || m.Type == peer.HaveNone {
		if !c.cfg.Fast {
			return Event{}, peer.ProtocolError("have all or none without the fast extension")
		}
		e.all = e.all || m.Type == peer.HaveAll
	}
	if c.pieces < 0 {
		switch m.Type {
		case peer.Have:
			if len(e.pieces) >= maxEarlyHaves {
				return Event{}, c.Useless(now)
			}
			e.pieces = append(e.pieces, int(m.Index))
		case peer.Bitfield:
			e.bitfield = append([]byte(nil), m.Payload...)
		}
		return Event{}, nil
	}
	switch m.Type {
	case peer.HaveAll:
		return Event{Kind: HaveAll}, nil
	case peer.HaveNone:
		return Event{Kind: HaveNone}, nil
	case peer.Bitfield:
		return Event{Kind: HaveBitfield, Payload: m.Payload}, nil
	}
	if int64(m.Index) >= int64(c.pieces) {
		return Event{}, peer.ProtocolError(fmt.Sprintf("have of piece %d of %d", m.Index, c.pieces))
	}
	return Event{Kind: Have, Block: Block{Piece: int(m.Index)}}, nil
}

// Learn tells the conversation how many pieces there are, and returns what the peer had said it has before that.
func (c *Conversation) Learn(pieces int) (content.Bitmap, error) {
	c.pieces = pieces
	e := &c.have
	m := content.NewBitmap(pieces)
	if e.bitfield != nil {
		var err error
		if m, err = content.ParseBitmap(e.bitfield, pieces); err != nil {
			return m, peer.ProtocolError("bitfield does not fit the metadata")
		}
	}
	if e.all {
		m.SetAll()
	}
	for _, i := range e.pieces {
		if i >= pieces {
			return m, peer.ProtocolError(fmt.Sprintf("have of piece %d of %d", i, pieces))
		}
		m.Set(i)
	}
	e.bitfield, e.pieces = nil, nil
	return m, nil
}

// SendHave tells the peer what we have, in the shortest form it understands. It is sent once, before anything else but
// the extended handshake.
func (c *Conversation) SendHave(have *content.Bitmap) {
	c.have.sent = true
	switch {
	case c.cfg.Fast && have.Full():
		c.out = peer.AppendHaveAll(c.out)
	case have.Count() > 0:
		c.out = peer.AppendBitfield(c.out, have.Bytes())
	case c.cfg.Fast:
		c.out = peer.AppendHaveNone(c.out)
	}
}

// ToldHave reports whether the peer said what it has, be it that it has nothing.
func (c *Conversation) ToldHave() bool { return c.have.told > 0 }

// SentHave reports whether SendHave or SendHaveNothing was called.
func (c *Conversation) SentHave() bool { return c.have.sent }

// SendHaveNothing is SendHave while the number of pieces is unknown.
func (c *Conversation) SendHaveNothing() {
	c.have.sent = true
	if c.cfg.Fast {
		c.out = peer.AppendHaveNone(c.out)
	}
}

// AnnouncePiece tells the peer that we have verified one more piece.
func (c *Conversation) AnnouncePiece(piece int) { c.out = peer.AppendHave(c.out, uint32(piece)) }
