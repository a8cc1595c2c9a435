package swarm

import (
	"fmt"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// fill tells the peer whether we want something of it, and asks for as much as its window allows.
func (s *Swarm) fill(now time.Time, p *peer) {
	if s.sched == nil || !p.started || p.Kicked != nil || s.state != Fetching && s.state != Seeding {
		return
	}
	want := s.state == Fetching && s.sched.Interesting(p.id)
	p.conv.SetInterested(want)
	if !want {
		return
	}
	room := p.conv.Room()
	if room == 0 || p.upgrading || p.dry == s.stirred {
		return
	}
	opt := scheduler.PickOptions{Fast: p.conv.DownRate(now) >= fastRate, Exclude: s.exclude}
	if p.conv.PeerChoking() {
		if p.allowed.Count() == 0 {
			return
		}
		opt.Only = &p.allowed
	}
	s.blocks = s.sched.Pick(s.blocks[:0], now, p.id, room, opt)
	for _, r := range s.blocks {
		begin, n := s.content.Layout.Block(r.Unit, r.Block)
		p.conv.Request(now, bittorrent.Block{Piece: r.Unit, Begin: begin, Length: n})
	}
	if len(s.blocks) > 0 {
		p.wake()
	}
	if len(s.blocks) < room {
		p.dry, p.dryAt = s.stirred, now
	}
}

// drySpell is how long a peer that there was nothing left to ask for is left alone at least. At the end of a download
// every look goes over all blocks under way.
const drySpell = 50 * time.Millisecond

// refill looks again what a peer may be asked for, when it will soon have nothing to do.
func (s *Swarm) refill(now time.Time, p *peer) {
	if p.conv.Thin() && now.Sub(p.dryAt) >= drySpell {
		p.dry = 0
	}
	s.fill(now, p)
	if p.conv.HasOut() {
		p.wake()
	}
}

// fastRate is the rate from which on a peer is given whole pieces, in bytes per second.
const fastRate = 64 << 10

// stir asks everyone again, after blocks became free or wanted.
func (s *Swarm) stir(now time.Time) {
	s.stirred++
	for _, p := range s.list {
		s.fill(now, p)
		if p.conv.HasOut() {
			p.wake()
		}
	}
	s.sources.Wake()
}

// Beat is to be called about every scheduler.Retry: only time decides whether a slow request is asked of another peer too,
// and that a peer is silent, whose writer may be held up.
func (s *Swarm) Beat(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != Fetching {
		return
	}
	for _, p := range s.list {
		if err := s.snub(now, p); err != nil {
			s.kick(p, err)
		}
		s.refill(now, p)
	}
	s.sources.Wake()
}

// arriving decides on the header of a Piece message.
func (s *Swarm) arriving(now time.Time, p *peer, m *wire.Message) (Arrival, error) {
	a := Arrival{Block: bittorrent.Block{Piece: int(m.Index), Begin: int(m.Begin), Length: int(m.Length)}}
	asked, err := p.conv.Arriving(now, a.Block)
	if err != nil {
		return a, err
	}
	r, ok := s.request(a.Block)
	if !ok || s.state != Fetching {
		return a, nil
	}
	// A block that comes after a choke, a cancel or our losing patience is not refused if it is still missing.
	if asked && s.sched.Arriving(now, p.id, r) {
		a.Wanted = true
	} else {
		s.wasted += int64(a.Length)
	}
	return a, nil
}

// Landed is told that the payload of the wanted arrivals is in place. It appends the pieces that are now complete and must
// be verified to dst.
func (s *Swarm) Landed(now time.Time, id PeerID, arrivals []Arrival, dst []int) []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, src := s.peers[id], s.sources.Find(id)
	if p == nil && src == nil {
		return dst
	}
	for i := range arrivals {
		a := &arrivals[i]
		s.down.Add(now, a.Length)
		if !a.Wanted {
			if src != nil {
				s.wasted += int64(a.Length)
			}
			continue // and no merit of the peer's
		}
		if src != nil {
			src.Down.Add(now, a.Length)
		} else {
			p.conv.Arrived(now, a.Length)
		}
		r := scheduler.Request{Unit: a.Piece, Block: a.Begin / bittorrent.BlockSize}
		complete, cancel := s.sched.Arrived(now, id, r)
		for _, other := range cancel {
			if q := s.peers[other]; q != nil {
				q.conv.Cancel(a.Block)
				s.fill(now, q)
				q.wake()
			}
		}
		if complete {
			dst = append(dst, a.Piece)
		}
	}
	if p != nil {
		s.refill(now, p)
	}
	return dst
}

// Checked is the intake's report on a complete piece: whether its bytes are what the layout says. A passed piece is
// written already. A failed one is wanted again, and who sent it is blamed. Leaves of a passed piece are only needed when
// NeedLeaves says so.
func (s *Swarm) Checked(now time.Time, piece int, v torrent.Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.content == nil {
		return
	}
	var blame scheduler.Blame
	switch {
	case v.OK:
		blame = s.sched.Passed(piece, digests(v.Leaves))
		s.passed(now, piece)
	case v.Unknown, s.state == Failed: // a disk that fails may have lost bytes of a piece that lay in the unfinished file
		s.sched.Forget(piece)
	default:
		blame = s.sched.Failed(piece, v.Bad, digests(v.Leaves))
		s.wasted += s.bad(piece, v.Bad)
		s.hashes.WantLeaves(piece)
	}
	for _, id := range blame.Guilty {
		s.punish(now, id, piece)
	}
	if !v.OK {
		s.askAllHashes(now)
		s.stir(now)
	}
}

// bad is how many bytes of a failed piece are of no use: those of the bad blocks, if these are known.
func (s *Swarm) bad(piece int, blocks []int) (bytes int64) {
	if len(blocks) == 0 {
		return int64(s.content.Layout.Need(piece))
	}
	for _, b := range blocks {
		_, n := s.content.Layout.Block(piece, b)
		bytes += int64(n)
	}
	return bytes
}

// NeedLeaves reports whether the hashes of a passed piece's blocks would tell who lied in an attempt before.
func (s *Swarm) NeedLeaves(piece int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sched != nil && s.sched.NeedDigests(piece, true)
}

func digests(leaves []metainfo.HashV2) []scheduler.Digest {
	d := make([]scheduler.Digest, len(leaves))
	for i := range leaves {
		d[i] = scheduler.Digest(leaves[i])
	}
	return d
}

func (s *Swarm) passed(now time.Time, piece int) {
	if !s.have.Set(piece) {
		return
	}
	s.hashes.Passed(piece)
	s.verifiedBytes += s.wantedOf(piece)
	s.leftBytes -= int64(s.content.Layout.Need(piece))
	done := s.sched.Done()
	for _, p := range s.list {
		if p.started && !p.have.Has(piece) {
			p.conv.AnnouncePiece(piece)
			p.wake()
		}
		if !done && p.conv.AmInterested() && !s.sched.Interesting(p.id) {
			s.fill(now, p)
			s.dropUseless(p)
			p.wake()
		}
	}
	if !done || s.state != Fetching {
		return
	}
	s.state = Seeding
	s.facts.Complete = true
	s.sources.Wake()
	for _, p := range s.list {
		s.fill(now, p)
		p.conv.TellUploadOnly()
		s.dropUseless(p)
		p.wake()
	}
	s.wake()
}

// punish bans a peer that sent bad data, also when it has left since. It is accused once.
func (s *Swarm) punish(now time.Time, id PeerID, piece int) {
	if s.punishSource(id, piece) {
		return
	}
	var liar departed
	if p := s.peers[id]; p != nil && !p.accused {
		p.accused = true
		liar = departed{id, p.Addr, s.client(p)}
		s.kick(p, wire.ProtocolError(fmt.Sprintf("sent bad data for piece %d", piece)))
	} else if i := slices.IndexFunc(s.gone, func(d departed) bool { return d.id == id }); i >= 0 {
		liar = s.gone[i]
		s.gone = slices.Delete(s.gone, i, i+1)
	} else {
		return
	}
	s.facts.Accused = append(s.facts.Accused, Accusation{Addr: liar.addr.String(), Client: liar.client, Piece: piece})
	s.book.Bans.Add(now, liar.addr.Addr())
	s.wake()
}

// Unwritten takes back a piece whose bytes could not be written: it is wanted again, and nobody is to blame.
func (s *Swarm) Unwritten(piece int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sched == nil {
		return
	}
	if s.have.Clear(piece) {
		s.verifiedBytes -= s.wantedOf(piece)
		s.leftBytes += int64(s.content.Layout.Need(piece))
	}
	s.sched.Forget(piece)
	s.sched.Unverify(piece)
	s.stirred++
}

// wantedOf is how many bytes a piece counts among the wanted ones.
func (s *Swarm) wantedOf(piece int) int64 {
	if p := s.content.Priority; p != nil && p(piece) == scheduler.None {
		return 0
	}
	return int64(s.content.Layout.Need(piece))
}
