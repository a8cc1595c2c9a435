// Package gate is who gets a connection of one object: whom to dial next, whom to let in, and who makes room when there are
// connections enough. It asks the address book who is known, the table of admissions who is worth less, and the seats whether all
// objects together have a place left; it does no I/O and knows no conversation.
//
// It keeps the list of those who are there, in the order in which they came. Who is told to make room is there until he has
// left. Whoever has been told to be dialled is reported: by Admit, or by Failed.
package gate

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/admission"
	"github.com/potluck-p2p/potluck/internal/identity"
)

const (
	// maxDialling bounds the attempts of one object that are under way.
	maxDialling = 16
	// maxPerIP bounds the connections from one address to one object.
	maxPerIP = 32
)

// Guest is one connection, as far as it matters here.
type Guest struct {
	Addr     netip.AddrPort
	Remote   [20]byte     // its peer id, which it may have from another
	Key      identity.Key // that it has proven; zero: none
	Outgoing bool
	Since    time.Time
	Listen   netip.AddrPort // of one that came to us: the address in the book that stands for it
	Kicked   error          // why it was sent away; nil: it stays
	Moved    func() int64   // the payload that went to and fro

	noted int64 // of that, what the book knows of
}

// known is the address that stands for a guest among those that could be dialled; none does for one that told us none.
func (g *Guest) known() netip.AddrPort {
	if g.Outgoing {
		return g.Addr
	}
	return g.Listen
}

// Leaver is a guest that is to be sent away, and why. The zero Leaver is nobody.
type Leaver struct {
	*Guest
	Why error
}

// Gate decides about the connections of one object. It is not safe for concurrent use.
type Gate struct {
	book   *addressbook.Book
	seats  *admission.Seats
	table  *admission.Table
	self   [20]byte
	most   int
	dials  int      // attempts under way, as the seats know
	guests []*Guest // in the order they came, so that the same calls do the same
}

// New makes the gate of an object that has at most so many connections, for us with this peer id. The book is the object's, and
// the seats bound all objects together; nil is no bound.
func New(book *addressbook.Book, seats *admission.Seats, self [20]byte, most int) *Gate {
	return &Gate{book: book, seats: seats, table: admission.NewTable(most), self: self, most: most}
}

// Staying is how many guests there are that were not sent away.
func (g *Gate) Staying() (n int) {
	for _, x := range g.guests {
		if x.Kicked == nil {
			n++
		}
	}
	return n
}

// Next picks the next address to dial, if another connection is wanted, says how often it was tried in vain, and who makes room
// for it.
func (g *Gate) Next(now time.Time) (addr netip.AddrPort, try int, leaves Leaver, ok bool) {
	if g.book.Dialling() >= maxDialling || !g.seats.MayDial() {
		return addr, 0, leaves, false
	}
	defer g.countDials()
	if g.Staying()+g.book.Dialling() >= g.most || g.seats.Full() {
		if leaves = g.turnOver(now); leaves.Guest == nil {
			addr, ok = g.book.Feel(now)
			return addr, 0, leaves, ok
		}
	}
	addr, try, ok = g.book.Next(now)
	return addr, try, leaves, ok
}

// Invited decides whether an address is dialled out of turn, since by, a peer, says that somebody connects to us from there now, and
// says how often it was tried in vain. Nobody makes room for it.
func (g *Gate) Invited(now time.Time, by netip.Addr, addr netip.AddrPort) (try int, ok bool) {
	if g.book.Dialling() >= maxDialling || !g.seats.MayDial() || g.Staying()+g.book.Dialling() >= g.most || g.seats.Full() {
		return 0, false
	}
	defer g.countDials()
	return g.book.Invited(now, by, addr)
}

// Failed is told that no connection came of an address.
func (g *Gate) Failed(now time.Time, addr netip.AddrPort) {
	// If it failed because Admit refused it, that is noted already.
	g.book.Failed(now, addr)
	g.countDials()
}

// Barred is told that an address was not reached since we have no way out ourselves.
func (g *Gate) Barred(now time.Time, addr netip.AddrPort) {
	g.book.Barred(now, addr)
	g.countDials()
}

// countDials tells the seats how many attempts of this object are under way.
func (g *Gate) countDials() {
	g.seats.Dialling(g.book.Dialling() - g.dials)
	g.dials = g.book.Dialling()
}

// Admit lets a connection in, or says why not, and who is to be sent away for it. While the object is stopped nobody is let
// in.
func (g *Gate) Admit(now time.Time, newcomer *Guest, stopped bool) (leaves Leaver, err error) {
	defer g.countDials()
	if leaves, err = g.seat(now, newcomer, stopped); err != nil {
		if newcomer.Outgoing {
			g.part(now, newcomer, outcome(err))
			g.recognise(now, newcomer)
		}
		return leaves, err
	}
	g.guests = append(g.guests, newcomer)
	g.book.Joined(newcomer.Addr.Addr())
	if newcomer.Outgoing {
		g.book.Connected(now, newcomer.Addr)
		g.book.SetPin(newcomer.Addr, addressbook.Pin{Key: newcomer.Key, By: addressbook.FromPeer})
	}
	return leaves, nil
}

// recognise is for one whom we dialled and who may be there already, by a connection that came while we did: then he need not be
// dialled again and again.
func (g *Gate) recognise(now time.Time, dialled *Guest) {
	for _, x := range g.guests {
		if x.Kicked == nil && x.Remote == dialled.Remote && !x.known().IsValid() && x.Addr.Addr() == dialled.Addr.Addr() {
			x.Listen = dialled.Addr
			g.book.Connected(now, x.Listen)
		}
	}
}

// seat is judge for as long as there are seats. A feeler wants none.
func (g *Gate) seat(now time.Time, newcomer *Guest, stopped bool) (Leaver, error) {
	if newcomer.Outgoing && newcomer.Remote != g.self && g.book.Feeling(newcomer.Addr) {
		return Leaver{}, ErrFelt
	}
	network := addressbook.Network(newcomer.Addr.Addr())
	if !g.seats.Take(network) {
		return Leaver{}, ErrFull
	}
	leaves, err := g.judge(now, newcomer, stopped)
	if err != nil {
		g.seats.Free(network)
	}
	return leaves, err
}

// judge decides whether a connection is wanted, and whom it replaces.
func (g *Gate) judge(now time.Time, newcomer *Guest, stopped bool) (Leaver, error) {
	ip := newcomer.Addr.Addr()
	switch {
	case stopped:
		return Leaver{}, ErrNotMoving
	case newcomer.Remote == g.self:
		return Leaver{}, ErrSelf
	case g.book.Bans.Has(now, ip):
		return Leaver{}, fmt.Errorf("swarm: %v sent bad data before", ip)
	}
	sameIP, staying := 0, 0
	var twin *Guest
	for _, x := range g.guests {
		if x.Addr.Addr() == ip {
			sameIP++
		}
		if x.Kicked != nil {
			continue
		}
		staying++
		if x.Remote == newcomer.Remote {
			twin = x
		}
	}
	switch {
	case sameIP >= maxPerIP, len(g.guests) >= 2*g.most:
		return Leaver{}, ErrFull
	case twin != nil && !g.prefer(newcomer, twin):
		return Leaver{}, ErrDuplicate
	case twin != nil:
		return Leaver{twin, ErrDuplicate}, nil
	case staying >= g.most, !newcomer.Outgoing && g.reserved(ip, staying):
		leaves := g.makeRoom(now, newcomer.Addr)
		if leaves.Guest == nil {
			return leaves, ErrFull
		}
		return leaves, nil
	}
	return Leaver{}, nil
}

// prefer decides between two connections to one peer, which both ends must decide alike when each dialled the other: one on which
// the peer has proven its key stays, and among equals the one begun by the end with the greater peer id.
func (g *Gate) prefer(newcomer, old *Guest) bool {
	switch {
	case newcomer.Key == old.Key:
	case old.Key.IsZero():
		// Whoever is at another address may have the peer id from anyone, and a key of his own, even if it is we who dialled.
		return newcomer.Addr.Addr() == old.Addr.Addr()
	default:
		return false
	}
	if newcomer.Outgoing == old.Outgoing {
		// Who dials us again has lost the connection that we still have. (From another address anyone could say so.)
		return !newcomer.Outgoing && newcomer.Addr.Addr() == old.Addr.Addr()
	}
	weAreGreater := bytes.Compare(g.self[:], newcomer.Remote[:]) > 0
	return newcomer.Outgoing == weAreGreater
}

// Left is told that a guest is gone, and why.
func (g *Gate) Left(now time.Time, x *Guest, cause error) {
	g.seats.Free(addressbook.Network(x.Addr.Addr()))
	g.guests = slices.DeleteFunc(g.guests, func(y *Guest) bool { return x == y })
	g.book.Parted(x.Addr.Addr())
	g.noteMoved(now, x)
	g.part(now, x, outcome(cause))
}

// part notes that a connection is over for the address that stands for it, unless another guest is there by the same.
func (g *Gate) part(now time.Time, x *Guest, why addressbook.Outcome) {
	for _, y := range g.guests {
		if y != x && y.known() == x.known() {
			return
		}
	}
	g.book.Left(now, x.known(), why)
}

// Save lists the peers that the next run should know, the most useful first, at most so many.
func (g *Gate) Save(now time.Time, most int) []addressbook.Saved {
	for _, x := range g.guests {
		g.noteMoved(now, x)
	}
	return g.book.Save(most)
}

// noteMoved tells the book what payload went over a connection since it was last told.
func (g *Gate) noteMoved(now time.Time, x *Guest) {
	if moved := x.Moved(); moved > x.noted {
		g.book.Moved(now, x.known(), moved-x.noted)
		x.noted = moved
	}
}
