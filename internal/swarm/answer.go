package swarm

import (
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// serveMetadata answers a request for a piece of the info dictionary.
func (s *Swarm) serveMetadata(p *peer, piece int) {
	if s.content == nil {
		p.conv.RejectMetadata(piece)
		return
	}
	raw := s.content.Info.Raw
	begin := piece * wire.MetadataBlock
	if piece < 0 || begin >= len(raw) {
		p.conv.RejectMetadata(piece)
		return
	}
	p.conv.SendMetadata(piece, len(raw), raw[begin:min(begin+wire.MetadataBlock, len(raw))])
}

// LeafWork is a peer's request for hashes below the pieces: they are made anew from the pieces First up to End.
type LeafWork struct {
	Request    torrent.HashRequest
	First, End int
}

// Bounds of the leaf work of one peer: requests that wait, and the bytes of pieces read for one of them.
const (
	maxLeafWork  = 4
	maxLeafBytes = 32 << 20
)

func (s *Swarm) serveHashes(p *peer, w wire.HashRequest) {
	if s.content == nil {
		p.conv.RejectHashes(w)
		return
	}
	list, need, ok := s.content.Hashes.Serve(nil, hashRequest(w))
	switch {
	case !ok:
		p.conv.RejectHashes(w)
	case need.End == need.First:
		p.conv.SendHashes(w, list)
	case len(p.leafWork) < maxLeafWork && s.bytesOf(need) <= maxLeafBytes && s.hasAll(need):
		p.leafWork = append(p.leafWork, LeafWork{hashRequest(w), need.First, need.End})
		p.wake()
	default:
		p.conv.RejectHashes(w)
	}
}

func (s *Swarm) bytesOf(pieces torrent.Pieces) (bytes int64) {
	for i := pieces.First; i < pieces.End; i++ {
		bytes += int64(s.content.Layout.Need(i))
	}
	return bytes
}

func (s *Swarm) hasAll(pieces torrent.Pieces) bool {
	for i := pieces.First; i < pieces.End; i++ {
		if !s.have.Has(i) {
			return false
		}
	}
	return true
}

// AnswerHashes sends a peer the hashes it asked for, now that the leaves of the pieces are at hand.
func (s *Swarm) AnswerHashes(id PeerID, work LeafWork, leaves []metainfo.HashV2) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[id]
	if p == nil {
		return
	}
	w := wireRequest(work.Request)
	if list, ok := s.content.Hashes.ServeLeaves(nil, work.Request, leaves); ok {
		p.conv.SendHashes(w, list)
	} else {
		p.conv.RejectHashes(w)
	}
	p.wake()
}
