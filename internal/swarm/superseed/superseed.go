// Package superseed decides which pieces the first seed of an object owns up to (BEP 16), so that it need send each of them
// hardly more than once until there is another copy: each peer is told of a few pieces that nobody else was told of, and of
// more once those were seen at somebody else, to whom it must have given them.
//
// It knows no connection and does no I/O. Invariants: a peer that was told of a piece is never told of it again, and until each
// piece is somewhere else nobody is told of one that is, or that another is just being given.
//
// BEP 16 waits for the piece "present on at least one other client". Nobody is waited for when there is nobody else who lacks
// it, nor for longer than patience: not everybody can upload, or wants what he is offered.
package superseed

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

const (
	// A peer has offers for windowBytes open at a time, within these bounds: BEP 16 has one, which would leave a fast peer
	// without anything to ask for until its word has come. One that is not served just now has the least.
	windowBytes             = 2 << 20
	leastWindow, mostWindow = 2, 16
	// patience is how long an offer stays open without being taken, and then without being passed on.
	patience = time.Minute
	// sample bounds the pieces that are looked at for a rare one.
	sample = 4096
)

// ID names a peer.
type ID = uint64

// Seed is what an object's only seed keeps of its peers. It is not safe for concurrent use.
type Seed struct {
	pieces, window int
	rng            *rand.Rand

	fresh  []int    // pieces that nobody was told of, or those who were have gone; some may be had meanwhile
	copies []uint16 // of each piece, how many peers have it
	offers []uint16 // how many open offers there are to peers who do not have it
	once   int      // pieces of which there is a copy
	twice  int      // pieces of which there are two or more
	whole  int      // peers that have all

	peers map[ID]*peer
}

// peer is what is known of one.
type peer struct {
	have content.Bitmap
	told content.Bitmap
	open []offer
}

// offer is a piece that a peer was told of and that counts against its window.
type offer struct {
	piece int
	since time.Time // told, or had
	given int64     // bytes of it that we gave the peer
}

// New begins with pieces of a length that nobody else has, as far as is known.
func New(pieces int, pieceLength int64, rng *rand.Rand) *Seed {
	return &Seed{
		pieces: pieces, window: int(min(max(windowBytes/max(pieceLength, 1), leastWindow), mostWindow)), rng: rng,
		fresh: rng.Perm(pieces), copies: make([]uint16, pieces), offers: make([]uint16, pieces), peers: make(map[ID]*peer),
	}
}

// Over reports whether there is no use in it any more: somebody else has all, or each piece is at two others.
func (s *Seed) Over() bool { return s.whole > 0 || s.twice == s.pieces }

// Join takes a peer in.
func (s *Seed) Join(id ID) {
	s.peers[id] = &peer{have: content.NewBitmap(s.pieces), told: content.NewBitmap(s.pieces)}
}

// Leave forgets a peer. What it was told of in vain is for others.
func (s *Seed) Leave(id ID) {
	p := s.peers[id]
	if p == nil {
		return
	}
	delete(s.peers, id)
	for _, o := range p.open {
		s.withdraw(p, o)
	}
	if p.have.Full() {
		s.whole--
	}
	for i := range p.have.All() {
		s.count(i, -1)
	}
}

// withdraw takes an offer back, unless it was taken.
func (s *Seed) withdraw(p *peer, o offer) {
	if !p.have.Has(o.piece) {
		s.offers[o.piece]--
		s.refresh(o.piece)
	}
}

// refresh notes a piece that nobody has or was told of. It may stand in the list twice; where that grows from it, it is made
// anew.
func (s *Seed) refresh(piece int) {
	if s.offers[piece] > 0 || s.copies[piece] > 0 {
		return
	}
	if s.fresh = append(s.fresh, piece); len(s.fresh) <= 2*s.pieces {
		return
	}
	s.fresh = slices.DeleteFunc(s.rng.Perm(s.pieces), func(i int) bool { return s.offers[i] > 0 || s.copies[i] > 0 })
}

func (s *Seed) count(piece, by int) {
	s.tally(piece, -1)
	s.copies[piece] = uint16(int(s.copies[piece]) + by)
	s.tally(piece, 1)
	s.refresh(piece)
}

func (s *Seed) tally(piece, by int) {
	if s.copies[piece] >= 1 {
		s.once += by
	}
	if s.copies[piece] >= 2 {
		s.twice += by
	}
}

// Have is told that a peer has a piece.
func (s *Seed) Have(now time.Time, id ID, piece int) {
	p := s.peers[id]
	if p == nil || !p.have.Set(piece) {
		return
	}
	for i := range p.open {
		if p.open[i].piece == piece {
			s.offers[piece]--
			p.open[i].since = now // from here on it can give it to others
		}
	}
	s.count(piece, 1)
	if p.have.Full() {
		s.whole++
	}
}

// Gave is told that a peer was given bytes of a piece of a size. When that is all of it the peer has it: most clients do not say
// so to those who have it too.
func (s *Seed) Gave(now time.Time, id ID, piece int, bytes, size int64) (complete bool) {
	p := s.peers[id]
	if p == nil {
		return false
	}
	for i := range p.open {
		if o := &p.open[i]; o.piece == piece {
			o.since = now
			if o.given += bytes; o.given >= size {
				s.Have(now, id, piece)
				return true
			}
		}
	}
	return false
}

// HaveAll is told all that a peer has, which may be less than before.
func (s *Seed) HaveAll(now time.Time, id ID, have content.Bitmap) {
	p := s.peers[id]
	if p == nil {
		return
	}
	for i := range s.pieces {
		switch {
		case have.Has(i):
			s.Have(now, id, i)
		case p.have.Has(i):
			s.Lost(id, i)
		}
	}
}

// Lost is told that a peer does not have a piece any more.
func (s *Seed) Lost(id ID, piece int) {
	p := s.peers[id]
	if p == nil || !p.have.Has(piece) {
		return
	}
	if p.have.Full() {
		s.whole--
	}
	p.have.Clear(piece)
	for _, o := range p.open {
		if o.piece == piece {
			s.offers[piece]++
		}
	}
	s.count(piece, -1)
}

// Told reports whether a peer was told that we have a piece: it may have no other of us.
func (s *Seed) Told(id ID, piece int) bool {
	p := s.peers[id]
	return p != nil && p.told.Has(piece)
}

// Known is all that a peer was told of.
func (s *Seed) Known(id ID) content.Bitmap {
	if p := s.peers[id]; p != nil {
		return p.told.Clone()
	}
	return content.NewBitmap(s.pieces)
}

// Next appends the pieces that a peer is to be told of now. Served says that it may ask for them at once.
func (s *Seed) Next(now time.Time, id ID, served bool, dst []int) []int {
	p := s.peers[id]
	if p == nil {
		return dst
	}
	p.open = slices.DeleteFunc(p.open, func(o offer) bool {
		over := s.settled(now, p, o)
		if over {
			s.withdraw(p, o)
		}
		return over
	})
	window := leastWindow
	if served {
		window = s.window
	}
	for len(p.open) < window {
		piece, ok := s.choose(p)
		if !ok {
			break
		}
		p.told.Set(piece)
		s.offers[piece]++
		p.open = append(p.open, offer{piece: piece, since: now})
		dst = append(dst, piece)
	}
	return dst
}

// settled reports whether an offer does not count any more.
func (s *Seed) settled(now time.Time, p *peer, o offer) bool {
	if now.Sub(o.since) >= patience {
		return true
	}
	// The peer itself is one of those who have it.
	return p.have.Has(o.piece) && int(s.copies[o.piece]) >= min(2, len(s.peers))
}

// choose finds a piece to tell a peer of: one that nobody has or is being given, or when each is somewhere else, a rare one.
func (s *Seed) choose(p *peer) (piece int, ok bool) {
	for i, tries := len(s.fresh)-1, 0; i >= 0 && tries < sample; i, tries = i-1, tries+1 {
		f := s.fresh[i]
		taken := s.copies[f] > 0 || s.offers[f] > 0
		if taken || !p.told.Has(f) {
			s.fresh = slices.Delete(s.fresh, i, i+1)
		}
		if !taken && !p.told.Has(f) {
			return f, true
		}
	}
	if s.once < s.pieces {
		return 0, false
	}
	best := 0
	from := s.rng.IntN(s.pieces)
	for k := range min(s.pieces, sample) {
		i := (from + k) % s.pieces
		if p.told.Has(i) || p.have.Has(i) {
			continue
		}
		if rank := int(s.copies[i]) + int(s.offers[i]); !ok || rank < best {
			piece, best, ok = i, rank, true
		}
	}
	return piece, ok
}
