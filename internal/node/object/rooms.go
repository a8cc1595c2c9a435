// Package object is one object of a node with all that runs for it: its record, its files on this disk, its swarm, its
// trackers and web servers. It goes from a link or a record to a swarm in motion (open), makes durable what arrives (keep),
// is paused, resumed and begun anew (motion, manage), is made known to others (outside), and is seen by its user (show).
//
// An object knows the rooms that all objects of a node work with and the books in which they stand, and no node. Whatever
// runs for it, it runs by Run, so that after Halt nothing does; who changes what it is has taken it with Manage.
package object

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/network/web"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/filter"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/presence"
	"github.com/potluck-p2p/potluck/internal/node/sockets"
	"github.com/potluck-p2p/potluck/internal/node/turn"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Rooms are what all objects of a node work with. They are set before the first object is made.
type Rooms struct {
	Life    context.Context // ends with the node
	Now     func() time.Time
	Log     *slog.Logger
	Network netx.Network
	Rand    func() *rand.Rand // makes a generator for decisions that need no secrecy

	Catalog    *catalog.Catalog
	Disk       *local.Disk
	Books      *Books
	Feed       *news.Feed
	Budget     *intake.Budget
	Pool       *intake.Pool
	Seats      *swarm.Seats // for the peers of all objects
	Sockets    *sockets.Sockets
	Announcing *tracker.Runner
	Scraper    *tracker.Scraper
	Web        *web.Shell
	Up, Down   *netx.Limiter   // of all objects together
	Filter     *filter.Network // what Network lets through; nil: everything

	PeerID   func() [20]byte // makes our id for an object
	Client   string          // how we call ourselves to others
	MaxPeers int             // of one object

	Silent    bool // nobody is dialled or asked
	Offline   bool // only addresses that were named explicitly are
	DHT       bool // it is taken part in, unless offline
	Announced bool // the user named the listening address, and links carry it
	// LargeRequests has neighbouring blocks travel in one message with peers who know how.
	LargeRequests bool
	// HolePunching says that peers are met, and brought together, through a third.
	HolePunching bool
	// Encryption is how connections with peers may begin.
	Encryption mse.Policy
	// Identity makes who we prove to be when we dial for an object; nil: nobody. Key is what we prove to whoever begins with TLS, to be
	// told; zero: nobody is told.
	Identity func() *identity.Identity
	Key      identity.Key

	// SuperSeeding gives each peer another part of a share, while nobody else has all.
	SuperSeeding bool

	Bounds turn.Bounds
	Enough turn.Enough

	// Unreached reports whether strangers do not reach our node in the DHT in the family of an address.
	Unreached func(netip.Addr) bool

	Stirring *Stirring   // the objects of which there is news
	Panicked func(r any) // is told of a panic that was contained

	own presence.OwnAddress
}

// dhtPort is where others reach our node in the DHT; 0 if we have none.
func (rs *Rooms) dhtPort() uint16 {
	if rs.Silent || rs.Offline || !rs.DHT {
		return 0
	}
	return rs.Sockets.PublicPort()
}

// announcedPort is where trackers are told that others reach us. Nobody listens at 1, and nobody dials it; but trackers refuse 0.
func (rs *Rooms) announcedPort() uint16 { return max(1, rs.Sockets.PublicPort()) }

// accept decides about an address that a peer has told of: offline, only what the user or the link names is dialled.
func (rs *Rooms) accept(a netip.AddrPort) bool {
	return !rs.Offline && netx.AcceptPeer(netx.FromPublic, a, rs.Sockets.Addrs())
}
