package swarm

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/swarm/resolve"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// askMetadata asks peers for the info dictionary.
func (s *Swarm) askMetadata(now time.Time) {
	if s.content != nil || s.state != Resolving {
		return
	}
	for _, a := range s.dictionary.Next(now, s.holders) {
		p := s.peers[a.Peer]
		p.conv.RequestMetadata(a.Piece)
		p.wake()
	}
}

// holders yields the peers that say they have the info dictionary.
func (s *Swarm) holders(yield func(resolve.Holder) bool) {
	for _, p := range s.list {
		if size := p.conv.MetadataSize(); size > 0 && p.Kicked == nil && !yield(resolve.Holder{Peer: p.id, Size: size}) {
			return
		}
	}
}

func (s *Swarm) metadataArrived(now time.Time, p *peer, piece int, data []byte) {
	if s.content != nil {
		return
	}
	raw, err := s.dictionary.Arrived(now, p.id, piece, data)
	switch {
	case err != nil:
		s.book.Bans.Add(now, p.Addr.Addr())
		s.kick(p, err)
	case raw != nil:
		s.facts.Metadata = raw
		s.wake()
	}
	s.askMetadata(now)
}

func (s *Swarm) metadataRejected(now time.Time, p *peer) {
	if s.content != nil {
		return
	}
	s.dictionary.Rejected(now, p.id)
	s.askMetadata(now)
}

// unverifiable reports whether a piece must not be fetched yet, because nothing could tell whether it is right.
func (s *Swarm) unverifiable(piece int) bool { return !s.content.Hashes.Verifiable(piece) }

// askAllHashes looks for somebody to ask for the missing hashes that nobody is asked for.
func (s *Swarm) askAllHashes(now time.Time) {
	for _, p := range s.list {
		s.askHashes(now, p)
	}
}

// askHashes asks a peer for missing hashes that it must have.
func (s *Swarm) askHashes(now time.Time, p *peer) {
	if !p.started || p.Kicked != nil || s.state != Fetching && s.state != Seeding {
		return
	}
	for _, r := range s.hashes.Next(now, p.id, &p.have, p.conv.HashRoom()) {
		p.conv.RequestHashes(wireRequest(r))
		p.wake()
	}
}

func (s *Swarm) hashesArrived(now time.Time, p *peer, w wire.HashRequest, payload []byte) error {
	list := make([]metainfo.HashV2, len(payload)/wire.HashSize)
	for i := range list {
		list[i] = metainfo.HashV2(payload[i*wire.HashSize:])
	}
	if err := s.hashes.Arrived(p.id, hashRequest(w), list); err != nil {
		s.book.Bans.Add(now, p.Addr.Addr())
		s.kick(p, wire.ProtocolError("sent wrong hashes"))
		s.askAllHashes(now)
		return err
	}
	if s.exclude != nil && s.hashes.Layered() {
		s.exclude = nil
		s.facts.Layers = true
		s.wake()
	}
	s.askHashes(now, p)
	s.stir(now)
	return nil
}

func (s *Swarm) hashesRejected(now time.Time, p *peer, w wire.HashRequest) {
	s.hashes.Failed(p.id, hashRequest(w))
	s.askAllHashes(now)
}

func wireRequest(r torrent.HashRequest) wire.HashRequest {
	return wire.HashRequest{Root: r.Root, BaseLayer: r.BaseLayer, Index: r.Index, Length: r.Length, ProofLayers: r.ProofLayers}
}

func hashRequest(w wire.HashRequest) torrent.HashRequest {
	return torrent.HashRequest{Root: w.Root, BaseLayer: w.BaseLayer, Index: w.Index, Length: w.Length, ProofLayers: w.ProofLayers}
}
