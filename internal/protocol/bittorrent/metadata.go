package bittorrent

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// metadata is BEP 9 with this peer: which metadata pieces we asked it for, and how large our dictionary is, once it has asked.
type metadata struct {
	asked []int
	ours  int
}

// mostBacklog is how much metadata may wait for a peer at most: some clients ask for all of a dictionary at once, and never
// again for what is turned down.
const mostBacklog = 1 << 20

// backlog is how much may wait for the peer before its requests are turned down.
func (m *metadata) backlog() int { return max(fullBacklog, min(m.ours, mostBacklog)) }

// MaxMetadataSize bounds the info dictionary accepted from peers, in bytes.
const MaxMetadataSize = 32 << 20

// MetadataSize is the size the peer claims for the info dictionary; 0 when it cannot send it.
func (c *Conversation) MetadataSize() int {
	if c.ext.theirs.M[peer.ExtMetadata] == 0 || c.ext.theirs.MetadataSize < 0 || c.ext.theirs.MetadataSize > MaxMetadataSize {
		return 0
	}
	return c.ext.theirs.MetadataSize
}

// LacksMetadata reports whether the peer speaks BEP 9 and has not said that it has the metadata.
func (c *Conversation) LacksMetadata() bool {
	return c.ext.theirs.M[peer.ExtMetadata] != 0 && c.ext.theirs.MetadataSize == 0
}

// RequestMetadata asks the peer for a metadata piece, unless it has been asked and has not answered.
func (c *Conversation) RequestMetadata(piece int) {
	if slices.Contains(c.meta.asked, piece) {
		return
	}
	c.meta.asked = append(c.meta.asked, piece)
	c.sendMetadata(peer.MetadataMessage{Kind: peer.MetadataRequest, Piece: piece})
}

// SendMetadata answers a request with a piece of an info dictionary of total bytes.
func (c *Conversation) SendMetadata(piece, total int, data []byte) {
	c.meta.ours = total
	c.sendMetadata(peer.MetadataMessage{Kind: peer.MetadataData, Piece: piece, TotalSize: total, Data: data})
}

// RejectMetadata turns a request for metadata down.
func (c *Conversation) RejectMetadata(piece int) {
	c.sendMetadata(peer.MetadataMessage{Kind: peer.MetadataReject, Piece: piece})
}

func (c *Conversation) sendMetadata(m peer.MetadataMessage) {
	if id := c.ext.theirs.M[peer.ExtMetadata]; id != 0 {
		c.out = peer.AppendMetadata(c.out, id, m)
	}
}

func (c *Conversation) receiveMetadata(now time.Time, payload []byte) (Event, error) {
	m, err := peer.ParseMetadata(payload)
	if err != nil {
		return Event{}, err
	}
	e := Event{Block: Block{Piece: m.Piece}}
	switch m.Kind {
	case peer.MetadataRequest:
		if c.Backlog() >= c.meta.backlog() {
			c.RejectMetadata(m.Piece)
			return Event{}, c.refuse()
		}
		e.Kind = MetadataRequested
		return e, nil
	case peer.MetadataData:
		e.Kind, e.Payload = MetadataArrived, m.Data
	case peer.MetadataReject:
		e.Kind = MetadataRejected
	default:
		return Event{}, c.Useless(now) // BEP 9 asks to ignore types it does not list
	}
	i := slices.Index(c.meta.asked, m.Piece)
	if i < 0 {
		return Event{}, c.Useless(now)
	}
	c.meta.asked = slices.Delete(c.meta.asked, i, i+1)
	return e, nil
}
