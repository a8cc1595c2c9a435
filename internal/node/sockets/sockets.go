// Package sockets is where peers reach a node: TCP and UDP on the same port of every address, a port that is chosen once and
// kept, and the real addresses that a wildcard stands for.
package sockets

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
)

// Config says where to listen.
type Config struct {
	Network netx.Network
	Now     func() time.Time
	// Listen are the addresses the user named; none: all, at the port that Settings keep.
	Listen   []netip.AddrPort
	Settings *catalog.Catalog
}

// Sockets are those of a node. The zero Sockets listen nowhere.
type Sockets struct {
	cfg       Config
	listeners []net.Listener
	muxes     []*mux.Mux
	serving   sync.WaitGroup
	own       addrs
	public    atomic.Uint32 // port; 0: none but ours
}

// portSetting is where the catalog keeps the port chosen the first time.
const portSetting = "peer-port"

// Open binds TCP and UDP to the same port of every address asked for; where nobody can connect to us, UDP alone, if even that. What
// fails is a [fault.Error] if an address is to blame, and the catalog's otherwise.
func Open(ctx context.Context, cfg Config) (*Sockets, error) {
	s := &Sockets{cfg: cfg}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sockets) open(ctx context.Context) error {
	if len(s.cfg.Listen) == 0 {
		return s.openKept(ctx)
	}
	for _, a := range s.cfg.Listen {
		if err := s.add(ctx, a); err != nil {
			return cannot(a, err)
		}
	}
	return nil
}

func cannot(a netip.AddrPort, err error) error {
	if netx.IsNoWay(err) {
		return fault.Explain(err)
	}
	return fault.New(fault.ExitBlocked, "cannot-listen", fmt.Sprintf("cannot listen on %v: %v", a, err),
		"choose another address with --listen HOST:PORT", err)
}

// openKept listens at all addresses, at the port of the last run or else one that is kept from now on.
func (s *Sockets) openKept(ctx context.Context) error {
	port := 0
	if text, ok, err := s.cfg.Settings.Setting(ctx, portSetting); err != nil {
		return err
	} else if ok {
		port, _ = strconv.Atoi(text)
	}
	var failed error
	for _, wildcard := range netx.Wildcards(s.cfg.Network) {
		a := netip.AddrPortFrom(wildcard, uint16(port))
		if s.Port() != 0 {
			a = netip.AddrPortFrom(wildcard, s.Port())
		}
		err := s.add(ctx, a)
		if err != nil && a.Port() != 0 && s.Port() == 0 {
			err = s.add(ctx, netip.AddrPortFrom(wildcard, 0)) // the kept port is taken today
		}
		if netx.IsNoWay(err) {
			err = s.add(ctx, netip.AddrPortFrom(wildcard, draw())) // which waits until the way is open
		}
		if err != nil && failed == nil {
			failed = cannot(a, err)
		}
	}
	if len(s.muxes) == 0 && wildcardsOfBoth(s.cfg.Network) && s.add(ctx, netip.AddrPortFrom(netip.IPv4Unspecified(), 0)) == nil {
		failed = nil // there is no IPv6
	}
	switch {
	case len(s.muxes) == 0 && failed != nil:
		return failed
	case s.Port() == 0:
		return nil // nobody can connect to us
	}
	return s.cfg.Settings.SetSetting(ctx, portSetting, strconv.Itoa(int(s.Port())))
}

// wildcardsOfBoth reports whether one socket is for both families.
func wildcardsOfBoth(nw netx.Network) bool { return len(netx.Wildcards(nw)) == 1 }

// draw chooses a port of those that nobody has a right to (RFC 6335).
func draw() uint16 {
	const first = 49152
	var b [2]byte
	cryptorand.Read(b[:])
	return first + binary.BigEndian.Uint16(b[:])%(1<<16-first)
}

// add listens at one address.
func (s *Sockets) add(ctx context.Context, a netip.AddrPort) error {
	l, pc, err := netx.ListenPair(ctx, s.cfg.Network, a)
	if errors.Is(err, netx.ErrNoListening) {
		pc, err = s.cfg.Network.ListenUDP(ctx, a)
		if errors.Is(err, netx.ErrNoDatagrams) {
			return nil
		}
	}
	if err != nil {
		return err
	}
	if l != nil {
		s.listeners = append(s.listeners, l)
	}
	m := mux.New(pc)
	s.muxes = append(s.muxes, m)
	s.serving.Go(func() { m.Serve() })
	return nil
}

// Listeners accept peers over TCP.
func (s *Sockets) Listeners() []net.Listener { return s.listeners }

// Muxes are the UDP sockets, for protocols that take many datagrams at a time.
func (s *Sockets) Muxes() []*mux.Mux { return s.muxes }

// Routes give each UDP socket's datagrams that are mine, of which up to queue wait to be read, and let others be sent.
func (s *Sockets) Routes(queue int, mine func([]byte, netip.AddrPort) bool) []netx.PacketConn {
	var routes []netx.PacketConn
	for _, m := range s.muxes {
		routes = append(routes, m.Route(queue, mine))
	}
	return routes
}

// Port is where peers reach us; 0 if they do not.
func (s *Sockets) Port() uint16 {
	if len(s.listeners) == 0 {
		return 0
	}
	return netx.AddrPort(s.listeners[0].Addr()).Port()
}

// PortAt is where peers reach us at an address of ours; 0 if they do not.
func (s *Sockets) PortAt(own netip.Addr) uint16 {
	for _, l := range s.listeners {
		if a := netx.AddrPort(l.Addr()); a.Addr() == own || a.Addr().IsUnspecified() && netx.Carries(a.Addr(), own) {
			return a.Port()
		}
	}
	return 0
}

// StopAccepting closes the listeners. UDP goes on until Close.
func (s *Sockets) StopAccepting() {
	for _, l := range s.listeners {
		l.Close()
	}
}

// Close closes everything, and returns when nothing runs any more.
func (s *Sockets) Close() {
	s.StopAccepting()
	for _, m := range s.muxes {
		m.Close()
	}
	s.serving.Wait()
}
