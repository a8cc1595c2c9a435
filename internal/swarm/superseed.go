package swarm

import (
	"errors"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/swarm/superseed"
)

// beginSuperSeeding has the swarm own up to nothing but what it is told to, while nobody else has all (BEP 16).
func (s *Swarm) beginSuperSeeding() {
	if !s.cfg.SuperSeeding || s.super != nil || s.superDone || !s.have.Full() {
		return
	}
	super := superseed.New(s.have.Len(), s.content.Layout.PieceLength(), s.cfg.Rand)
	if s.superDone = super.Over(); !s.superDone {
		s.super = super
	}
}

// errConcealed ends connections that know more of us than they are to know from now on.
var errConcealed = errors.New("it is super-seeded from now on")

// SuperSeed gives each peer another part from now on, while nobody else has all (BEP 16). Who is connected knows that we have all,
// and has to come again.
func (s *Swarm) SuperSeed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.SuperSeeding = true
	if s.super != nil || s.state != Seeding {
		return
	}
	s.beginSuperSeeding()
	for _, p := range s.list {
		if s.super != nil {
			s.kick(p, errConcealed)
		}
	}
}

// conceal begins with a peer from whom we hide what we have: "it will not act as a standard seed, but masquerades as a normal
// client with no data".
func (s *Swarm) conceal(now time.Time, p *peer, have content.Bitmap) {
	if p.conv.SentHave() {
		p.conv.TellMetadata(len(s.content.Info.Raw))
	} else {
		p.conv.SendHaveNothing()
	}
	s.super.Join(uint64(p.id))
	s.super.HaveAll(now, uint64(p.id), have)
}

// offer tells a peer of what it is to have of us next.
func (s *Swarm) offer(now time.Time, p *peer) {
	if s.super == nil || !p.started || p.Kicked != nil {
		return
	}
	s.pieces = s.super.Next(now, uint64(p.id), !p.conv.AmChoking(), s.pieces[:0])
	for _, i := range s.pieces {
		p.conv.AnnouncePiece(i)
	}
	if len(s.pieces) > 0 {
		p.wake()
	}
}

// gave is told that a block is on its way to a peer.
func (s *Swarm) gave(now time.Time, p *peer, b bittorrent.Block) {
	if s.super != nil && s.super.Gave(now, uint64(p.id), b.Piece, int64(b.Length), int64(s.content.Layout.PieceSize(b.Piece))) {
		s.superHeard(now)
	}
}

// peerHasMany is told that a peer has said all that it has.
func (s *Swarm) peerHasMany(now time.Time, p *peer) {
	if s.super != nil {
		s.super.HaveAll(now, uint64(p.id), p.have)
		s.superHeard(now)
	}
}

// superHeard is called when a peer has told what it has, or has left: others may be told more, or it is over.
func (s *Swarm) superHeard(now time.Time) {
	if s.super == nil {
		return
	}
	if !s.super.Over() {
		for _, p := range s.list {
			s.offer(now, p)
		}
		return
	}
	for _, p := range s.list {
		if p.started {
			p.untold = &untold{known: s.super.Known(uint64(p.id))}
			s.reveal(p)
			p.wake()
		}
	}
	s.super, s.superDone = nil, true
	s.wake()
}

// untold is what a peer does not know yet that we have: all that is not known, from piece next on.
type untold struct {
	known content.Bitmap
	next  int
}

// maxRevealed bounds the bytes of haves that wait for a peer at a time. There may be millions.
const maxRevealed = 32 << 10

// reveal tells a peer more of what we have. The writer calls for the rest when that is on its way.
func (s *Swarm) reveal(p *peer) {
	u := p.untold
	if u == nil {
		return
	}
	for ; u.next < s.have.Len(); u.next++ {
		if p.conv.Backlog() >= maxRevealed {
			return
		}
		if s.have.Has(u.next) && !u.known.Has(u.next) {
			p.conv.AnnouncePiece(u.next)
		}
	}
	p.untold = nil
	if s.state == Seeding {
		p.conv.TellUploadOnly()
	}
}

// hides reports whether a peer is not to have a piece.
func (s *Swarm) hides(p *peer, piece int) bool {
	return s.super != nil && !s.super.Told(uint64(p.id), piece)
}
