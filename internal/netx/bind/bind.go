// Package bind is the network through one interface of this machine and no other (DESIGN 4.10). Every socket is kept to the
// interface, questions about names included. When the interface is gone (down, without its address, or not there at all)
// connections end, sockets and listeners wait, and nothing is sent; when it is back, perhaps with another address, they go on, or
// are opened again under the hands of those who hold them.
//
// To a packet for a connection or a port that is closed the kernel answers by itself, by whatever way its routes say. So what the
// interface took along stays open in the kernel until the interface is back, and the ports of connections are held for as long as the
// network is used ([netx.System]; on Linux). What nobody without rights can keep the kernel from: the reset that refuses who wants
// to connect to a port where nobody has listened, the ICMP message that says so of UDP, and both of them once the program has
// ended. None carries what the program has said.
package bind

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Config says what to bind to. Look, Changes and Open are those of the system if they are nil.
type Config struct {
	// To is the name of an interface, or an address of one.
	To string
	// NameServers are asked about names instead of those of the system.
	NameServers []netip.AddrPort

	// Look lists the interfaces of this machine.
	Look func() ([]netx.Interface, error)
	// Changes sends when interfaces may have changed, until ctx ends, and closes the channel then. It is nil where the system does
	// not tell.
	Changes func(ctx context.Context) <-chan struct{}
	// Open is the network by an interface.
	Open func(netx.Options) netx.Network
}

// retry is how soon what could not be opened is tried again. IPv6 addresses cannot be bound for a second or two after they came.
const retry = time.Second

// Network is a [netx.Way] by one interface.
type Network struct {
	cfg  Config
	end  context.CancelFunc
	done sync.WaitGroup

	mu      sync.Mutex
	present *presence // nil while the interface is gone
	past    *presence // as it was before that
	ended   []ending  // of it, and not yet closed
	problem string    // why it is
	held    map[holding]struct{}
	changed chan struct{}
	closed  bool
}

// presence is the interface from when it came until it is gone.
type presence struct {
	netx.Interface
	network netx.Network
	life    context.Context
	end     context.CancelFunc
	conns   map[ending]struct{} // end with it
}

// ending is what ends with the interface.
type ending interface {
	end()         // nothing is read and written any more
	close() error // the kernel forgets it
}

// holding is what outlives the interface: a socket or a listener.
type holding interface {
	open(nw netx.Network) error // again; does nothing if it is open
	pause()                     // keeps what is open, which does nothing until goOn
	goOn()
	lose() // closes what is open
}

// New is the network by an interface, which need not be there yet. Close it when done.
func New(cfg Config) *Network {
	if cfg.Look == nil {
		cfg.Look = netx.Interfaces
	}
	if cfg.Changes == nil {
		cfg.Changes = changes
	}
	if cfg.Open == nil {
		cfg.Open = netx.System
	}
	ctx, end := context.WithCancel(context.Background())
	n := &Network{cfg: cfg, end: end, held: map[holding]struct{}{}, changed: make(chan struct{})}
	// From before the first look, so that nothing is missed in between.
	news := cfg.Changes(ctx)
	n.see()
	n.done.Go(func() { n.watch(ctx, news) })
	return n
}

// Close ends the watching and all connections. Sockets and listeners stay closed.
func (n *Network) Close() error {
	n.end()
	n.done.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	n.lose("is not used any more")
	n.bury()
	for h := range n.held {
		h.lose()
	}
	if n.past != nil {
		if c, ok := n.past.network.(io.Closer); ok {
			return c.Close()
		}
	}
	return nil
}

func (n *Network) watch(ctx context.Context, news <-chan struct{}) {
	timer := time.NewTimer(retry)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			for news != nil {
				if _, more := <-news; !more {
					news = nil
				}
			}
			return
		case _, more := <-news:
			if !more {
				news = nil
			}
		case <-timer.C:
		}
		// While something is amiss, and where the system does not tell of changes.
		if waiting := n.see(); waiting || news == nil {
			timer.Reset(retry)
		}
	}
}

// see looks at the interface and makes everything as it has to be then. Waiting says that it is to look again soon.
func (n *Network) see() (waiting bool) {
	all, err := n.cfg.Look()
	n.mu.Lock()
	defer n.mu.Unlock()
	var before netx.Interface
	if n.past != nil {
		before = n.past.Interface
	}
	now, problem := choose(n.cfg.To, all, before)
	if err != nil {
		problem = "cannot be looked at: " + err.Error()
	}
	if n.present != nil && (problem != "" || !same(before, now)) {
		n.lose(problem)
	}
	if problem != "" {
		n.say(problem)
		return true
	}
	if n.present == nil {
		n.come(now)
	}
	for h := range n.held {
		waiting = h.open(n.present.network) != nil || waiting
	}
	n.say("")
	return waiting
}

// come takes the interface up. The caller holds the lock.
func (n *Network) come(now netx.Interface) {
	p := &presence{Interface: now, conns: map[ending]struct{}{}}
	p.life, p.end = context.WithCancel(context.Background())
	if n.past != nil && same(n.past.Interface, now) {
		p.network = n.past.network
		for h := range n.held {
			h.goOn()
		}
	} else {
		opt := netx.Options{Only: &now, NameServers: n.cfg.NameServers}
		if n.past != nil {
			opt.Before = n.past.network
		}
		p.network = n.cfg.Open(opt)
		for h := range n.held {
			h.lose()
		}
	}
	n.present, n.past = p, p
	n.bury()
}

// bury closes what has ended. The caller holds the lock.
func (n *Network) bury() {
	for _, c := range n.ended {
		_ = c.close()
	}
	n.ended = nil
}

// lose ends everything that goes by the interface. The caller holds the lock.
func (n *Network) lose(problem string) {
	if p := n.present; p != nil {
		n.present = nil
		p.end()
		for c := range p.conns {
			c.end()
			n.ended = append(n.ended, c)
		}
		clear(p.conns)
		for h := range n.held {
			h.pause()
		}
	}
	n.say(problem)
}

// say lets others know. The caller holds the lock.
func (n *Network) say(problem string) {
	if n.problem != problem {
		n.problem = problem
		close(n.changed)
		n.changed = make(chan struct{})
	}
}

// here is the interface as it is now.
func (n *Network) here() (*presence, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.present == nil {
		return nil, n.gone()
	}
	return n.present, nil
}

// gone is why nothing can be sent. The caller holds the lock.
func (n *Network) gone() error { return &netx.NoWayError{Via: n.cfg.To, Problem: n.problem} }

// Conditions are how the interface is. See [netx.Way].
func (n *Network) Conditions() []netx.Condition {
	n.mu.Lock()
	defer n.mu.Unlock()
	return []netx.Condition{{Via: n.cfg.To, Problem: n.problem}}
}

// Changed is closed when the interface goes or comes. See [netx.Way].
func (n *Network) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// Wildcards are one of each family: a socket has one address of the interface. See [netx.Wildcards].
func (n *Network) Wildcards() []netip.Addr {
	return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
}

// DialTCP connects by the interface. The connection ends when that is gone. See [netx.Network].
func (n *Network) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	p, err := n.here()
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.bound(ctx)
	defer cancel()
	conn, err := p.network.DialTCP(ctx, remote)
	if err != nil {
		if p.life.Err() != nil {
			err = n.lost()
		}
		return nil, err
	}
	return n.adopt(p, conn)
}

// lost is the error of what the interface left in the middle.
func (n *Network) lost() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.gone()
}

// bound is a context that ends with the interface as well.
func (p *presence) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(p.life, cancel)
	return ctx, func() { stop(); cancel() }
}

// LookupHost asks by the interface. See [netx.Network].
func (n *Network) LookupHost(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	p, err := n.here()
	if err != nil {
		return nil, err
	}
	ctx, cancel := p.bound(ctx)
	defer cancel()
	addrs, err := p.network.LookupHost(ctx, host)
	if err != nil && p.life.Err() != nil {
		err = n.lost()
	}
	return addrs, err
}

// Addrs are those of the interface; none while it is gone. See [netx.Network].
func (n *Network) Addrs() ([]netip.Addr, error) {
	p, err := n.here()
	if err != nil {
		return nil, nil
	}
	return p.network.Addrs()
}

// Subnets are those of the interface; none while it is gone. See [netx.Network].
func (n *Network) Subnets() ([]netip.Prefix, error) {
	p, err := n.here()
	if err != nil {
		return nil, nil
	}
	return p.network.Subnets()
}

// Gateways are those behind the interface. See [netx.Gatewayer].
func (n *Network) Gateways() ([]netx.Gateway, error) {
	p, err := n.here()
	if err != nil {
		return nil, err
	}
	return netx.Gateways(p.network)
}

// ListenMulticast joins a group on the interface. The membership ends when that is gone. See [netx.Multicaster].
func (n *Network) ListenMulticast(ctx context.Context, group netip.AddrPort) (netx.MulticastConn, error) {
	p, err := n.here()
	if err != nil {
		return nil, err
	}
	conn, err := netx.ListenMulticast(ctx, p.network, group)
	if err != nil {
		return nil, err
	}
	m := &member{conn, tie{n, p}}
	if err := n.keep(p, m); err != nil {
		return nil, err
	}
	return m, nil
}

// member is in a group until the interface is gone.
type member struct {
	netx.MulticastConn
	tie
}

func (m *member) end()         { _ = m.MulticastConn.Close() }
func (m *member) close() error { return m.MulticastConn.Close() }
func (m *member) Close() error { return m.untie(m) }
