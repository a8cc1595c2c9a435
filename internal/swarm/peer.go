package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/protocol/pex"
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
	utp       bool
	wake      func()
	hangUp    func(error)
	connected time.Time
	started   bool           // it was told what we have, and the scheduler knows what it has
	kicked    error          // why its shell must hang up
	accused   bool           // it sent bad data
	greeted   bool           // its first extended handshake was heeded
	partner   *pex.Partner   // once we exchange peers with it
	exchanged netip.AddrPort // the address others are told of
	listen    netip.AddrPort // of an incoming peer: the address in the book that stands for it
	noted     int64          // payload that the book knows of

	have         content.Bitmap
	unchokedAt   time.Time
	sinceUnchoke int64
	allowed      content.Bitmap // allowed-fast pieces, as far as we were told
	fastLeft     int64          // bytes that it may still have while choked
	refused      []int          // pieces that it rejected though it has them, not to be asked for until refusedAt is long ago
	refusedAt    time.Time
	dry          uint64     // Swarm.stirred when there was nothing left to ask it for; 0: never
	dryAt        time.Time  // and when that was
	leafWork     []LeafWork // hash requests of the peer that need pieces read
}

// Joining is a connection whose handshakes are done.
type Joining struct {
	Addr     netip.AddrPort
	Outgoing bool
	UTP      bool // what carries the connection is uTP
	Remote   wire.Handshake
	V2       bool // the connection was upgraded to, or begun under, the v2 info-hash
	// Wake tells the connection's writer that Outbound has something. It must not block and may be called with the
	// swarm's lock held.
	Wake func()
	// HangUp ends the connection, though its writer is held up; nil: Wake will do. It must not block either.
	HangUp func(why error)
}

// Reasons for which a connection is refused or ended, none of them the peer's fault.
var (
	errFelt      = errors.New("swarm: somebody is there, which is all we wanted to know")
	ErrSelf      = errors.New("swarm: connected to ourselves")
	ErrFull      = errors.New("swarm: enough peers")
	ErrDuplicate = errors.New("swarm: already connected to this peer")
	ErrNotMoving = errors.New("swarm: the object is stopped")
	errStopped   = errors.New("swarm: the object was stopped")
	errUseless   = errors.New("swarm: neither side has anything for the other")
)

// maxPerIP bounds the connections from one address to one object.
const maxPerIP = 32

// reqq is how many requests we queue for a peer.
const reqq = 2000

// Join takes a connection in. Its shell must call Leave when it ends.
func (s *Swarm) Join(now time.Time, j Joining) (PeerID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.countDials()
	if err := s.seat(now, j); err != nil {
		if j.Outgoing {
			s.book.Left(now, j.Addr, outcome(err))
		}
		return 0, err
	}
	s.lastID++
	p := &peer{id: s.lastID, remoteID: j.Remote.PeerID, addr: j.Addr, outgoing: j.Outgoing, utp: j.UTP, wake: j.Wake, hangUp: j.HangUp, connected: now}
	hello := wire.ExtHandshake{Version: s.cfg.Client, Port: s.cfg.Port, YourIP: j.Addr.Addr().Unmap()}
	pieces := -1
	if s.state == Seeding {
		hello.Intent = wire.UploadOnly
	}
	if s.content != nil {
		hello.MetadataSize = len(s.content.Info.Raw)
		pieces = s.content.Layout.Pieces()
	}
	p.conv = bittorrent.New(now, bittorrent.Config{
		Fast:     j.Remote.Reserved.Has(wire.FeatureFast),
		Extended: j.Remote.Reserved.Has(wire.FeatureExtended),
		V2:       j.V2,
		DHT:      s.speaksDHT() && j.Remote.Reserved.Has(wire.FeatureDHT),
		Reqq:     reqq,
		Exchange: s.exchange != nil,
		Hello:    hello,
	}, pieces)
	s.peers[p.id] = p
	s.list = append(s.list, p)
	s.book.Joined(j.Addr.Addr())
	if j.Outgoing {
		s.book.Connected(now, j.Addr)
	}
	if s.content != nil {
		s.start(now, p)
	} else {
		p.conv.SendHaveNothing()
	}
	p.wake()
	return p.id, nil
}

// seat is admit for as long as there are seats. A feeler wants none.
func (s *Swarm) seat(now time.Time, j Joining) error {
	if j.Outgoing && j.Remote.PeerID != s.cfg.PeerID && s.book.Feeling(j.Addr) {
		return errFelt
	}
	if !s.cfg.Seats.Take(addressbook.Network(j.Addr.Addr())) {
		return ErrFull
	}
	err := s.admit(now, j)
	if err != nil {
		s.cfg.Seats.Free(addressbook.Network(j.Addr.Addr()))
	}
	return err
}

// admit decides whether a connection is wanted, and sends away those that it replaces.
func (s *Swarm) admit(now time.Time, j Joining) error {
	switch {
	case !s.moving():
		return ErrNotMoving
	case j.Remote.PeerID == s.cfg.PeerID:
		return ErrSelf
	case s.book.Bans.Has(now, j.Addr.Addr()):
		return fmt.Errorf("swarm: %v sent bad data before", j.Addr.Addr())
	}
	sameIP, staying := 0, 0
	var twin *peer
	for _, p := range s.list {
		if p.addr.Addr() == j.Addr.Addr() {
			sameIP++
		}
		if p.kicked != nil {
			continue
		}
		staying++
		if p.remoteID == j.Remote.PeerID {
			twin = p
		}
	}
	switch {
	case sameIP >= maxPerIP, len(s.list) >= 2*s.cfg.MaxPeers:
		return ErrFull
	case twin != nil && !s.prefer(j, twin):
		return ErrDuplicate
	case twin != nil:
		s.kick(twin, ErrDuplicate)
	case staying >= s.cfg.MaxPeers, !j.Outgoing && s.reserved(j.Addr, staying):
		if !s.makeRoom(now, j.Addr) {
			return ErrFull
		}
	}
	return nil
}

// prefer decides between two connections to one peer, which both ends must decide alike when each dialled the other: the
// one begun by the end with the greater peer id stays.
func (s *Swarm) prefer(j Joining, old *peer) bool {
	if j.Outgoing == old.outgoing {
		// Who dials us again has lost the connection that we still have. (From another address anyone could say so.)
		return !j.Outgoing && j.Addr.Addr() == old.addr.Addr()
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
		p.conv.TellMetadata(len(s.content.Info.Raw))
	} else {
		p.conv.SendHave(&s.have)
	}
	if s.state == Seeding {
		p.conv.TellUploadOnly()
	}
	s.tellPort(p)
	s.allowFast(p)
	p.have = have
	p.allowed = content.NewBitmap(have.Len())
	if !s.sched.AddSource(p.id) {
		s.kick(p, ErrFull)
		return
	}
	s.sched.HaveBitmap(p.id, have)
	if s.exchange != nil {
		p.conv.OpenExchange()
		s.beginExchange(now, p)
	}
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
	s.cfg.Seats.Free(addressbook.Network(p.addr.Addr()))
	s.list = slices.DeleteFunc(s.list, func(q *peer) bool { return q == p })
	s.remember(p)
	switch {
	case p.kicked != nil:
		cause = p.kicked
	case s.state == Seeding && p.started && p.conv.ToldHave() && !p.conv.PeerInterested():
		cause = errUseless // as the peer found before us
	}
	s.book.Parted(p.addr.Addr())
	s.noteMoved(now, p)
	s.book.Left(now, p.book(), outcome(cause))
	s.endExchange(p)
	if p.started {
		s.hashes.Left(id)
		s.sched.RemoveSource(id)
		s.stir(now)
		s.askAllHashes(now)
	} else {
		s.dictionary.Left(id)
		s.askMetadata(now)
	}
	if p.conv.PeerInterested() {
		s.facts.SomeoneToServe = true
	}
	s.wake()
}

// departed is a peer that left and may still be found out: it sent bytes of pieces that are not verified yet.
type departed struct {
	id     PeerID
	addr   netip.AddrPort
	client string
}

// maxDeparted bounds the peers remembered after they left.
const maxDeparted = 256

func (s *Swarm) remember(p *peer) {
	if p.conv.Downloaded() == 0 || p.accused {
		return
	}
	if len(s.gone) >= maxDeparted {
		s.gone = slices.Delete(s.gone, 0, 1)
	}
	s.gone = append(s.gone, departed{p.id, p.addr, s.client(p)})
}

// kick makes the peer's shell hang up.
func (s *Swarm) kick(p *peer, why error) {
	if p.kicked == nil {
		p.kicked = why
		if p.hangUp != nil {
			p.hangUp(why)
		}
	}
	p.wake()
}
