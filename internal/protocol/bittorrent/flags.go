package bittorrent

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// flags are the four bits of BEP 3: "Connections contain two bits of state on either end: choked or not, and interested
// or not." "Connections start out choked and not interested."
type flags struct {
	amChoking, amInterested     bool
	peerChoking, peerInterested bool
}

func (f *flags) init() { *f = flags{amChoking: true, peerChoking: true} }

// PeerChoking reports whether the peer answers no requests of ours.
func (c *Conversation) PeerChoking() bool { return c.flags.peerChoking }

// PeerInterested reports whether the peer wants something of ours.
func (c *Conversation) PeerInterested() bool { return c.flags.peerInterested }

// AmChoking reports whether we answer no requests of the peer.
func (c *Conversation) AmChoking() bool { return c.flags.amChoking }

// AmInterested reports whether we told the peer that we want something of it.
func (c *Conversation) AmInterested() bool { return c.flags.amInterested }

func (c *Conversation) receiveFlag(now time.Time, t peer.Type) (Event, error) {
	f := &c.flags
	switch t {
	case peer.Choke:
		if f.peerChoking {
			return Event{}, nil
		}
		f.peerChoking = true
		// BEP 6: "If a peer sends a choke, it MUST reject all requests"; without it a choke drops them silently.
		if !c.cfg.Fast {
			c.down.dropped()
		}
		return Event{Kind: Choked}, nil
	case peer.Unchoke:
		if !f.peerChoking {
			return Event{}, nil
		}
		f.peerChoking = false
		c.down.unchoked(now)
		return Event{Kind: Unchoked}, nil
	case peer.Interested:
		if f.peerInterested {
			return Event{}, nil
		}
		f.peerInterested = true
		return Event{Kind: Interested}, nil
	}
	if !f.peerInterested {
		return Event{}, nil
	}
	f.peerInterested = false
	return Event{Kind: NotInterested}, nil
}

// SetInterested tells the peer whether we want something of it, if that is news.
func (c *Conversation) SetInterested(want bool) {
	if c.flags.amInterested == want {
		return
	}
	c.flags.amInterested = want
	if want {
		c.out = peer.AppendInterested(c.out)
	} else {
		c.out = peer.AppendNotInterested(c.out)
	}
}

// SetChoking chokes or unchokes the peer, if that is news. Choking drops its queued requests, which BEP 6 peers are told.
func (c *Conversation) SetChoking(choke bool) {
	if c.flags.amChoking == choke {
		return
	}
	c.flags.amChoking = choke
	if !choke {
		c.out = peer.AppendUnchoke(c.out)
		return
	}
	c.out = peer.AppendChoke(c.out)
	c.dropUploads()
}
