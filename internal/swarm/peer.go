package swarm

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/protocol/pex"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/swarm/rendezvous"
	"github.com/potluck-p2p/potluck/internal/swarm/suggest"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// PeerID names a connection within its swarm; it is the scheduler's name of the source.
type PeerID = scheduler.SourceID

// peer is what the swarm keeps of one connection. Its conversation and its place in the scheduler live and die together.
type peer struct {
	gate.Guest
	id        PeerID
	conv      *bittorrent.Conversation
	utp       bool
	wake      func()
	hangUp    func(error)
	hidden    bool // what it sends, and what we do, is enciphered by MSE
	upgrade   func(identity.Key)
	upgrading bool         // another connection is to take the place of this one, and asks for what we want
	started   bool         // it was told what we have, and the scheduler knows what it has
	accused   bool         // it sent bad data
	greeted   bool         // its first extended handshake was heeded
	partner   *pex.Partner // once we exchange peers with it
	party     rendezvous.Party
	punched   bool           // a relay brought us together
	exchanged netip.AddrPort // the address others are told of

	have         content.Bitmap
	unchokedAt   time.Time
	sinceUnchoke int64
	askedAt      time.Time      // its last request
	handed       bool           // its writer has payload for it
	stuck        bool           // and cannot get rid of it
	allowed      content.Bitmap // allowed-fast pieces, as far as we were told
	fastTold     bool           // which pieces it may have while choked
	fastLeft     int64          // bytes that it may still have so
	guest        suggest.Guest
	refused      []int // pieces that it rejected though it has them, not to be asked for until refusedAt is long ago
	refusedAt    time.Time
	dry          uint64     // Swarm.stirred when there was nothing left to ask it for; 0: never
	dryAt        time.Time  // and when that was
	untold       *untold    // after super-seeding; nil: nothing
	leafWork     []LeafWork // hash requests of the peer that need pieces read
}

// Joining is a connection whose handshakes are done.
type Joining struct {
	Addr     netip.AddrPort
	Outgoing bool
	UTP      bool // what carries the connection is uTP
	Hidden   bool // all of it is enciphered by MSE, which proves nothing
	// Key is that of the peer, which has proven it by TLS; zero on any other connection.
	Key    identity.Key
	Remote wire.Handshake
	V2     bool // the connection was upgraded to, or begun under, the v2 info-hash
	// Wake tells the connection's writer that Outbound has something. It must not block and may be called with the
	// swarm's lock held.
	Wake func()
	// HangUp ends the connection, though its writer is held up; nil: Wake will do. It must not block either.
	HangUp func(why error)
	// Upgrade is told, once, which key the peer that we dialled says it has, on a connection that proves nothing: by TLS it could
	// prove it. It must not block and may be called with the swarm's lock held; nil: nothing is to come of it. Until the peer has
	// joined by TLS, or NotUpgraded is called, it is asked for nothing.
	Upgrade func(identity.Key)
}

// Reasons for which a connection is refused or ended, none of them the peer's fault.
var (
	ErrSelf      = gate.ErrSelf
	ErrFull      = gate.ErrFull
	ErrDuplicate = gate.ErrDuplicate
	ErrNotMoving = gate.ErrNotMoving
)

// reqq is how many requests we queue for a peer.
const reqq = 2000

// Join takes a connection in. Its shell must call Leave when it ends.
func (s *Swarm) Join(now time.Time, j Joining) (PeerID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &peer{
		Guest:  gate.Guest{Addr: j.Addr, Remote: j.Remote.PeerID, Key: j.Key, Outgoing: j.Outgoing, Since: now},
		hidden: j.Hidden, upgrade: j.Upgrade,
		utp: j.UTP, wake: j.Wake, hangUp: j.HangUp,
		punched: j.UTP && s.meetings.Expects(now, j.Addr),
	}
	leaves, err := s.gate.Admit(now, &p.Guest, !s.moving())
	s.dismiss(leaves)
	if err != nil {
		return 0, err
	}
	s.lastID++
	p.id = s.lastID
	hello := wire.ExtHandshake{Version: s.cfg.Client, Port: s.cfg.Port, YourIP: j.Addr.Addr().Unmap()}
	pieces := -1
	if s.state == Seeding && s.super == nil {
		hello.Intent = wire.UploadOnly
	}
	if s.cfg.LargeRequests {
		hello.Run = wire.MaxRun
	}
	if s.tellsKey(&j) {
		hello.Key = s.cfg.Key
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
		Exchange: s.exchange != nil, Holepunch: s.cfg.Holepunch,
		Hello: hello,
	}, pieces)
	p.Moved = func() int64 { return p.conv.Downloaded() + p.conv.Uploaded() }
	s.peers[p.id] = p
	s.list = append(s.list, p)
	if s.content != nil {
		s.start(now, p)
	} else {
		p.conv.SendHaveNothing()
	}
	p.wake()
	s.wake()
	return p.id, nil
}

// start exchanges what both sides have, once the metadata is known.
func (s *Swarm) start(now time.Time, p *peer) {
	p.started = true
	have, err := p.conv.Learn(s.content.Layout.Pieces())
	if err != nil {
		s.kick(p, err)
		return
	}
	if s.super != nil {
		s.conceal(now, p, have)
	} else if p.conv.SentHave() {
		// BEP 6 allows one bitfield only, and it said "nothing": pieces we have since are announced one by one.
		for i := range s.have.All() {
			p.conv.AnnouncePiece(i)
		}
		p.conv.TellMetadata(len(s.content.Info.Raw))
	} else {
		p.conv.SendHave(&s.have)
	}
	if s.state == Seeding && s.super == nil {
		p.conv.TellUploadOnly()
	}
	s.tellPort(p)
	p.have = have
	s.gotMany(p)
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
	s.superHeard(now)
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
	s.list = slices.DeleteFunc(s.list, func(q *peer) bool { return q == p })
	s.remember(p)
	switch {
	case p.Kicked != nil:
		cause = p.Kicked
	case s.state == Seeding && s.super == nil && p.started && p.conv.ToldHave() && !p.conv.PeerInterested():
		cause = gate.ErrUseless // as the peer found before us
	}
	s.gate.Left(now, &p.Guest, cause)
	s.endExchange(p)
	if s.desk != nil {
		s.desk.Leave(&p.guest)
	}
	if s.super != nil {
		s.super.Leave(uint64(id))
		s.superHeard(now)
	}
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
	s.gone = append(s.gone, departed{p.id, p.Addr, s.client(p)})
}

// kick makes the peer's shell hang up.
func (s *Swarm) kick(p *peer, why error) {
	if p.Kicked == nil {
		p.Kicked = why
		if p.hangUp != nil {
			p.hangUp(why)
		}
	}
	p.wake()
}

// dismiss makes room as the gate says.
func (s *Swarm) dismiss(leaves gate.Leaver) {
	for _, p := range s.list {
		if &p.Guest == leaves.Guest {
			s.kick(p, leaves.Why)
		}
	}
}
