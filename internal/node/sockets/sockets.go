// Package sockets is where peers reach a node: TCP and UDP on the same port of every address, a port that is chosen once and
// kept, and the real addresses that a wildcard stands for.
package sockets

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx"
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
	muxes     []*netx.Mux
	serving   sync.WaitGroup
	own       addrs
}

// portSetting is where the catalog keeps the port chosen the first time.
const portSetting = "peer-port"

// Open binds TCP and UDP to the same port of every address asked for. What fails is a [fault.Error] if an address is to
// blame, and the catalog's otherwise.
func Open(ctx context.Context, cfg Config) (*Sockets, error) {
	s := &Sockets{cfg: cfg}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Sockets) open(ctx context.Context) error {
	at := s.cfg.Listen
	kept := len(at) == 0
	if kept {
		port := 0
		if text, ok, err := s.cfg.Settings.Setting(ctx, portSetting); err != nil {
			return err
		} else if ok {
			port, _ = strconv.Atoi(text)
		}
		at = []netip.AddrPort{netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port))}
	}
	for _, a := range at {
		l, pc, err := netx.ListenPair(ctx, s.cfg.Network, a)
		if err != nil && kept {
			// The kept port is taken today, or there is no IPv6: any port, any family.
			if l, pc, err = netx.ListenPair(ctx, s.cfg.Network, netip.AddrPortFrom(a.Addr(), 0)); err != nil {
				l, pc, err = netx.ListenPair(ctx, s.cfg.Network, netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
			}
		}
		if err != nil {
			return fault.New(fault.ExitBlocked, "cannot-listen", fmt.Sprintf("cannot listen on %v: %v", a, err),
				"choose another address with --listen HOST:PORT", err)
		}
		s.listeners = append(s.listeners, l)
		mux := netx.NewMux(pc)
		s.muxes = append(s.muxes, mux)
		s.serving.Go(func() { mux.Serve() })
	}
	if kept {
		return s.cfg.Settings.SetSetting(ctx, portSetting, strconv.Itoa(int(s.Port())))
	}
	return nil
}

// Listeners accept peers over TCP.
func (s *Sockets) Listeners() []net.Listener { return s.listeners }

// Muxes are the UDP sockets, for protocols that take many datagrams at a time.
func (s *Sockets) Muxes() []*netx.Mux { return s.muxes }

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
