package bittorrent

import (
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// fast is BEP 6's allowed-fast set that we gave the peer: pieces it may have while we choke it.
type fast struct {
	ours      []int
	allowed   int // how many the peer allowed us
	suggested int // how many the peer suggested
}

// maxAllowedFast bounds how many allowed-fast messages of a peer are heeded.
const maxAllowedFast = 64

func (f *fast) granted(piece int) bool { return slices.Contains(f.ours, piece) }

// AllowFast tells the peer which pieces it may request while choked.
func (c *Conversation) AllowFast(pieces []int) {
	if !c.cfg.Fast {
		return
	}
	c.fast.ours = append(c.fast.ours, pieces...)
	for _, i := range pieces {
		c.out = peer.AppendAllowedFast(c.out, uint32(i))
	}
}

// Suggest tells the peer, which speaks BEP 6, that it had better ask us for a piece before others.
func (c *Conversation) Suggest(piece int) { c.out = peer.AppendSuggest(c.out, uint32(piece)) }

func (c *Conversation) receiveFast(now time.Time, m peer.Message) (Event, error) {
	if !c.cfg.Fast {
		return Event{}, peer.ProtocolError("fast message without the fast extension")
	}
	b := Block{int(m.Index), int(m.Begin), int(m.Length)}
	if c.pieces >= 0 && int64(m.Index) >= int64(c.pieces) {
		return Event{}, peer.ProtocolError(fmt.Sprintf("fast message for piece %d of %d", m.Index, c.pieces))
	}
	switch m.Type {
	case peer.Reject:
		// Requests are answered in their order: what was taken back is answered before what was asked anew.
		if c.down.withdrawn.answered(b) {
			return Event{}, nil
		}
		i := c.down.find(b)
		if i < 0 {
			return Event{}, c.Useless(now)
		}
		c.down.remove(i)
		return Event{Kind: Rejected, Block: b}, nil
	case peer.AllowedFast:
		if c.pieces < 0 || c.fast.allowed >= maxAllowedFast {
			return Event{}, c.Useless(now)
		}
		c.fast.allowed++
		return Event{Kind: AllowedFast, Block: b}, nil
	}
	// A suggestion. There is no use in more of them than there are pieces.
	if c.fast.suggested >= c.pieces {
		return Event{}, c.Useless(now)
	}
	c.fast.suggested++
	return Event{Kind: Suggested, Block: b}, nil
}

// AllowedFastSet computes the k pieces a peer at addr may have while choked, as BEP 6 spells out, so that it gets the same
// set from everyone. Only IPv4 addresses have one.
func AllowedFastSet(k, pieces int, infoHash [20]byte, addr netip.Addr) []int {
	addr = addr.Unmap()
	if !addr.Is4() || pieces <= 0 {
		return nil
	}
	ip := addr.As4()
	ip[3] = 0 // "x = 0xFFFFFF00 & ip"
	x := slices.Concat(ip[:], infoHash[:])
	k = min(k, pieces)
	var set []int
	for len(set) < k {
		h := sha1.Sum(x)
		x = h[:]
		for i := 0; i < 5 && len(set) < k; i++ {
			index := int(binary.BigEndian.Uint32(x[i*4:]) % uint32(pieces))
			if !slices.Contains(set, index) {
				set = append(set, index)
			}
		}
	}
	return set
}
