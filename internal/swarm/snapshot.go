package swarm

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/identity"
)

// Snapshot is what a user sees of an object at one moment.
type Snapshot struct {
	State         State
	Err           error
	Pieces        int
	PiecesHave    int
	WantedBytes   int64
	VerifiedBytes int64 // of the wanted ones
	LeftBytes     int64 // of the whole object, wanted or not
	WastedBytes   int64
	DownBytes     int64 // payload of this run
	UpBytes       int64
	DownRate      float64 // bytes per second
	UpRate        float64
	Peers         int
	Sources       int // peers that have something: pieces, or the metadata while we lack it
	Unproven      int // of the sources, those to whom nobody talks that have given nothing yet
	Known         int // addresses that could be dialled
	SuperSeeding  bool
}

// Snapshot describes the object.
func (s *Swarm) Snapshot(now time.Time) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	sources, unproven := len(s.sources.All()), 0
	for _, src := range s.sources.All() {
		if src.Down.Total() == 0 {
			unproven++
		}
	}
	for _, p := range s.list {
		if p.have.Count() > 0 || s.content == nil && p.conv.MetadataSize() > 0 {
			sources++
		}
	}
	return Snapshot{
		State:         s.state,
		Err:           s.err,
		Pieces:        s.have.Len(),
		PiecesHave:    s.have.Count(),
		WantedBytes:   s.wantedBytes,
		VerifiedBytes: s.verifiedBytes,
		LeftBytes:     s.leftBytes,
		WastedBytes:   s.wasted,
		DownBytes:     s.down.Total(),
		UpBytes:       s.up.Total(),
		DownRate:      s.down.Rate(now),
		UpRate:        s.up.Rate(now),
		Peers:         len(s.peers),
		Sources:       sources,
		Unproven:      unproven,
		Known:         s.book.Known(),
		SuperSeeding:  s.super != nil,
	}
}

// PeerInfo is what a user sees of a peer. Client is the peer's own word: escape it when shown.
type PeerInfo struct {
	Addr     netip.AddrPort
	Name     string // of a source that is no BitTorrent peer; Addr means nothing then
	Network  string // empty: BitTorrent
	Client   string
	Outgoing bool
	Punched  bool // both ends began it at the same time, as a third told them
	// Hidden says that the connection is enciphered by MSE. Key is what the peer has proven by TLS, which enciphers more; zero: it
	// does not speak TLS with us.
	Hidden   bool
	Key      identity.Key
	V2       bool
	Have     float64 // share of the pieces, 0 to 1
	DownRate float64
	UpRate   float64
	Down, Up int64
}

// Peers describes every connection.
func (s *Swarm) Peers(now time.Time) []PeerInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []PeerInfo
	for _, p := range s.list {
		list = append(list, PeerInfo{
			Addr:     p.Addr,
			Client:   s.client(p),
			Outgoing: p.Outgoing,
			Punched:  p.punched,
			Hidden:   p.hidden,
			Key:      p.Key,
			V2:       p.conv.V2(),
			Have:     float64(p.have.Count()) / float64(max(1, p.have.Len())),
			DownRate: p.conv.DownRate(now),
			UpRate:   p.conv.UpRate(now),
			Down:     p.conv.Downloaded(),
			Up:       p.conv.Uploaded(),
		})
	}
	return s.describeSources(now, list)
}

// client is how the peer calls itself: in its extended handshake, or by the first bytes of its peer id (BEP 20).
func (s *Swarm) client(p *peer) string {
	if h, ok := p.conv.Hello(); ok && h.Version != "" {
		return h.Version
	}
	return string(p.Remote[:8])
}

// Have is the set of verified pieces; it is empty while resolving.
func (s *Swarm) Have() content.Bitmap {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.have.Clone()
}
