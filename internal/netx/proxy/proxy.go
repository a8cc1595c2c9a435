// Package proxy is the network through a proxy and by no other way (DESIGN 4.10): streams by SOCKS 5 or HTTP CONNECT, datagrams by
// UDP ASSOCIATE of SOCKS 5 if the proxy has it. Names go to the proxy as they are and are never looked up here, but for the
// proxy's own. Nobody can connect to us. When the proxy is dead, or refuses us, nothing is sent; it is tried until it answers.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

const (
	// shakeTime bounds reaching the proxy and what is said with it before a connection stands.
	shakeTime = 30 * time.Second
	// dialTime bounds the reaching of one address of the proxy.
	dialTime = 10 * time.Second
	// maxAddrs bounds the addresses of the proxy that are tried.
	maxAddrs = 4
	// probeEvery is how often a proxy that does not answer is tried.
	probeEvery = 2 * time.Second
)

// Config is what the network is made of.
type Config struct {
	Network netx.Network // leads to the proxy
	Server  Server
	// Panicked is told of a panic over what the proxy said, which ends that connection with it only (promise 4.8).
	Panicked func(any)
}

// Network is a [netx.Way] through a proxy.
type Network struct {
	base     netx.Network // the way to the proxy
	server   Server
	panicked func(any)
	end      context.CancelFunc
	done     sync.WaitGroup

	mu      sync.Mutex
	problem string // why nothing gets through
	barred  bool   // and never will
	streams string // why only streams do
	wake    chan struct{}
	changed chan struct{}
}

// New is the network through a proxy. Close it when done.
func New(cfg Config) *Network {
	ctx, end := context.WithCancel(context.Background())
	n := &Network{
		base: cfg.Network, server: cfg.Server, panicked: cfg.Panicked, end: end,
		wake: make(chan struct{}, 1), changed: make(chan struct{}),
	}
	if n.server.Scheme == HTTP {
		n.streams = "an HTTP proxy passes on TCP only"
	}
	n.done.Go(func() { n.watch(ctx) })
	return n
}

// Close ends the watching of the proxy. What is open stays open.
func (n *Network) Close() error {
	n.end()
	n.done.Wait()
	return nil
}

// watch tries the proxy at the start, and while it is known to be dead.
func (n *Network) watch(ctx context.Context) {
	for {
		below := netx.Changed(n.base)
		conn, err := n.enter(ctx)
		if err == nil {
			_ = conn.Close()
		}
		var again <-chan time.Time
		timer := time.NewTimer(probeEvery)
		if err != nil {
			again = timer.C
		}
		select {
		case <-ctx.Done():
		case <-again:
		case <-n.wake:
		case <-below:
			n.stir()
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// errPanicked is that of what [Network.contain] contained.
var errPanicked = errors.New("internal error with the proxy")

// contain does something with what the proxy says; a panic in it is an error (promise 4.8).
func (n *Network) contain(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			n.panicked(p)
			err = errPanicked
		}
	}()
	return do()
}

// note remembers why nothing gets through at present; empty if all is well.
func (n *Network) note(problem string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set(problem)
}

// bar remembers for good that the proxy does not let us in: an HTTP proxy says so only when it is asked for something.
func (n *Network) bar(problem string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.set(problem)
	n.barred = true
	return n.noWay()
}

// set is note. The caller holds the lock.
func (n *Network) set(problem string) {
	if n.problem == problem || n.barred {
		return
	}
	if n.problem == "" {
		select {
		case n.wake <- struct{}{}:
		default:
		}
	}
	n.problem = problem
	n.tell()
}

// noteStreams remembers why only streams get through.
func (n *Network) noteStreams(why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.streams != why {
		n.streams = why
		n.tell()
	}
}

func (n *Network) stir() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tell()
}

// tell lets others know that something is different. The caller holds the lock.
func (n *Network) tell() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// Conditions are those of the proxy and of the way to it. See [netx.Way].
func (n *Network) Conditions() []netx.Condition {
	n.mu.Lock()
	own := netx.Condition{Via: n.server.String(), Problem: n.problem, Streams: n.streams}
	n.mu.Unlock()
	return append([]netx.Condition{own}, netx.Conditions(n.base)...)
}

// Changed is closed when one of the conditions changes. See [netx.Way].
func (n *Network) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// closed is why nothing gets through; nil if all is well.
func (n *Network) closed() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.problem == "" {
		return nil
	}
	return n.noWay()
}

// noWay is the error of the problem. The caller holds the lock.
func (n *Network) noWay() error { return &netx.NoWayError{Via: n.server.String(), Problem: n.problem} }

// DialTCP opens a stream through the proxy. A proxy that cannot do it is a [netx.NoWayError]; that the remote cannot be reached is
// a *net.OpError as from the system, or a [RefusedError]. See [netx.Network].
func (n *Network) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	remote = netip.AddrPortFrom(remote.Addr().Unmap().WithZone(""), remote.Port())
	return n.dial(ctx, target{addr: remote})
}

// DialName opens a stream to a host whose name the proxy looks up. See [netx.NameDialer].
func (n *Network) DialName(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return n.DialTCP(ctx, netip.AddrPortFrom(a, port))
	}
	if !isHost(host) {
		return nil, fmt.Errorf("dial %q: not a host name", host)
	}
	return n.dial(ctx, target{name: host, port: port})
}

func (n *Network) dial(ctx context.Context, to target) (net.Conn, error) {
	if err := n.closed(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, shakeTime)
	defer cancel()
	c, err := n.enter(ctx)
	if err != nil {
		return nil, err
	}
	done := c.interruptible(ctx)
	err = n.contain(func() error { return c.connect(n.server, to) })
	if done() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = c.Close()
		var refused *loginError
		switch {
		case errors.As(err, &refused):
			err = n.bar(refused.problem)
		case ctx.Err() != nil:
			err = &net.OpError{Op: "dial", Net: "tcp", Addr: to, Err: ctx.Err()}
		}
		return nil, err
	}
	c.remote = to.netAddr()
	return c, nil
}

// LookupHost takes an address for what it is. Names are looked up by the proxy. See [netx.Network].
func (n *Network) LookupHost(_ context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	return nil, fmt.Errorf("%s: %w", host, netx.ErrFarName)
}

// ListenTCP is [netx.ErrNoListening].
func (n *Network) ListenTCP(context.Context, netip.AddrPort) (net.Listener, error) {
	return nil, fmt.Errorf("%v: %w", n.server, netx.ErrNoListening)
}

// Addrs are none: those of this machine are nobody's business behind the proxy. See [netx.Network].
func (n *Network) Addrs() ([]netip.Addr, error) { return nil, nil }

// Subnets are none: nothing behind the proxy is local. See [netx.Network].
func (n *Network) Subnets() ([]netip.Prefix, error) { return nil, nil }
