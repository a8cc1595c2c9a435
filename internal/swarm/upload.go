package swarm

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
)

// requested checks a request for legality and queues it.
func (s *Swarm) requested(now time.Time, p *peer, b bittorrent.Block) {
	p.askedAt = now
	legal := s.content.Layout.Legal(uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
	if !legal || !s.have.Has(b.Piece) || s.hides(p, b.Piece) {
		p.conv.Refuse(b)
		return
	}
	if p.conv.AmChoking() {
		// BEP 6: "A peer MAY reject requests for already Allowed Fast pieces if [...] the requested piece has already been
		// sent to the requesting peer".
		if p.fastLeft -= int64(b.Length); p.fastLeft < 0 {
			p.conv.Refuse(b)
			return
		}
	}
	p.conv.Admit(b)
	s.asked(now, p, b.Piece)
}

// Outbox is what a peer's writer sends next, in this order. The writer keeps one and hands it back each time.
type Outbox struct {
	Frames  []byte             // ready frames
	Uploads []bittorrent.Block // blocks to read and send
	Leaves  []LeafWork         // hash requests that need pieces read: answer with AnswerHashes
	Held    time.Time          // when to ask again, if uploads have to wait
}

// Outbound fills box with what is to be sent to a peer now: at most maxBytes of payload. An error ends the connection.
func (s *Swarm) Outbound(now time.Time, id PeerID, box *Outbox, maxBytes int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[id]
	if p == nil {
		return gate.ErrStopped
	}
	if p.Kicked != nil {
		return p.Kicked
	}
	s.reveal(p)
	box.Frames = p.conv.TakeOut(now, box.Frames)
	box.Uploads = box.Uploads[:0]
	box.Leaves = append(box.Leaves[:0], p.leafWork...)
	p.leafWork = p.leafWork[:0]
	if maxBytes > 0 {
		box.Uploads = p.conv.TakeUploads(now, box.Uploads, maxBytes)
		p.handed = len(box.Uploads) > 0
		for _, b := range box.Uploads {
			s.up.Add(now, b.Length)
			p.sinceUnchoke += int64(b.Length)
			s.gave(now, p, b)
		}
	}
	box.Held = time.Time{}
	if p.conv.Queued() > 0 {
		box.Held = p.conv.HeldUntil(now)
	}
	return nil
}

// Stuck says that a peer takes nothing of what its writer has for it, or that it does again.
func (s *Swarm) Stuck(id PeerID, stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[id]
	if p == nil {
		return
	}
	if p.stuck = stuck; stuck {
		s.facts.SomeoneToServe = true
		s.wake()
	}
}

// Throttled says that a peer's reader rests until then, to keep a limit of ours.
func (s *Swarm) Throttled(id PeerID, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.peers[id]; p != nil {
		p.conv.Hold(until)
	}
}

// Tick runs the timers of a peer and returns when to call it again. An error ends the connection.
func (s *Swarm) Tick(now time.Time, id PeerID) (next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[id]
	if p == nil {
		return now, gate.ErrStopped
	}
	if p.Kicked != nil {
		return now, p.Kicked
	}
	if err := s.snub(now, p); err != nil {
		return now, err
	}
	if s.content == nil {
		s.dictionary.Expire(now)
		s.askMetadata(now)
	} else {
		if s.hashes.Expire(now) {
			s.askAllHashes(now)
		}
		s.askHashes(now, p)
	}
	if len(p.refused) > 0 && now.Sub(p.refusedAt) >= refusedFor {
		s.retryRefused(p)
	}
	s.tellPeers(now, p)
	s.offer(now, p)
	s.refill(now, p)
	next, err = p.conv.Tick(now)
	if p.conv.HasOut() {
		p.wake()
	}
	if err == nil {
		err = s.checkUseful(p)
	}
	if s.sched != nil && s.sched.Receiving(id) {
		next = earlier(next, p.conv.Stalls())
	}
	return earlier(next, now.Add(housekeeping)), err
}

// housekeeping is how often a peer's metadata and hash requests are looked at.
const housekeeping = 5 * time.Second

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
