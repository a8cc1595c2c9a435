package bittorrent

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// hashes is BEP 52's hash exchange with this peer: which runs of hashes we asked it for, and when it last asked us.
type hashes struct {
	asked  []peer.HashRequest
	wanted time.Time
}

// hashPause is how long the first payload waits for the next hash request of a peer that has begun with these. libtorrent
// 2.0 asks for two runs at a time, as soon as it has the metadata, and gives a hybrid up as inconsistent if the blocks of a
// small file come before its hashes. Its own seeds take longer to unchoke.
const hashPause = 100 * time.Millisecond

// HeldUntil is when the first payload may be sent: the zero time if it need not wait.
func (c *Conversation) HeldUntil(now time.Time) time.Time {
	until := c.hash.wanted.Add(hashPause)
	if c.hash.wanted.IsZero() || c.Uploaded() > 0 || !now.Before(until) {
		return time.Time{}
	}
	return until
}

// maxHashRequests bounds the hash requests under way to one peer.
const maxHashRequests = 8

// HashRoom is how many more hash requests may be sent to the peer.
func (c *Conversation) HashRoom() int {
	if !c.cfg.V2 {
		return 0
	}
	return maxHashRequests - len(c.hash.asked)
}

// RequestHashes asks the peer for a run of hashes, unless it has been asked and has not answered.
func (c *Conversation) RequestHashes(r peer.HashRequest) {
	if slices.Contains(c.hash.asked, r) {
		return
	}
	c.hash.asked = append(c.hash.asked, r)
	c.out = peer.AppendHashRequest(c.out, r)
}

// SendHashes answers a hash request: the hashes of the base layer, then those of the proof.
func (c *Conversation) SendHashes(r peer.HashRequest, hashes []metainfo.HashV2) {
	c.out = peer.AppendHashes(c.out, r, hashes)
}

// RejectHashes turns a hash request down.
func (c *Conversation) RejectHashes(r peer.HashRequest) { c.out = peer.AppendHashReject(c.out, r) }

func (c *Conversation) receiveHashes(now time.Time, m peer.Message) (Event, error) {
	if !c.cfg.V2 {
		return Event{}, peer.ProtocolError("hash message on a v1 connection")
	}
	e := Event{Hash: m.Hash, Payload: m.Payload}
	switch m.Type {
	case peer.HashRequested:
		c.hash.wanted = now
		if c.Backlog() >= fullBacklog {
			c.RejectHashes(m.Hash)
			return Event{}, c.refuse()
		}
		e.Kind = HashesRequested
		return e, nil
	case peer.Hashes:
		e.Kind = HashesArrived
	case peer.HashReject:
		e.Kind = HashesRejected
	}
	i := slices.Index(c.hash.asked, m.Hash)
	if i < 0 {
		return Event{}, c.Useless(now)
	}
	c.hash.asked = slices.Delete(c.hash.asked, i, i+1)
	return e, nil
}
