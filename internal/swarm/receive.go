package swarm

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
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
	if p == nil {
		return dst, gate.ErrStopped
	}
	if p.Kicked != nil {
		return dst, p.Kicked
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
		if err := s.hear(now, p, &msgs[i]); err != nil {
			return dst, err
		}
	}
	s.fill(now, p)
	if p.conv.HasOut() {
		p.wake()
	}
	if p.conv.Backlog() > maxBacklog {
		return dst, wire.ProtocolError("asks, and does not take the answers")
	}
	return dst, s.checkUseful(p)
}

// hear takes a message. One about a run is as good as those about its blocks.
func (s *Swarm) hear(now time.Time, p *peer, m *wire.Message) error {
	if p.conv.IsRun(m) {
		for block := range m.Cut(bittorrent.BlockSize) {
			if err := s.heed(now, p, block); err != nil {
				return err
			}
		}
		return nil
	}
	return s.heed(now, p, *m)
}

func (s *Swarm) heed(now time.Time, p *peer, m wire.Message) error {
	e, err := p.conv.Receive(now, m)
	if err != nil {
		return err
	}
	return s.handle(now, p, e)
}

// maxBacklog bounds the frames that wait for a peer to read them, in bytes.
const maxBacklog = 4 << 20

// handle is the table of contents of what a peer can say.
func (s *Swarm) handle(now time.Time, p *peer, e bittorrent.Event) error {
	switch e.Kind {
	case bittorrent.Choked:
		s.choked(p)
	case bittorrent.Unchoked: // fill asks after the batch
		p.dry = 0
	case bittorrent.AllowedFast:
		p.allowed.Set(e.Block.Piece)
		p.dry = 0
	case bittorrent.Suggested:
		s.suggested(p, e.Block.Piece)
	case bittorrent.Interested, bittorrent.NotInterested:
		s.facts.SomeoneToServe = true
		s.wake()
	case bittorrent.Have:
		return s.peerHas(now, p, e.Block.Piece)
	case bittorrent.DontHave:
		return s.peerLost(now, p, e.Block.Piece)
	case bittorrent.HaveBitfield:
		return s.peerHasBitfield(now, p, e.Payload)
	case bittorrent.HaveAll:
		p.have.SetAll()
		s.sched.HaveAll(p.id)
		p.dry = 0
		s.gotMany(p)
		s.peerHasMany(now, p)
	case bittorrent.HaveNone, bittorrent.IntentTold: // checkUseful looks after the batch
	case bittorrent.Requested:
		s.requested(now, p, e.Block)
	case bittorrent.Rejected:
		s.rejected(now, p, e.Block)
	case bittorrent.Greeted:
		s.greeted(now, p)
	case bittorrent.MetadataRequested:
		s.serveMetadata(p, e.Block.Piece)
	case bittorrent.MetadataArrived:
		s.metadataArrived(now, p, e.Block.Piece, e.Payload)
	case bittorrent.MetadataRejected:
		s.metadataRejected(now, p)
	case bittorrent.PeersTold:
		return s.peersTold(now, p, e)
	case bittorrent.PortTold:
		s.portTold(p, e.Port)
	case bittorrent.RendezvousAsked:
		s.rendezvousAsked(now, p, e.Holepunch.Addr)
	case bittorrent.ConnectTold:
		s.connectTold(now, p, e.Holepunch.Addr)
	case bittorrent.RendezvousFailed:
		s.rendezvousFailed(now, p, e.Holepunch)
	case bittorrent.HashesRequested:
		s.serveHashes(p, e.Hash)
	case bittorrent.HashesArrived:
		return s.hashesArrived(now, p, e.Hash, e.Payload)
	case bittorrent.HashesRejected:
		s.hashesRejected(now, p, e.Hash)
	}
	return nil
}

// greeted takes from the peer's first extended handshake what serves to find others.
func (s *Swarm) greeted(now time.Time, p *peer) {
	if !p.greeted {
		p.greeted = true
		hello, _ := p.conv.Hello()
		if p.Outgoing {
			s.vote(p.Addr.Addr(), hello.YourIP)
			p.keyTold(hello.Key)
		} else if hello.Port != 0 {
			p.Listen = s.book.Listens(now, p.Addr.Addr(), hello.Port)
			if s.book.Pin(p.Listen).Key.IsZero() { // what was proven there counts more than a port that a peer tells
				s.book.SetPin(p.Listen, Pin{Key: p.Key, By: FromPeer})
			}
		}
	}
	s.beginExchange(now, p)
	s.askMetadata(now)
}

// SetOwn says what our own address is, in its family: the priorities of BEP 40 depend on it.
func (s *Swarm) SetOwn(own netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.book.SetOwn(own)
}

// SetPorts sets where others reach us from now on, and where our node in the DHT; 0: we have none. Who has joined before is not
// told again.
func (s *Swarm) SetPorts(port, dhtPort uint16) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Port, s.cfg.DHTPort = port, dhtPort
}

// vote notes what a peer that we dialled says our address is.
func (s *Swarm) vote(voter, own netip.Addr) {
	if own.IsValid() && len(s.facts.Votes) < maxVotes {
		s.facts.Votes = append(s.facts.Votes, Vote{voter, own})
	}
}

func (s *Swarm) peerHas(now time.Time, p *peer, piece int) error {
	if !p.have.Set(piece) {
		return p.conv.Useless(now)
	}
	s.sched.Have(p.id, piece)
	if !s.have.Has(piece) {
		p.dry = 0
	}
	s.got(p, piece)
	if s.super != nil {
		s.super.Have(now, uint64(p.id), piece)
		s.superHeard(now)
	}
	return nil
}

// peerLost takes back a have (BEP 54). Requests for the piece are rejected by the peer one by one.
func (s *Swarm) peerLost(now time.Time, p *peer, piece int) error {
	if !p.have.Clear(piece) {
		return p.conv.Useless(now)
	}
	s.sched.Lost(p.id, piece)
	if s.super != nil {
		s.super.Lost(uint64(p.id), piece)
	}
	return nil
}

func (s *Swarm) peerHasBitfield(now time.Time, p *peer, b []byte) error {
	have, err := content.ParseBitmap(b, s.content.Layout.Pieces())
	if err != nil {
		return wire.ProtocolError("bitfield of the wrong size")
	}
	for i := range p.have.All() {
		have.Set(i)
	}
	p.have = have
	s.sched.HaveBitmap(p.id, have)
	p.dry = 0
	s.gotMany(p)
	s.peerHasMany(now, p)
	return nil
}

func (s *Swarm) choked(p *peer) {
	if !p.started {
		return
	}
	// What it rejected just before was the choke's forerunner: some clients reject first and choke then.
	s.retryRefused(p)
	// With BEP 6 each request is rejected by itself.
	if p.conv.Pending() == 0 {
		s.sched.ReleaseAll(p.id)
	}
}

// refusedFor is how long a piece is not asked of a peer that rejected a block of it for no reason we know of. It may have
// been asked for too much at once, or know more than it told (BEP 54): asked again at once it would only reject again, and
// never asked again the only source of a piece would be lost.
const refusedFor = 30 * time.Second

func (s *Swarm) rejected(now time.Time, p *peer, b bittorrent.Block) {
	r, ok := s.request(b)
	if !ok {
		return
	}
	if p.conv.PeerChoking() {
		p.allowed.Clear(r.Unit)
	} else if !slices.Contains(p.refused, r.Unit) {
		s.sched.Lost(p.id, r.Unit)
		p.refused, p.refusedAt = append(p.refused, r.Unit), now
	}
	s.sched.Release(p.id, r)
	if len(p.refused) > maxRefused {
		s.kick(p, wire.ProtocolError("rejects whatever it is asked for"))
	}
}

// maxRefused bounds the pieces that a peer may reject in a row without a reason.
const maxRefused = 1024

// retryRefused lets the peer be asked again for what it rejected.
func (s *Swarm) retryRefused(p *peer) {
	for _, piece := range p.refused {
		if p.have.Has(piece) {
			s.sched.Have(p.id, piece)
		}
	}
	p.refused, p.dry = p.refused[:0], 0
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
