package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// PeerID names a connection within its swarm; it is the scheduler's name of the source.
type PeerID = scheduler.SourceID

// peer is what the swarm keeps of one connection. Its conversation and its place in the scheduler live and die together.
type peer struct {
	id        PeerID
	conv      *bittorrent.Conversation
	remoteID  [20]byte
	addr      netip.AddrPort
	outgoing  bool
	wake      func()
	connected time.Time
	started   bool  // it was told what we have, and the scheduler knows what it has
	kicked    error // why its shell must hang up

	have           content.Bitmap
	unchokedAt     time.Time
	sinceUnchoke   int64
	metadataFailed bool
	allowed        content.Bitmap // allowed-fast pieces, as far as we were told
	leafWork       []LeafWork     // hash requests of the peer that need pieces read
}

// Joining is a connection whose handshakes are done.
type Joining struct {
	Addr     netip.AddrPort
	Outgoing bool
	Remote   wire.Handshake
	V2       bool // the connection was upgraded to, or begun under, the v2 info-hash
	// Wake tells the connection's writer that Outbound has something. It must not block and may be called with the
	// swarm's lock held.
	Wake func()
}

// Reasons for which a connection is refused or ended, none of them the peer's fault.
var (
	ErrSelf      = errors.New("swarm: connected to ourselves")
	ErrFull      = errors.New("swarm: enough peers")
	ErrDuplicate = errors.New("swarm: already connected to this peer")
	ErrNotMoving = errors.New("swarm: the object is stopped")
	errStopped   = errors.New("swarm: the object was stopped")
	errUseless   = errors.New("swarm: both sides are complete")
)

// maxPerIP bounds the connections from one address to one object.
const maxPerIP = 32

// reqq is how many requests we queue for a peer.
const reqq = 2000

// Join takes a connection in. Its shell must call Leave when it ends.
func (s *Swarm) Join(now time.Time, j Joining) (PeerID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !s.moving():
		return 0, ErrNotMoving
	case j.Remote.PeerID == s.cfg.PeerID:
		s.candidates.ban(j.Addr)
		return 0, ErrSelf
	case s.candidates.banned(now, j.Addr.Addr()):
		return 0, fmt.Errorf("swarm: %v sent bad data before", j.Addr.Addr())
	case len(s.peers) >= s.cfg.MaxPeers:
		return 0, ErrFull
	}
	sameIP := 0
	for _, p := range s.peers {
		if p.addr.Addr() == j.Addr.Addr() {
			sameIP++
		}
		if p.remoteID != j.Remote.PeerID || p.kicked != nil {
			continue
		}
		if !s.prefer(j, p) {
			return 0, ErrDuplicate
		}
		s.kick(p, ErrDuplicate)
	}
	if sameIP >= maxPerIP {
		return 0, ErrFull
	}
	s.lastID++
	p := &peer{id: s.lastID, remoteID: j.Remote.PeerID, addr: j.Addr, outgoing: j.Outgoing, wake: j.Wake, connected: now}
	hello := wire.ExtHandshake{Version: s.cfg.Client, Port: s.cfg.Port, YourIP: j.Addr.Addr().Unmap()}
	pieces := -1
	if s.content != nil {
		hello.MetadataSize = len(s.content.Info.Raw)
		pieces = s.content.Layout.Pieces()
	}
	p.conv = bittorrent.New(now, bittorrent.Config{
		Fast:     j.Remote.Reserved.Has(wire.FeatureFast),
		Extended: j.Remote.Reserved.Has(wire.FeatureExtended),
		V2:       j.V2,
		Reqq:     reqq,
		Hello:    hello,
	}, pieces)
	s.peers[p.id] = p
	s.candidates.connected(now, j.Addr, j.Outgoing)
	if s.content != nil {
		s.start(now, p)
	} else {
		p.conv.SendHaveNothing()
	}
	p.wake()
	return p.id, nil
}

// prefer decides between two connections to one peer, which both ends must decide alike when each dialled the other: the
// one begun by the end with the greater peer id stays.
func (s *Swarm) prefer(j Joining, old *peer) bool {
	if j.Outgoing == old.outgoing {
		return false
	}
	weAreGreater := bytes.Compare(s.cfg.PeerID[:], j.Remote.PeerID[:]) > 0
	return j.Outgoing == weAreGreater
}

// start exchanges what both sides have, once the metadata is known.
func (s *Swarm) start(now time.Time, p *peer) {
	p.started = true
	have, err := p.conv.Learn(s.content.Layout.Pieces())
	if err != nil {
		s.kick(p, err)
		return
	}
	if p.conv.SentHave() {
		// BEP 6 allows one bitfield only, and it said "nothing": pieces we have since are announced one by one.
		for i := range s.have.All() {
			p.conv.AnnouncePiece(i)
		}
	} else {
		p.conv.SendHave(&s.have)
		if !s.have.Full() || have.Count() == 0 {
			p.conv.AllowFast(s.allowedFast(p))
		}
	}
	p.have = have
	p.allowed = content.NewBitmap(have.Len())
	if !s.sched.AddSource(p.id) {
		s.kick(p, ErrFull)
		return
	}
	s.sched.HaveBitmap(p.id, have)
	s.fill(now, p)
	s.askHashes(now, p)
	p.wake()
}

// Leave takes a connection out; whatever it was asked for is asked elsewhere.
func (s *Swarm) Leave(now time.Time, id PeerID, cause error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.peers[id]
	if p == nil {
		return
	}
	delete(s.peers, id)
	s.candidates.left(now, p.addr, p.outgoing, cause)
	s.metadata.release(id)
	s.hashes.release(id)
	if p.started {
		s.sched.RemoveSource(id)
		s.fillAll(now)
	} else {
		s.askMetadata(now)
	}
	if p.conv.PeerInterested() {
		s.facts.SomeoneToServe = true
	}
	s.wake()
}

// kick makes the peer's shell hang up.
func (s *Swarm) kick(p *peer, why error) {
	if p.kicked == nil {
		p.kicked = why
	}
	p.wake()
}
