// Package swarm is one object in motion: it joins the conversations with its peers, the scheduler that decides whom to ask
// for what, and the layout that says what is what, under one short lock and without I/O.
//
// Shells (internal/network) feed it batches of messages and take frames to send; the intake reports which units passed;
// the node takes the facts that concern the whole object (metadata found, complete, someone to serve) and the addresses
// to dial.
//
// An object is resolving (metadata unknown), then fetching or seeding. Checking, paused, changed, missing and failed stop
// all transfer. The files of this package follow the data: dial, identity, rendezvous, peer, source, receive, resolve, download, upload,
// answer, choke, snapshot. Who gets a connection is decided in gate, who is asked for metadata and hashes in resolve, how much of
// hole punching is heeded in rendezvous; sources keeps those to whom nobody talks.
package swarm

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/protocol/pex"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/swarm/rendezvous"
	"github.com/potluck-p2p/potluck/internal/swarm/resolve"
	"github.com/potluck-p2p/potluck/internal/swarm/sources"
	"github.com/potluck-p2p/potluck/internal/swarm/suggest"
	"github.com/potluck-p2p/potluck/internal/swarm/superseed"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// State says what an object is doing. Its text is what users and the API see.
type State string

// The states of an object.
const (
	Resolving State = "resolving" // the link is known, the metadata is not
	Checking  State = "checking"  // bytes found on disk are being hashed
	Fetching  State = "fetching"  // wanted bytes are missing
	Seeding   State = "seeding"   // every wanted byte is verified
	Paused    State = "paused"    // the user stopped it
	Changed   State = "changed"   // a file is not what was hashed
	Missing   State = "missing"   // a file is gone
	Failed    State = "failed"    // it cannot go on; the error says why
)

// Config is what a swarm is made of. All fields are required but DHTPort, Seats, Key and those that are true or false.
type Config struct {
	InfoHash metainfo.InfoHash
	// PeerID and Client are how we introduce ourselves; Port is where we listen, 0 if we do not.
	PeerID [20]byte
	Client string
	Port   uint16
	// DHTPort is where our node in the DHT listens; 0: we have none.
	DHTPort uint16
	// MaxPeers bounds the connections of this object, both directions together.
	MaxPeers int
	// Seats bounds them together with those of other objects; nil is no bound.
	Seats *Seats
	// Key is that of our node, to be told to those who could use it; zero: to nobody.
	Key identity.Key
	// SuperSeeding gives each peer another part while nobody else has all (BEP 16).
	SuperSeeding bool
	// LargeRequests has neighbouring blocks travel in one frame where the peer knows how.
	LargeRequests bool
	// Sequential asks for pieces in order instead of rarest first.
	Sequential bool
	// Holepunch says that we dial and accept over uTP, and so punch holes (BEP 55).
	Holepunch bool
	// Accept decides whether an address that a peer has told may be dialled; nil: none may.
	Accept func(netip.AddrPort) bool
	// Rand breaks ties; it is used under the swarm's lock only.
	Rand *rand.Rand
	// Wake is called, possibly with the lock held, when Facts has something new. It must not block.
	Wake func()
}

// Content is what becomes known with the metadata.
type Content struct {
	Info     *metainfo.Info
	Layout   *torrent.Layout
	Hashes   *torrent.Hashes
	Verified content.Bitmap // pieces verified in an earlier run, or all of a share
	// Priority of each piece; nil wants all.
	Priority func(piece int) scheduler.Priority
}

// Swarm is one object in motion. It is safe for concurrent use.
type Swarm struct {
	mu  sync.Mutex
	cfg Config

	state  State
	err    error
	peers  map[PeerID]*peer
	list   []*peer // the values of peers in the order they joined, so that the same calls do the same
	gone   []departed
	lastID PeerID
	facts  Facts

	sources sources.List // that are no peers

	book     *addressbook.Book
	gate     *gate.Gate    // who has the connections
	exchange *pex.Exchange // nil until it is known that the object is not private
	meetings rendezvous.Desk
	invited  []invitation // not dialled yet

	dictionary resolve.Dictionary // while the metadata is unknown

	// Known with the metadata.
	content *Content
	have    content.Bitmap
	sched   *scheduler.Scheduler
	hashes  *resolve.Hashes
	exclude func(piece int) bool // pieces not to be asked for yet; nil when all piece layers are known
	blocks  []scheduler.Request  // scratch of fill
	pieces  []int                // scratch of offer

	desk      *suggest.Desk   // nil while there is nobody to whom we suggest pieces
	super     *superseed.Seed // nil while we own up to what we have
	superDone bool            // there was no use in it any more
	// stirred counts the events after which a peer that had nothing left to be asked for may have something again.
	stirred uint64

	wantedBytes, verifiedBytes int64 // of wanted pieces
	leftBytes                  int64 // of all pieces that we lack
	down, up                   bittorrent.Meter
	wasted                     int64
}

// New makes a swarm that resolves its metadata from peers until Open is called.
func New(now time.Time, cfg Config) *Swarm {
	book := addressbook.New(cfg.Rand, cfg.Port)
	return &Swarm{
		cfg: cfg, state: Resolving, peers: make(map[PeerID]*peer), stirred: 1,
		dictionary: resolve.Dictionary{Hash: cfg.InfoHash},
		book:       book, gate: gate.New(book, cfg.Seats, cfg.PeerID, cfg.MaxPeers),
	}
}

// Facts are news about the whole object, for the node.
type Facts struct {
	// Metadata is the info dictionary, its hash checked, once it is complete.
	Metadata []byte
	// Complete says that every wanted piece has been verified.
	Complete bool
	// SomeoneToServe says that a peer became interested, or left: a slot may be given at once.
	SomeoneToServe bool
	// Layers says that piece layers arrived which are worth keeping.
	Layers bool
	// Accused lists peers that sent bad data.
	Accused []Accusation
	// Votes are what peers said our address is (BEP 10).
	Votes []Vote
	// Nodes are where peers say that their DHT nodes are (BEP 5).
	Nodes []netip.AddrPort
}

// Vote is what a peer that we dialled says our address is: those who dial us may be anybody's crowd.
type Vote struct{ Voter, Address netip.Addr }

// maxVotes bounds the votes that wait to be taken.
const maxVotes = 64

// Accusation names a peer that sent bytes which failed their hash.
type Accusation struct {
	Addr   string
	Client string
	Piece  int
}

// TakeFacts hands over the news since the last call.
func (s *Swarm) TakeFacts() Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts
	s.facts = Facts{}
	return f
}

// Open gives the swarm its content, at once for a share or a .torrent, later when the metadata was fetched. Peers that
// joined while resolving stay.
func (s *Swarm) Open(now time.Time, c Content) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.content = &c
	s.have = c.Verified
	s.sched = scheduler.New(scheduler.Config{Units: c.Layout.Pieces(), Blocks: c.Layout.Blocks, Rand: s.cfg.Rand})
	s.sched.SetSequential(s.cfg.Sequential)
	for i := range s.have.All() {
		s.sched.MarkVerified(i)
	}
	for i := range c.Layout.Pieces() {
		if !s.have.Has(i) {
			s.leftBytes += int64(c.Layout.Need(i))
		}
		if c.Priority != nil {
			p := c.Priority(i)
			s.sched.SetWanted(i, p)
			if p == scheduler.None {
				continue
			}
		}
		s.wantedBytes += s.wantedOf(i)
		if s.have.Has(i) {
			s.verifiedBytes += s.wantedOf(i)
		}
	}
	s.hashes = resolve.NewHashes(c.Hashes)
	s.openExchange()
	if !s.hashes.Layered() {
		s.exclude = s.unverifiable
	}
	s.dictionary = resolve.Dictionary{}
	s.resume(now)
	s.wake()
}

// Stop halts all transfer: paused, changed, missing or failed, with the reason. Peers are sent away.
func (s *Swarm) Stop(state State, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.err = state, reason
	s.desk = nil
	for _, p := range s.list {
		s.kick(p, gate.ErrStopped)
	}
	s.sources.Wake()
	s.wake()
}

// Resume takes up transfer after Stop.
func (s *Swarm) Resume(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = nil
	s.resume(now)
	s.wake()
}

func (s *Swarm) resume(now time.Time) {
	switch {
	case s.content == nil:
		s.state = Resolving
		return
	case s.sched.Done():
		s.state = Seeding
		s.facts.Complete = true
		s.beginSuperSeeding()
	default:
		s.state = Fetching
	}
	for _, p := range s.list {
		if !p.started && p.Kicked == nil {
			s.start(now, p)
		}
	}
}

// State is what the object is doing, and why if it stopped.
func (s *Swarm) State() (State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.err
}

// moving reports whether peers are welcome.
func (s *Swarm) moving() bool {
	return s.state == Resolving || s.state == Fetching || s.state == Seeding
}

func (s *Swarm) wake() { s.cfg.Wake() }
