package swarm

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// Arrival is the header of a Piece message: where its payload belongs, and whether it is wanted. The payload of an
// unwanted one is read and thrown away.
type Arrival struct {
	bittorrent.Block
	Wanted bool
}

// Receive takes one batch of messages from a peer. For each Piece message an Arrival is appended to dst; the shell puts the
// payload of the wanted ones in place and then calls Landed. An error ends the connection.
func (s *Swarm) Receive(now time.Time, id PeerID, msgs []wire.Message, dst []Arrival) ([]Arrival, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[id]
	if p == nil || p.kicked != nil {
		return dst, errStopped
	}
	for i := range msgs {
		if msgs[i].Type == wire.Piece {
			a, err := s.arriving(now, p, &msgs[i])
			if err != nil {
				return dst, err
			}
			dst = append(dst, a)
			continue
		}
		e, err := p.conv.Receive(now, msgs[i])
		if err != nil {
			return dst, err
		}
		if err := s.handle(now, p, e); err != nil {
			return dst, err
		}
	}
	s.fill(now, p)
	if p.conv.HasOut() {
		p.wake()
	}
	return dst, nil
}

// handle is the table of contents of what a peer can say.
func (s *Swarm) handle(now time.Time, p *peer, e bittorrent.Event) error {
	switch e.Kind {
	case bittorrent.Choked:
		s.choked(p)
	case bittorrent.Unchoked: // fill asks after the batch
	case bittorrent.AllowedFast:
		p.allowed.Set(e.Block.Piece)
	case bittorrent.Interested, bittorrent.NotInterested:
		s.facts.SomeoneToServe = true
		s.wake()
	case bittorrent.Have:
		s.peerHas(p, e.Block.Piece)
	case bittorrent.HaveBitfield:
		return s.peerHasBitfield(p, e.Payload)
	case bittorrent.HaveAll:
		p.have.SetAll()
		s.sched.HaveAll(p.id)
		return s.checkUseful(p)
	case bittorrent.HaveNone:
	case bittorrent.Requested:
		s.requested(p, e.Block)
	case bittorrent.Rejected:
		s.rejected(p, e.Block)
	case bittorrent.Greeted:
		s.candidates.reachable(p.addr, p.outgoing, s.hello(p).Port)
		s.askMetadata(now)
	case bittorrent.MetadataRequested:
		s.serveMetadata(p, e.Block.Piece)
	case bittorrent.MetadataArrived:
		s.metadataArrived(now, p, e.Block.Piece, e.Payload)
	case bittorrent.MetadataRejected:
		s.metadataRejected(now, p)
	case bittorrent.HashesRequested:
		s.serveHashes(p, e.Hash)
	case bittorrent.HashesArrived:
		return s.hashesArrived(now, p, e.Hash, e.Payload)
	case bittorrent.HashesRejected:
		s.hashesRejected(p, e.Hash)
	}
	return nil
}

func (s *Swarm) hello(p *peer) wire.ExtHandshake {
	h, _ := p.conv.Hello()
	return h
}

func (s *Swarm) peerHas(p *peer, piece int) {
	if p.have.Set(piece) {
		s.sched.Have(p.id, piece)
	}
}

func (s *Swarm) peerHasBitfield(p *peer, b []byte) error {
	have, err := content.ParseBitmap(b, s.content.Layout.Pieces())
	if err != nil {
		return wire.ProtocolError("bitfield of the wrong size")
	}
	for i := range p.have.All() {
		have.Set(i)
	}
	p.have = have
	s.sched.HaveBitmap(p.id, have)
	return s.checkUseful(p)
}

// checkUseful ends a connection between two that are complete, as all good clients do.
func (s *Swarm) checkUseful(p *peer) error {
	if s.state == Seeding && s.have.Full() && p.have.Full() {
		return errUseless
	}
	return nil
}

func (s *Swarm) choked(p *peer) {
	// With BEP 6 each request is rejected by itself.
	if p.conv.Pending() == 0 {
		s.sched.ReleaseAll(p.id)
	}
}

func (s *Swarm) rejected(p *peer, b bittorrent.Block) {
	r, ok := s.request(b)
	if !ok {
		return
	}
	if !p.conv.PeerChoking() {
		// It would be asked again at once: it does not have, or does not want to give, what it announced.
		p.have.Clear(r.Unit)
		s.sched.Lost(p.id, r.Unit)
	}
	s.sched.Release(p.id, r)
	if p.conv.PeerChoking() {
		p.allowed.Clear(r.Unit)
	}
}

// request is the scheduler's name of a block, if it is one that we would ask for.
func (s *Swarm) request(b bittorrent.Block) (scheduler.Request, bool) {
	if s.content == nil || b.Piece >= s.content.Layout.Pieces() || b.Begin%bittorrent.BlockSize != 0 {
		return scheduler.Request{}, false
	}
	r := scheduler.Request{Unit: b.Piece, Block: b.Begin / bittorrent.BlockSize}
	if r.Block >= s.content.Layout.Blocks(b.Piece) {
		return r, false
	}
	if _, n := s.content.Layout.Block(r.Unit, r.Block); n != b.Length {
		return r, false
	}
	return r, true
}
