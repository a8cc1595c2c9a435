// Package node is where all rooms meet: it wires them together in one function (open), lets users in (enter), and runs one
// control loop that reads as a table of contents (loop). It decides little itself: the scheduler, the choker and the
// layouts decide, the shells carry out, and what becomes of an object is in its own room (object).
//
// The files follow what a user does: add, feeds, manage, status, close; and what it is made of: online, identity, way, limits,
// blocklists, patrol.
package node

import (
	"cmp"
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/ceiling"
	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/network/utp"
	"github.com/potluck-p2p/potluck/internal/network/web"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/filter"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/node/adding"
	"github.com/potluck-p2p/potluck/internal/node/blocking"
	"github.com/potluck-p2p/potluck/internal/node/feeds"
	"github.com/potluck-p2p/potluck/internal/node/finding"
	"github.com/potluck-p2p/potluck/internal/node/home"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/node/routers"
	"github.com/potluck-p2p/potluck/internal/node/self"
	"github.com/potluck-p2p/potluck/internal/node/sockets"
	"github.com/potluck-p2p/potluck/internal/node/turn"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/schedule"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// Config is what a node is made of. The zero values of Listen to MaxPeers are defaults; the rest is required.
type Config struct {
	// Home is the folder of the node's state; it is made if it is not there.
	Home string

	FS      vfs.FS
	Network netx.Network
	Now     func() time.Time
	Log     *slog.Logger

	// Listen is where peers are accepted; none: all addresses, on the port kept from last time. Silent nodes do not
	// listen at all, and dial nobody.
	Listen []netip.AddrPort
	Silent bool
	// Announced says that the user named the listening address: links carry it (x.pe).
	Announced bool
	// Anonymous tells nobody what program we are and where, and is somebody else for each object.
	Anonymous bool
	// Offline allows only addresses and trackers that were named explicitly.
	Offline bool
	// Encryption says how connections with peers may begin.
	Encryption mse.Policy
	// UTP connects with peers over uTP where TCP does not reach them, and has them connect so.
	UTP bool
	// LargeRequests asks other potlucks for several blocks in one message, unless Anonymous: nobody else does.
	LargeRequests bool
	// HolePunching meets peers whom nobody can connect to, and brings others together (BEP 55). It needs UTP.
	HolePunching bool
	// DHT takes part in the distributed hash table, unless Offline; DHTRouters are HOST:PORT of nodes that are asked for a
	// way in when no other is known.
	DHT        bool
	DHTRouters []string
	// PortMapping has the routers before us let others in, unless Offline.
	PortMapping bool
	// FeedPoll is how often a feed that is followed is looked up; 5 minutes.
	FeedPoll time.Duration
	// Up and Down limit payload, in bytes per second; 0 is no limit.
	Up, Down int64
	// Schedule are limits for some hours of some days, by the time zone of Now; later ones win.
	Schedule []schedule.Entry
	// LimitLAN has the limits hold for the local network too.
	LimitLAN bool
	// BlockLists are files of addresses to have nothing to do with, in the formats of package blocklist.
	BlockLists []string
	// DownloadDir is where fetched objects go unless said otherwise.
	DownloadDir string
	// Version is potluck's, as told to peers.
	Version string
	// SuperSeeding gives each peer another part of a share, while nobody else has all (BEP 16).
	SuperSeeding bool
	// Room is what the machine has room for.
	Room ceiling.Ceilings
	// Slots is how many peers are served at once to begin with, MaxPeers bounds the peers of all objects together; what Room says.
	// No object has more than 80.
	Slots, MaxPeers int
	// Ratio is how often an object that was fetched is given before it is paused, SeedTime how long; 0 is no end.
	Ratio    float64
	SeedTime time.Duration
	// ActiveFetches and ActiveSeeds bound the objects that are fetched and seeded at once; the others wait. 0 is no bound.
	ActiveFetches, ActiveSeeds int
	// PieceMemory bounds the memory of pieces under way, in bytes; what Room says.
	PieceMemory int64
}

// Node is a running node. It is safe for concurrent use.
type Node struct {
	cfg  Config
	home *home.Home

	life    context.Context
	end     context.CancelFunc
	door    door
	driving sync.WaitGroup // the loop and the accepting of connections, which begin things
	running sync.WaitGroup // whatever else
	ending  sync.Once
	ended   error

	catalog  *catalog.Catalog
	books    *object.Books
	rooms    *object.Rooms
	sockets  *sockets.Sockets
	shell    *bittorrent.Shell
	names    self.Names
	identity *identity.Identity // nil without TLS
	utp      *utp.Shell         // nil without
	lan      *finding.LAN       // nil if the local network is not to hear of us
	dht      *finding.DHT       // nil if we take no part in it
	routers  *routers.Mapping   // nil if no router is asked
	adder    *adding.Adder
	feeds    *feeds.Desk
	lists    *blocking.Lists // nil if nobody is blocked
	filter   *filter.Network // the same
	fetcher  *urls.Client
	choker   *choker.Choker // the loop's alone
	feed     news.Feed
}

// What users see of a node.
type (
	Object  = news.Object
	File    = news.File
	Peer    = news.Peer
	Tracker = news.Tracker
	Event   = news.Event
)

// maxObjectPeers bounds the peers of one object: more of them bring nothing more.
const maxObjectPeers = 80

// maxHashing bounds the objects whose files are hashed at once: each takes all processors.
const maxHashing = 2

// trackerQueue is how many answers of UDP trackers may wait.
const trackerQueue = 256

// Open starts a node on a home. Another node on the same home is a *home.LockedError.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	n, err := open(ctx, cfg)
	if err != nil {
		var locked *home.LockedError
		if errors.As(err, &locked) {
			return nil, err
		}
		return nil, fault.Explain(err)
	}
	return n, nil
}

// open is the wiring: every room is made here and handed to those that need it.
func open(ctx context.Context, cfg Config) (n *Node, err error) {
	defaults(&cfg)
	n = &Node{
		cfg: cfg, books: object.NewBooks(), sockets: &sockets.Sockets{},
		names: self.Names{Version: cfg.Version, Anonymous: cfg.Anonymous},
	}
	n.life, n.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			n.close()
			n = nil
		}
	}()
	if n.home, err = home.Open(ctx, cfg.FS, cfg.Home, cfg.Log); err != nil {
		return n, err
	}
	n.catalog = n.home.Catalog
	if err = n.openBlockLists(); err != nil {
		return n, err
	}
	cfg.Network = n.cfg.Network
	client := n.names.Client()
	if !cfg.Silent {
		s, err := sockets.Open(ctx, sockets.Config{Network: cfg.Network, Now: cfg.Now, Listen: cfg.Listen, Settings: n.catalog})
		if err != nil {
			return n, err
		}
		n.sockets = s
	}
	st := store.New(cfg.FS, store.Options{Now: cfg.Now})
	udp := n.sockets.Routes(trackerQueue, func(b []byte, _ netip.AddrPort) bool { return wire.IsResponse(b) })
	trackers := tracker.NewClient(tracker.ClientConfig{Network: cfg.Network, UDP: udp, UserAgent: client, Rand: newRand()})
	n.fetcher = urls.NewClient(urls.ClientOptions{Network: cfg.Network, UserAgent: client})
	n.rooms = &object.Rooms{
		Life: n.life, Now: cfg.Now, Log: cfg.Log, Network: cfg.Network, Rand: newRand,
		Catalog: n.catalog,
		Disk: &local.Disk{
			FS: cfg.FS, Store: st, Catalog: n.catalog, Sides: filepath.Join(cfg.Home, "side"), Hashing: make(chan struct{}, maxHashing),
			Displaced: n.displaced,
		},
		Books: n.books, Feed: &n.feed,
		Budget: intake.NewBudget(cfg.PieceMemory), Pool: intake.NewPool(runtime.GOMAXPROCS(0), n.panicked),
		Seats: swarm.NewSeats(cfg.MaxPeers), Sockets: n.sockets,
		Announcing: tracker.NewRunner(trackers, newRand()), Scraper: tracker.NewScraper(trackers, newRand()),
		Web: web.New(web.Config{Network: cfg.Network, UserAgent: client, Now: cfg.Now, Unlimited: n.unlimited(), Panicked: n.panicked}),
		Up:  netx.NewLimiter(cfg.Up), Down: netx.NewLimiter(cfg.Down),
		Filter: n.filter, SuperSeeding: cfg.SuperSeeding,
		PeerID: n.names.PeerIDs(), Client: client, MaxPeers: min(cfg.MaxPeers, maxObjectPeers),
		Silent: cfg.Silent, Offline: cfg.Offline, DHT: cfg.DHT, Announced: cfg.Announced, Encryption: cfg.Encryption,
		Bounds:    turn.Bounds{Fetches: cfg.ActiveFetches, Seeds: cfg.ActiveSeeds},
		Enough:    turn.Enough{Ratio: cfg.Ratio, Time: cfg.SeedTime},
		Unreached: func(a netip.Addr) bool { return n.dht.Unreached(a) }, Stirring: object.NewStirring(), Panicked: n.panicked,
	}
	n.adder = adding.New(adding.Config{Rooms: n.rooms, Fetcher: n.fetcher, DownloadDir: cfg.DownloadDir, Introduce: func(t *metainfo.Torrent) { n.dht.Introduce(t) }})
	n.choker = choker.New(choker.Config{Slots: cfg.Slots, MaxSlots: max(cfg.Slots, cfg.Room.MaxSlots), Rand: newRand()})
	n.openUTP()
	n.rooms.HolePunching, n.rooms.LargeRequests = n.punchesHoles(), cfg.LargeRequests && !cfg.Anonymous
	if err = n.openIdentity(ctx); err != nil {
		return n, err
	}
	n.shell = bittorrent.New(bittorrent.Config{
		Network: cfg.Network, UTP: n.dialUTP(), Now: cfg.Now, Log: cfg.Log, Encryption: cfg.Encryption,
		Identity: n.identity, Unlimited: n.unlimited(), Find: n.find, FindReq2: n.books.FindReq2, Panicked: n.panicked,
		Buffers: cfg.Room.Buffers, LargeRequests: cfg.LargeRequests && !cfg.Anonymous,
	})
	n.driving.Go(func() { n.rooms.Announcing.Run(n.life) })
	if err = n.restore(ctx); err != nil {
		return n, err
	}
	n.openLAN()
	if err = n.openDHT(ctx); err != nil {
		return n, err
	}
	if err = n.openRouters(ctx); err != nil {
		return n, err
	}
	n.openFeeds()
	if !cfg.Silent {
		n.running.Go(func() { n.rooms.Scraper.Run(n.life, n.rooms.Scraped) })
	}
	for _, l := range n.sockets.Listeners() {
		n.driving.Go(func() { n.shell.Accept(n.life, l) })
	}
	if n.utp != nil {
		n.driving.Go(func() { n.shell.Accept(n.life, n.utp) })
	}
	n.running.Go(func() { n.home.KeepBackup(n.life, cfg.Log) })
	if n.lists != nil {
		n.driving.Go(n.keepBlockLists)
	}
	if !cfg.Silent { // the state is looked at otherwise, and not changed
		n.driving.Go(n.patrol)
	}
	n.driving.Go(n.watchWay)
	n.driving.Go(n.loop)
	return n, nil
}

func defaults(cfg *Config) {
	if cfg.Anonymous && isExposed(cfg.Network) {
		cfg.DHT = false // which would tell strangers what is looked for from our address
	}
	if cfg.Encryption == mse.Authenticated {
		cfg.DHT = false // whose datagrams say in clear what is looked for
	}
	if cfg.Room == (ceiling.Ceilings{}) {
		cfg.Room = ceiling.Of(ceiling.Machine{})
	}
	cfg.Slots = cmp.Or(cfg.Slots, cfg.Room.Slots)
	cfg.MaxPeers = cmp.Or(cfg.MaxPeers, cfg.Room.Peers)
	cfg.PieceMemory = cmp.Or(cfg.PieceMemory, cfg.Room.Pieces)
}

// newRand makes a generator for decisions that need no secrecy.
func newRand() *rand.Rand {
	var seed [16]byte
	cryptorand.Read(seed[:])
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])))
}

// find looks an object up by the 20 bytes of a handshake.
func (n *Node) find(name [20]byte) *bittorrent.Object {
	if o := n.books.Find(name); o != nil {
		return o.Net
	}
	return nil
}

// panicked is told of a panic that was contained (promise 4.8).
func (n *Node) panicked(r any) {
	n.cfg.Log.Error("internal error, contained", "panic", fmt.Sprint(r), "stack", stack())
}

func stack() string {
	b := make([]byte, 8<<10)
	return string(b[:runtime.Stack(b, false)])
}
