// Package node is where all rooms meet: it wires them together in one function (open), holds the objects, and runs one
// control loop that reads as a table of contents (loop). It decides little itself: the scheduler, the choker and the
// layouts decide, the shells carry out.
//
// The files follow a user's object: share, get, place and open (from link or disk to a swarm in motion), restore (from an
// earlier run), loop, sources and durable (while it moves), turns and enough (whether it may), manage, verify, accept and
// prefer (what a user does to it), status and events (what is seen of it), close.
package node

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/discovery/lan"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/network/web"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/vfs"
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
	// Offline allows only addresses and trackers that were named explicitly.
	Offline bool
	// Up and Down limit payload, in bytes per second; 0 is no limit.
	Up, Down int64
	// DownloadDir is where fetched objects go unless said otherwise.
	DownloadDir string
	// Version is potluck's, as told to peers.
	Version string
	// Slots is how many peers are served at once to begin with; 8. MaxPeers bounds the peers of all objects together;
	// 200. No object has more than 80.
	Slots, MaxPeers int
	// Ratio is how often an object that was fetched is given before it is paused, SeedTime how long; 0 is no end.
	Ratio    float64
	SeedTime time.Duration
	// ActiveFetches and ActiveSeeds bound the objects that are fetched and seeded at once; the others wait. 0 is no bound.
	ActiveFetches, ActiveSeeds int
	// PieceMemory bounds the memory of pieces under way, in bytes; 32 MiB.
	PieceMemory int64
}

// Node is a running node. It is safe for concurrent use.
type Node struct {
	cfg    Config
	peerID [20]byte
	lock   io.Closer

	life    context.Context
	end     context.CancelFunc
	calls   sync.WaitGroup // from outside, that may begin something
	driving sync.WaitGroup // the loop and the accepting of connections, which begin things too
	running sync.WaitGroup // whatever else
	ending  sync.Once
	ended   error
	wake    chan struct{}

	catalog  *catalog.Catalog
	store    *store.Store
	budget   *intake.Budget
	seats    *swarm.Seats // for the peers of all objects
	pool     *intake.Pool
	shell    *bittorrent.Shell
	web      *web.Shell
	trackers *tracker.Client
	lan      *lan.Runner // nil if the local network is not to hear of us
	fetcher  *netx.Client
	up, down *netx.Limiter
	choker   *choker.Choker // the loop's alone
	events   events
	hashing  chan struct{} // one token for each object whose files are being hashed

	listeners []net.Listener
	sockets   []*netx.Mux
	addrs     addrs

	adding sync.Mutex // held while it is decided whether an object is new

	mu      sync.Mutex
	closing bool
	objects []*object
	byHash  map[[20]byte]*object
	places  map[string]*object // by the path that a fetched object has, or is about to have
	away    map[string]bool    // ids of objects that are being moved to another folder
	lastNum uint64
}

// maxObjectPeers bounds the peers of one object: more of them bring nothing more.
const maxObjectPeers = 80

// maxHashing bounds the objects whose files are hashed at once: each takes all processors.
const maxHashing = 2

// Open starts a node on a home. Another node on the same home is a *LockedError.
func Open(ctx context.Context, cfg Config) (*Node, error) {
	n, err := open(ctx, cfg)
	if err != nil {
		var locked *LockedError
		if errors.As(err, &locked) {
			return nil, err
		}
		return nil, explain(err)
	}
	return n, nil
}

// open is the wiring: every room is made here and handed to those that need it.
func open(ctx context.Context, cfg Config) (n *Node, err error) {
	defaults(&cfg)
	n = &Node{
		cfg: cfg, wake: make(chan struct{}, 1), hashing: make(chan struct{}, maxHashing),
		byHash: make(map[[20]byte]*object), places: make(map[string]*object), away: make(map[string]bool),
	}
	n.life, n.end = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			n.close()
			n = nil
		}
	}()
	if err = cfg.FS.MkdirAll(cfg.Home); err != nil {
		return n, err
	}
	if n.lock, err = lockHome(cfg.Home); err != nil {
		return n, err
	}
	if n.catalog, err = n.openCatalog(ctx); err != nil {
		return n, err
	}
	n.store = store.New(cfg.FS, store.Options{Now: cfg.Now})
	n.seats = swarm.NewSeats(cfg.MaxPeers)
	n.budget = intake.NewBudget(cfg.PieceMemory)
	n.pool = intake.NewPool(runtime.GOMAXPROCS(0), n.panicked)
	n.up, n.down = netx.NewLimiter(cfg.Up), netx.NewLimiter(cfg.Down)
	n.choker = choker.New(choker.Config{Slots: cfg.Slots, Rand: newRand()})
	if n.peerID, err = n.newPeerID(); err != nil {
		return n, err
	}
	n.fetcher = netx.NewClient(netx.ClientOptions{Network: cfg.Network, UserAgent: n.client()})
	n.shell = bittorrent.New(bittorrent.Config{
		Network: cfg.Network, PeerID: n.peerID, Now: cfg.Now, Log: cfg.Log, Find: n.find, Panicked: n.panicked,
	})
	n.web = web.New(web.Config{Network: cfg.Network, UserAgent: n.client(), Now: cfg.Now, Panicked: n.panicked})
	if err = n.listen(ctx); err != nil {
		return n, err
	}
	if err = n.openTrackers(); err != nil {
		return n, err
	}
	if err = n.restore(ctx); err != nil {
		return n, err
	}
	n.openLAN()
	for _, l := range n.listeners {
		n.driving.Go(func() { n.shell.Accept(n.life, l) })
	}
	n.driving.Go(n.loop)
	return n, nil
}

func defaults(cfg *Config) {
	if cfg.Slots == 0 {
		cfg.Slots = 8
	}
	if cfg.MaxPeers == 0 {
		cfg.MaxPeers = 200
	}
	if cfg.PieceMemory == 0 {
		cfg.PieceMemory = 32 << 20
	}
}

func lockHome(home string) (io.Closer, error) {
	l, err := vfs.LockFile(filepath.Join(home, "lock"))
	if errors.Is(err, vfs.ErrLocked) {
		return nil, &LockedError{Home: home, Err: err}
	}
	return l, err
}

// openCatalog opens the catalog; a damaged one is replaced by its backup, and kept.
func (n *Node) openCatalog(ctx context.Context) (*catalog.Catalog, error) {
	path := filepath.Join(n.cfg.Home, "catalog.db")
	c, err := catalog.Open(ctx, path, cryptorand.Reader)
	var damaged *catalog.DamagedError
	if !errors.As(err, &damaged) || !damaged.Backup {
		return c, err
	}
	root, err := n.cfg.FS.OpenRoot(n.cfg.Home)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	c, _, err = catalog.Recover(ctx, path, root, cryptorand.Reader)
	if err == nil {
		n.cfg.Log.Warn("the catalog was damaged; the last good state was taken instead", "why", damaged.Reason)
	}
	return c, err
}

// newPeerID draws our id for this run. BEP 20: "-", two letters for the client, four for the version, "-".
func (n *Node) newPeerID() (id [20]byte, err error) {
	copy(id[:], "-PK0100-")
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	if _, err = io.ReadFull(cryptorand.Reader, id[8:]); err != nil {
		return id, err
	}
	for i := range id[8:] {
		id[8+i] = alphabet[id[8+i]%64]
	}
	return id, nil
}

// newRand makes a generator for decisions that need no secrecy.
func newRand() *rand.Rand {
	var seed [16]byte
	cryptorand.Read(seed[:])
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])))
}

// client is how we call ourselves to others.
func (n *Node) client() string { return "potluck/" + n.cfg.Version }

// portSetting is where the catalog keeps the port chosen the first time.
const portSetting = "peer-port"

// listen binds TCP and UDP to the same port of every address asked for.
func (n *Node) listen(ctx context.Context) error {
	if n.cfg.Silent {
		return nil
	}
	addrs := n.cfg.Listen
	kept := len(addrs) == 0
	if kept {
		port := 0
		if s, ok, err := n.catalog.Setting(ctx, portSetting); err != nil {
			return err
		} else if ok {
			port, _ = strconv.Atoi(s)
		}
		addrs = []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port))}
	}
	for _, a := range addrs {
		l, pc, err := netx.ListenPair(ctx, n.cfg.Network, a)
		if err != nil && kept {
			// The kept port is taken today, or there is no IPv6: any port, any family.
			if l, pc, err = netx.ListenPair(ctx, n.cfg.Network, netip.AddrPortFrom(a.Addr(), 0)); err != nil {
				l, pc, err = netx.ListenPair(ctx, n.cfg.Network, netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
			}
		}
		if err != nil {
			return &Error{"cannot-listen", fmt.Sprintf("cannot listen on %v: %v", a, err),
				"choose another address with --listen HOST:PORT", ExitBlocked, err}
		}
		n.listeners = append(n.listeners, l)
		mux := netx.NewMux(pc)
		n.sockets = append(n.sockets, mux)
		n.running.Go(func() { mux.Serve() })
	}
	if kept {
		port := netx.AddrPort(n.listeners[0].Addr()).Port()
		return n.catalog.SetSetting(ctx, portSetting, strconv.Itoa(int(port)))
	}
	return nil
}

// port is where peers reach us; 0 if they do not.
func (n *Node) port() uint16 {
	if len(n.listeners) == 0 {
		return 0
	}
	return netx.AddrPort(n.listeners[0].Addr()).Port()
}

// find looks an object up by the 20 bytes of a handshake.
func (n *Node) find(name [20]byte) *bittorrent.Object {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o := n.byHash[name]; o != nil {
		return o.net
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

// poke makes the loop look for news. It never blocks.
func (n *Node) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}
