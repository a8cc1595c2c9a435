package swarm

import (
	"errors"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/scheduler"
)

// A source is one to whom nobody talks: it has everything, and gives what it is asked for, as a web server does. Its shell
// asks for work, fetches, and reports, by the same doors as a peer's: JoinSource, WantBlocks, Begin, Landed, GiveUp,
// LeaveSource. It knows no more of us than that.
type source struct {
	id      PeerID
	joining JoiningSource
	kicked  error // why its shell must let it go
	down    bittorrent.Meter
}

// JoiningSource is a source that is ready to be asked.
type JoiningSource struct {
	// Name is what users see and what is banned. Network is how it is reached.
	Name, Network string
	// Wake tells the shell that WantBlocks may have something, or an error. It must not block and may be called with the
	// swarm's lock held.
	Wake func()
}

// ErrBanned says that a source gave wrong bytes of this object before.
var ErrBanned = errors.New("swarm: it sent bad data")

// JoinSource takes a source in, while the object is being fetched. Its shell must call LeaveSource when it ends.
func (s *Swarm) JoinSource(_ time.Time, j JoiningSource) (PeerID, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.state != Fetching:
		return 0, ErrNotMoving
	case s.liars[j.Name]:
		return 0, ErrBanned
	}
	s.lastID++
	src := &source{id: s.lastID, joining: j}
	if !s.sched.AddSource(src.id) {
		return 0, ErrFull
	}
	s.sched.HaveAll(src.id)
	s.sources = append(s.sources, src)
	s.wake()
	return src.id, nil
}

// LeaveSource takes a source out; whatever it was asked for is asked elsewhere.
func (s *Swarm) LeaveSource(now time.Time, id PeerID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	src := s.source(id)
	if src == nil {
		return
	}
	s.sources = slices.DeleteFunc(s.sources, func(x *source) bool { return x == src })
	if src.down.Total() > 0 && src.kicked == nil {
		if len(s.goneSources) >= maxDeparted {
			s.goneSources = slices.Delete(s.goneSources, 0, 1)
		}
		s.goneSources = append(s.goneSources, src)
	}
	s.sched.RemoveSource(id)
	s.stir(now)
	s.wake()
}

// LackUnits says that a source does not have some pieces after all.
func (s *Swarm) LackUnits(id PeerID, first, end int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.source(id) == nil {
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

// WantBlocks appends up to n blocks to ask a source for, in the order of the object. An error ends the source.
func (s *Swarm) WantBlocks(now time.Time, id PeerID, dst []scheduler.Request, n int) ([]scheduler.Request, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	src := s.source(id)
	switch {
	case src == nil:
		return dst, errStopped
	case src.kicked != nil:
		return dst, src.kicked
	case s.state != Fetching:
		return dst, ErrNotMoving
	}
	// Towards the end all is spread more finely, so that nobody is the last for long.
	if _, left := s.sched.Remaining(); n > left/tailShare {
		n = min(n, max(left/tailShare, leastBlocks))
	}
	at := len(dst)
	dst = s.sched.Pick(dst, now, id, n, scheduler.PickOptions{Fast: true, Runs: true, Exclude: s.exclude})
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
	if s.source(id) == nil {
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
	if src := s.source(id); src != nil {
		return src.down.Rate(now)
	}
	return 0
}

// source is the one with this id; there are few.
func (s *Swarm) source(id PeerID) *source {
	if i := slices.IndexFunc(s.sources, func(x *source) bool { return x.id == id }); i >= 0 {
		return s.sources[i]
	}
	return nil
}

// wakeSources lets the sources look for work, or for the end of it.
func (s *Swarm) wakeSources() {
	for _, src := range s.sources {
		src.joining.Wake()
	}
}

// punishSource drops a source that sent bad data, and keeps it away from this object. It reports whether id is a source's.
// It is accused once, also when it has left since.
func (s *Swarm) punishSource(id PeerID, piece int) bool {
	src := s.source(id)
	if src == nil {
		i := slices.IndexFunc(s.goneSources, func(x *source) bool { return x.id == id })
		if i < 0 {
			return false
		}
		src = s.goneSources[i]
		s.goneSources = slices.Delete(s.goneSources, i, i+1)
	}
	src.kicked = ErrBanned
	src.joining.Wake()
	name := src.joining.Name
	if s.liars[name] {
		return true
	}
	if s.liars == nil {
		s.liars = make(map[string]bool)
	}
	s.liars[name] = true
	s.facts.Accused = append(s.facts.Accused, Accusation{Addr: name, Client: src.joining.Network, Piece: piece})
	s.wake()
	return true
}

// describeSources appends the sources to a list of peers.
func (s *Swarm) describeSources(now time.Time, list []PeerInfo) []PeerInfo {
	for _, src := range s.sources {
		list = append(list, PeerInfo{
			Name: src.joining.Name, Network: src.joining.Network, Outgoing: true, Have: 1,
			DownRate: src.down.Rate(now), Down: src.down.Total(),
		})
	}
	return list
}
