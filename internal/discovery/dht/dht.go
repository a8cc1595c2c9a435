// Package dht finds peers, and items, in the mainline DHT, and serves it: the sockets, clock and goroutines of the nodes in
// internal/protocol/dht.
//
// [Schedule] decides which info-hash is looked up when, and [routers] when strangers have to be asked for a way in; neither
// does I/O. [Runner] brings them together with a node for each socket (BEP 45), all under one lock, which is held for one
// datagram or one step.
package dht

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/storage"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Config is what a runner is made of.
type Config struct {
	// Sockets receive the DHT's datagrams, on the ports where peers reach us. The runner closes them.
	Sockets []netx.PacketConn
	// Network resolves the names of Routers; if it leaves that to its far end, they are asked by their names.
	Network netx.Network
	// Port is where others reach us, which a router may change.
	Port func() uint16
	// Saved is the table of an earlier run.
	Saved []krpc.Node
	// Routers are HOST:PORT of nodes that are asked for a way in when no other is known, or none answers.
	Routers []string
	// Version is what others are told we are: two letters and two bytes.
	Version string
	// Seed is where everything comes from that nobody may guess.
	Seed [32]byte
	Log  *slog.Logger
	// Found is told of peers for one of our info-hashes, by the goroutine of Run. They are strangers' words.
	Found func(infoHash [20]byte, peers []netip.AddrPort)
	// Announced is told when an announce of one of our info-hashes is over, and how many nodes took it; nil: nobody is. It is
	// called as Found is.
	Announced func(infoHash [20]byte, taken int)
	// Stands is told when it has changed whether strangers reach us; nil: nobody is. It is called as Found is.
	Stands func()
	// Panicked is told of a panic over one datagram, which is dropped (promise 4.8).
	Panicked func(any)
}

// Runner is us in the DHT. It is safe for concurrent use.
type Runner struct {
	cfg  Config
	wake chan struct{}

	mu       sync.Mutex
	members  []*member
	schedule *Schedule
	routers  routers
	knocks   knocks
	searches []*search
	waiting  []*waiter
	joined   bool // once was, since the start
	greeted  time.Time
	ended    bool
}

// member is our node at one socket.
type member struct {
	conn  netx.PacketConn
	node  *dht.Node
	rules []*readOnly // one for each of its sides
}

// search is a look-up of an info-hash under way, at all members.
type search struct {
	Look
	at []*dht.PeerSearch
}

// New makes a runner; nothing is sent before Run.
func New(cfg Config) *Runner {
	rng := rand.New(rand.NewChaCha8(cfg.Seed))
	now := time.Now()
	r := &Runner{cfg: cfg, wake: make(chan struct{}, 1), schedule: NewSchedule(rng), routers: newRouters(now, len(cfg.Saved) > 0), knocks: newKnocks(rng)}
	peers, items := storage.NewPeers(rng), storage.NewItems()
	for _, conn := range cfg.Sockets {
		local := conn.LocalAddr().Addr()
		c := dht.Config{Rand: rng, Families: families(local), Version: cfg.Version, Peers: peers, Items: items}
		if netx.ScopeOf(local) == netx.Global {
			c.External = []netip.Addr{local}
		}
		m := &member{conn: conn, node: dht.New(now, c)}
		m.node.Restore(now, cfg.Saved)
		for _, s := range m.node.Stats(now).Sides {
			m.rules = append(m.rules, newReadOnly(s.Family, rng))
		}
		r.members = append(r.members, m)
	}
	return r
}

// families are those that a socket bound to an address carries.
func families(local netip.Addr) (f krpc.Families) {
	if netx.Carries(local, netip.IPv4Unspecified()) {
		f |= krpc.IPv4
	}
	if netx.Carries(local, netip.IPv6Unspecified()) {
		f |= krpc.IPv6
	}
	return f
}

// Object is something that we share or fetch.
type Object struct {
	// Hashes are its info-hashes on the wire; a hybrid has two.
	Hashes [][20]byte
	// Seed says that we have all of it.
	Seed bool
	// Hungry says that it has too few peers to go on.
	Hungry bool
	// Unannounced has it looked up only: it may turn out to be private (BEP 27).
	Unannounced bool
}

// SetObjects says what we look for and announce from now on.
func (r *Runner) SetObjects(objects []Object) {
	r.mu.Lock()
	r.schedule.Set(time.Now(), objects)
	r.mu.Unlock()
	r.nudge()
}

// Moved says that others reach us at another port than before: everything is announced again, and whether strangers reach us is
// open.
func (r *Runner) Moved() {
	r.mu.Lock()
	now := time.Now()
	r.schedule.Hurry(now)
	for _, m := range r.members {
		for _, rule := range m.rules {
			rule.moved(now)
		}
	}
	r.mu.Unlock()
	r.nudge()
}

func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// greetings is the time between two addresses that peers tell, of which others are dropped: nobody is to have us send much
// to where he likes.
const greetings = time.Second

// Greet is told that a peer says that its DHT node is at an address (BEP 5, the PORT message). A good node enters the table.
func (r *Runner) Greet(addr netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if now.Before(r.greeted) {
		return
	}
	r.greeted = now.Add(greetings)
	for _, m := range r.members {
		if netx.Carries(m.conn.LocalAddr().Addr(), addr.Addr()) {
			m.node.Ping(now, addr)
			break
		}
	}
	r.nudge()
}

// Contact gives addresses of nodes that the user, or a .torrent, names.
func (r *Runner) Contact(addrs ...netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		m.node.Contact(time.Now(), addrs...)
	}
	r.nudge()
}

// Table returns the nodes that are worth saving for another run.
func (r *Runner) Table() (list []krpc.Node) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.members {
		list = append(list, m.node.Table()...)
	}
	return list
}
