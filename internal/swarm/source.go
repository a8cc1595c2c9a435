package swarm

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/swarm/sources"
)

// JoiningSource is a source to whom nobody talks that is ready to be asked: it has everything, and gives what it is asked for, as a
// web server does. Its shell asks for work, fetches, and reports, by the same doors as a peer's: JoinSource, WantBlocks, Begin,
// Landed, GiveUp, LeaveSource. It knows no more of us than that.
type JoiningSource = sources.Joining

// ErrBanned says that a source gave wrong bytes of this object before.
var ErrBanned = sources.ErrBanned

// JoinSource takes a source in, while the object is being fetched. Its shell must call LeaveSource when it ends.
func (s *Swarm) JoinSource(_ time.Time, j JoiningSource) (PeerID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state != Fetching:
		return 0, ErrNotMoving
	case s.sources.IsBanned(j.Name):
		return 0, ErrBanned
	}
	s.lastID++
	if !s.sched.AddSource(s.lastID) {
		return 0, ErrFull
	}
	s.sched.HaveAll(s.lastID)
	s.sources.Enter(s.lastID, j)
	s.wake()
	return s.lastID, nil
}

// LeaveSource takes a source out; whatever it was asked for is asked elsewhere.
func (s *Swarm) LeaveSource(now time.Time, id PeerID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sources.Leave(id) {
		return
	}
	s.sched.RemoveSource(id)
	s.stir(now)
	s.wake()
}

// LackUnits says that a source does not have some pieces after all.
func (s *Swarm) LackUnits(id PeerID, first, end int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources.Find(id) == nil {
		return
	}
	for piece := first; piece < end; piece++ {
		s.sched.Lost(id, piece)
	}
}

// A source is asked at once for no more than a tailShare-th of the blocks that are left, but for leastBlocks at least.
const (
	tailShare   = 16
	leastBlocks = 4
)

// WantBlocks appends up to n blocks to ask a source for, in the order of the object: of the pieces in only, if that is not nil.
// An error ends the source.
func (s *Swarm) WantBlocks(now time.Time, id PeerID, dst []scheduler.Request, n int, only *content.Bitmap) ([]scheduler.Request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	src := s.sources.Find(id)
	switch {
	case src == nil:
		return dst, gate.ErrStopped
	case src.Kicked != nil:
		return dst, src.Kicked
	case s.state != Fetching:
		return dst, ErrNotMoving
	}
	// Towards the end all is spread more finely, so that nobody is the last for long.
	if _, left := s.sched.Remaining(); n > left/tailShare {
		n = min(n, max(left/tailShare, leastBlocks))
	}
	at := len(dst)
	dst = s.sched.Pick(dst, now, id, n, scheduler.PickOptions{Fast: true, Runs: true, Only: only, Exclude: s.exclude})
	slices.SortFunc(dst[at:], func(a, b scheduler.Request) int {
		if a.Unit != b.Unit {
			return a.Unit - b.Unit
		}
		return a.Block - b.Block
	})
	return dst, nil
}

// Begin says that a block begins to arrive from a source. False: it is not wanted any more, and is to be thrown away.
func (s *Swarm) Begin(now time.Time, id PeerID, r scheduler.Request) (Arrival, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	begin, n := s.content.Layout.Block(r.Unit, r.Block)
	a := Arrival{Block: bittorrent.Block{Piece: r.Unit, Begin: begin, Length: n}}
	a.Wanted = s.state == Fetching && s.sched.Arriving(now, id, r)
	return a, a.Wanted
}

// GiveUp says that blocks will not come from a source, whether they have begun to arrive or not.
func (s *Swarm) GiveUp(now time.Time, id PeerID, blocks []scheduler.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sources.Find(id) == nil {
		return
	}
	for _, r := range blocks {
		s.sched.Aborted(id, r)
		s.sched.Release(id, r)
	}
	s.stir(now)
}

// SourceRate is how fast a source gives, in bytes per second.
func (s *Swarm) SourceRate(now time.Time, id PeerID) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if src := s.sources.Find(id); src != nil {
		return src.Down.Rate(now)
	}
	return 0
}

// punishSource drops a source that sent bad data. It reports whether id is a source's, which is accused once.
func (s *Swarm) punishSource(id PeerID, piece int) bool {
	src, first := s.sources.Punish(id)
	if first {
		s.facts.Accused = append(s.facts.Accused, Accusation{Addr: src.Name, Client: src.Network, Piece: piece})
		s.wake()
	}
	return src != nil
}

// describeSources appends the sources to a list of peers.
func (s *Swarm) describeSources(now time.Time, list []PeerInfo) []PeerInfo {
	for _, src := range s.sources.All() {
		list = append(list, PeerInfo{
			Name: src.Name, Network: src.Network, Outgoing: true, Have: 1,
			DownRate: src.Down.Rate(now), Down: src.Down.Total(),
		})
	}
	return list
}
