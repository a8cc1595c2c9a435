package swarm

import (
	"crypto/sha1"
	"crypto/sha256"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// metadataFetch gets the info dictionary from peers (BEP 9). Each attempt is with one peer alone, so that a wrong result
// names its liar; a few run side by side, so that a slow peer holds up nothing.
type metadataFetch struct {
	attempts []*metadataAttempt
	found    bool
}

type metadataAttempt struct {
	peer  PeerID
	size  int
	data  []byte // grows as pieces arrive
	got   int    // pieces
	asked int
	last  time.Time
	until time.Time // others get their turn then
}

const (
	metadataAttempts = 3
	metadataWindow   = 8 // pieces asked for at once
	metadataPatience = 15 * time.Second
	// metadataTurn is how long a peer may take for the whole at the first try; each further try may take twice as long.
	metadataTurn = time.Minute
	// metadataRetry is how long a peer that rejected is not asked again.
	metadataRetry = 30 * time.Second
)

func (a *metadataAttempt) pieces() int {
	return (a.size + wire.MetadataBlock - 1) / wire.MetadataBlock
}

// askMetadata starts attempts with peers that have the metadata, and keeps those under way supplied with requests.
func (s *Swarm) askMetadata(now time.Time) {
	f := &s.metadata
	if s.content != nil || f.found || s.state != Resolving {
		return
	}
	for len(f.attempts) < metadataAttempts {
		p := s.nextForMetadata(now)
		if p == nil {
			break
		}
		until := now.Add(metadataTurn << min(p.metadataTries, 6))
		p.metadataTries++
		f.attempts = append(f.attempts, &metadataAttempt{peer: p.id, size: p.conv.MetadataSize(), last: now, until: until})
	}
	for _, a := range f.attempts {
		p := s.peers[a.peer]
		for a.asked < a.pieces() && a.asked < a.got+metadataWindow {
			p.conv.RequestMetadata(a.asked)
			a.asked++
			p.wake()
		}
	}
}

// nextForMetadata is the peer that says it has the metadata and was tried least.
func (s *Swarm) nextForMetadata(now time.Time) (best *peer) {
	for _, p := range s.list {
		if p.conv.MetadataSize() == 0 || now.Before(p.metadataAfter) || p.kicked != nil || s.metadata.of(p.id) != nil {
			continue
		}
		if best == nil || p.metadataTries < best.metadataTries {
			best = p
		}
	}
	return best
}

func (f *metadataFetch) of(id PeerID) *metadataAttempt {
	for _, a := range f.attempts {
		if a.peer == id {
			return a
		}
	}
	return nil
}

// release ends the attempt with a peer, if there is one.
func (f *metadataFetch) release(id PeerID) {
	for i, a := range f.attempts {
		if a.peer == id {
			f.attempts = append(f.attempts[:i], f.attempts[i+1:]...)
			return
		}
	}
}

func (s *Swarm) metadataArrived(now time.Time, p *peer, piece int, data []byte) {
	a := s.metadata.of(p.id)
	if a == nil {
		return
	}
	begin := piece * wire.MetadataBlock
	end := min(begin+wire.MetadataBlock, a.size)
	if len(data) != end-begin {
		s.metadataFailed(now, p, "metadata piece of the wrong size")
		return
	}
	if len(a.data) < end {
		a.data = append(a.data, make([]byte, end-len(a.data))...)
	}
	copy(a.data[begin:], data)
	a.got++
	a.last = now
	if a.got < a.pieces() {
		s.askMetadata(now)
		return
	}
	if !isInfo(s.cfg.InfoHash, a.data) {
		s.metadataFailed(now, p, "metadata does not match the info-hash")
		return
	}
	s.metadata = metadataFetch{found: true}
	s.facts.Metadata = a.data
	s.wake()
}

// metadataFailed gives up on a peer that sent wrong metadata.
func (s *Swarm) metadataFailed(now time.Time, p *peer, why string) {
	s.metadata.release(p.id)
	s.book.Bans.Add(now, p.addr.Addr())
	s.kick(p, wire.ProtocolError(why))
	s.askMetadata(now)
}

func (s *Swarm) metadataRejected(now time.Time, p *peer) {
	// It may have too much to do, or no longer have it.
	p.metadataAfter = now.Add(metadataRetry)
	s.metadata.release(p.id)
	s.askMetadata(now)
}

// expire gives up on peers that promised metadata and do not send it, or only drop by drop.
func (f *metadataFetch) expire(now time.Time) {
	kept := f.attempts[:0]
	for _, a := range f.attempts {
		if now.Sub(a.last) < metadataPatience && now.Before(a.until) {
			kept = append(kept, a)
		}
	}
	f.attempts = kept
}

// isInfo reports whether raw has the info-hash, both where both are known.
func isInfo(hash metainfo.InfoHash, raw []byte) bool {
	if v1, ok := hash.V1(); ok && v1 != metainfo.HashV1(sha1.Sum(raw)) {
		return false
	}
	if v2, ok := hash.V2(); ok && v2 != metainfo.HashV2(sha256.Sum256(raw)) {
		return false
	}
	return true
}

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
