// Package dht finds peers, and items, in the mainline DHT, and serves it: the sockets, clock and goroutines of the nodes in
// internal/protocol/dht.
//
// [Schedule] decides which info-hash is looked up when, and [routers] when strangers have to be asked for a way in; neither
// does I/O. [Runner] brings them together with a node for each socket (BEP 45), all under one lock, which is held for one
// datagram or one step.
package dht

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
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

// Run takes part until ctx ends.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer r.end()
	defer wg.Wait()
	defer context.AfterFunc(ctx, r.closeSockets)()
	for _, m := range r.members {
		wg.Go(func() { r.read(m) })
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(time.Until(r.guardedTurn(ctx, &wg, time.Now())))
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	r.closeSockets()
}

func (r *Runner) closeSockets() {
	for _, m := range r.members {
		_ = m.conn.Close()
	}
}

// end lets go of those who wait for something.
func (r *Runner) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for _, w := range r.waiting {
		close(w.over)
	}
	r.waiting = nil
}

// read takes datagrams until the socket is closed.
func (r *Runner) read(m *member) {
	buf := make([]byte, krpc.MaxPacket+1) // one byte more tells a datagram that is too long
	for {
		n, from, err := m.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n > krpc.MaxPacket {
			continue
		}
		r.receive(m, from, slices.Clone(buf[:n]))
	}
}

func (r *Runner) receive(m *member, from netip.AddrPort, packet []byte) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Panicked(p)
		}
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	query := false
	if r.knocks.answered(packet) {
		m.node.Contact(now, from)
	} else {
		query = m.node.Receive(now, from, packet)
	}
	if rule := m.rule(from.Addr().Unmap()); rule != nil {
		rule.heard(now, from.Addr().Unmap(), query)
	}
	r.nudge()
}

// idle is how long a runner sleeps at most.
const idle = time.Minute

// news are peers that were found, or that an announce is over.
type news struct {
	hash      [20]byte
	peers     []netip.AddrPort
	announced bool
	taken     int // by as many nodes
}

// guardedTurn is turn; a panic in it costs that turn, and not the node (promise 4.8).
func (r *Runner) guardedTurn(ctx context.Context, wg *sync.WaitGroup, now time.Time) (next time.Time) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Panicked(p)
			next = now.Add(time.Second)
		}
	}()
	return r.turn(ctx, wg, now)
}

// turn does what is due, and returns when there is something again.
func (r *Runner) turn(ctx context.Context, wg *sync.WaitGroup, now time.Time) time.Time {
	next := now.Add(idle)
	var told []news
	stands := false
	func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.begin(now)
		told = r.collect(now)
		for _, m := range r.members {
			again, changed := m.stand(now)
			next, stands = sooner(next, again), stands || changed
			next = sooner(next, m.node.Advance(now))
		}
		told = append(told, r.collect(now)...)
		r.settle()
		if len(r.searches) < atOnce { // else the end of one wakes us
			next = sooner(next, r.schedule.Next())
		}
		if !r.joined && r.states(dht.Joined) {
			r.joined = true
			r.schedule.Hurry(now)
		}
		if r.routers.ask(now, r.states(dht.Alone)) {
			wg.Go(func() { r.resolve(ctx) })
		}
		next = sooner(next, r.routers.next())
		r.flush(now)
	}()
	for _, n := range told {
		switch {
		case !n.announced:
			r.cfg.Found(n.hash, n.peers)
		case r.cfg.Announced != nil:
			r.cfg.Announced(n.hash, n.taken)
		}
	}
	if stands && r.cfg.Stands != nil {
		r.cfg.Stands()
	}
	return next
}

// states reports whether one of our nodes is in a state of joining.
func (r *Runner) states(state dht.JoinState) bool {
	for _, m := range r.members {
		for _, s := range m.node.Stats(time.Now()).Sides {
			if s.State == state {
				return true
			}
		}
	}
	return false
}

// flush sends what the nodes have to send. Sending on a datagram socket does not wait.
func (r *Runner) flush(now time.Time) {
	for _, m := range r.members {
		for _, d := range m.node.Outbox() {
			m.rule(d.To.Addr()).wrote(now, d.To.Addr())
			if _, err := m.conn.WriteTo(d.Data, d.To); err != nil && !errors.Is(err, net.ErrClosed) {
				r.cfg.Log.Debug("cannot send to a node of the DHT", "to", d.To, "err", err)
			}
		}
	}
}

// begin starts the look-ups that are due.
func (r *Runner) begin(now time.Time) {
	for len(r.searches) < atOnce {
		look, ok := r.schedule.Begin(now)
		if !ok {
			return
		}
		s := &search{Look: look}
		opt := dht.PeerOptions{NoSeed: look.Seed}
		if look.Announce {
			// The port is told rather than implied: it is for TCP, and what a NAT makes of UDP says nothing about that.
			opt.Announce = &dht.Announcement{Port: r.cfg.Port(), Seed: look.Seed}
		}
		for _, m := range r.members {
			s.at = append(s.at, m.node.FindPeers(now, look.Hash, opt))
		}
		r.searches = append(r.searches, s)
	}
}

// collect takes what look-ups have found, and ends those that are done.
func (r *Runner) collect(now time.Time) (told []news) {
	r.searches = slices.DeleteFunc(r.searches, func(s *search) bool {
		over, heard, taken := true, false, 0
		for _, at := range s.at {
			if peers := at.Take(); len(peers) > 0 {
				told = append(told, news{hash: s.Hash, peers: peers})
				r.schedule.Found(s.Hash)
			}
			over = over && at.Done()
			heard = heard || at.Written() > 0 || !s.Announce && at.Answered() > 0
			taken += at.Written()
		}
		if over {
			r.schedule.Ended(now, s.Hash, heard)
			if s.Announce {
				told = append(told, news{hash: s.Hash, announced: true, taken: taken})
			}
		}
		return over
	})
	return told
}

// sooner is the earlier of two times, of which the zero time is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
