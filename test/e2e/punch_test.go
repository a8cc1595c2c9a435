package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

// homes are two hosts, each behind a router that lets nobody in, and one that everybody can connect to.
type homes struct {
	hosts [2]*lab.Host
	at    [2]netip.AddrPort // where they listen
	seen  [2]netip.Addr     // the addresses that others see
	relay *lab.Host
	open  netip.AddrPort // where the relay is to listen
}

// plan is how the hosts of homes are addressed; %s is the number of one.
type plan struct {
	relay                string // with its network, as all of these
	host, inside, router string // the host, its router seen from there, and seen from outside
	translated           bool   // by the routers; otherwise these are only closed
}

// plans are those of the two families. No router translates IPv6.
var plans = map[string]plan{
	"IPv4": {relay: "20.9.0.1/8", host: "192.168.%s.2/24", inside: "192.168.%s.1/24", router: "20.%s.0.1/8", translated: true},
	"IPv6": {relay: "2600:9::1/16", host: "2601:%s::2/64", inside: "2601:%s::1/64", router: "2600:%s::1/16"},
}

// newHomes makes them.
func newHomes(t *testing.T, p plan) homes {
	t.Helper()
	l := lab.New(t)
	outside := l.Segment("net")
	relay := netip.MustParsePrefix(p.relay)
	h := homes{relay: l.Host("relay"), open: netip.AddrPortFrom(relay.Addr(), 6881)}
	h.relay.Join(outside, relay)
	for i := range h.hosts {
		name, other := strconv.Itoa(i+1), strconv.Itoa(2-i)
		of := func(pattern, name string) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf(pattern, name)) }
		inside, router := l.Segment("home"+name), l.Host("router"+name)
		h.hosts[i] = l.Host("host" + name)
		h.hosts[i].Join(inside, of(p.host, name))
		h.hosts[i].Gateway(of(p.inside, name).Addr())
		router.Join(inside, of(p.inside, name))
		router.Join(outside, of(p.router, name))
		h.at[i] = netip.AddrPortFrom(of(p.host, name).Addr(), 6881+uint16(i))
		h.seen[i] = of(p.router, name).Addr()
		if !p.translated {
			router.Route(of(p.host, other).Masked(), of(p.router, other).Addr())
			h.relay.Route(of(p.host, name).Masked(), of(p.router, name).Addr())
			h.seen[i] = h.at[i].Addr()
		}
		router.NAT(inside, outside, lab.PortRestricted)
	}
	return h
}

// potluckOn is a node on a host of a lab.
func potluckOn(t *testing.T, host *lab.Host, at netip.AddrPort) *node {
	t.Helper()
	n := newNode(t)
	n.host, n.addr, n.online = host, at, true
	return n
}

// Rates in bytes per second. At a scant one the one in the middle has next to nothing while a test lasts; at an ample one it takes
// long enough to see how two that exchange something have met.
const scant, ample = 20_000, 400_000

// relays has a potluck that everybody can connect to fetch an object slowly.
func (h *homes) relays(t *testing.T, o object) {
	t.Helper()
	potluckOn(t, h.relay, h.open).start(t, "get", o.torrent, "-o", t.TempDir(), "--seed", "--wait", "0", "--down", strconv.Itoa(scant))
}

// holds has a potluck at the second home that has everything, and waits until it is connected to the relay.
func (h *homes) holds(t *testing.T, o object) *node {
	t.Helper()
	n := potluckOn(t, h.hosts[1], h.at[1])
	n.start(t, "get", o.torrent, "-o", o.parent(t), "--seed", "--peer", h.open.String())
	n.meets(t, time.Minute, h.open.Addr())
	return n
}

// fetches has a potluck at the first home fetch all, through nobody but whom the relay tells of, and holds that they met by a
// rendezvous.
func (h *homes) fetches(t *testing.T, o object) {
	t.Helper()
	n := potluckOn(t, h.hosts[0], h.at[0])
	dir := t.TempDir()
	c := n.start(t, "get", o.torrent, "-o", dir, "--seed", "--peer", h.open.String(), "--down", strconv.Itoa(ample))
	punched := false
	peers.Wait(t, time.Minute, "both to meet", func() (bool, any) {
		all := n.run(t, "peers").typed("peer")
		punched = punched || slices.ContainsFunc(all, func(l line) bool {
			a, err := netip.ParseAddrPort(l.Address)
			return err == nil && a.Addr() == h.seen[1] && l.Punched
		})
		return punched || len(c.typed("done")) > 0, all
	})
	if !punched {
		t.Error("all is there, and they have not met")
	}
	c.waitFor(t, "all to be there", func(l line) bool { return l.Type == "done" })
	peers.Same(t, o.path, filepath.Join(dir, filepath.Base(o.path)))
}

// makeLarge makes an object that takes minutes at a scant rate.
func makeLarge(t *testing.T) object {
	t.Helper()
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "large.bin"), 77, 4<<20)
	return makeObject(t, path, peers.MakeOptions{Format: peers.V1})
}

// TestPunch: two potlucks behind routers that let nobody in meet through a third that both know, and one fetches from the other what
// the third does not have.
func TestPunch(t *testing.T) {
	for name, plan := range plans {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, o := newHomes(t, plan), makeLarge(t)
			h.relays(t, o)
			h.holds(t, o)
			h.fetches(t, o)
		})
	}
}

// TestPunchByLibtorrent: the one in the middle is libtorrent.
func TestPunchByLibtorrent(t *testing.T) {
	t.Parallel()
	h, o := newHomes(t, plans["IPv4"]), makeLarge(t)
	h.relay.Rules(noTCP) // libtorrent that is to take none accepts and hangs up, from which less is to be concluded
	peers.Libtorrent.Start(t, peers.Options{
		Torrent: o.torrent, Dir: t.TempDir(), Host: h.relay, Listen: h.open, UTP: true, PEX: true, UpRate: scant, DownRate: scant,
	})
	h.holds(t, o)
	h.fetches(t, o)
}

// TestPunchToLibtorrent: the other end is libtorrent, which has everything.
func TestPunchToLibtorrent(t *testing.T) {
	t.Parallel()
	h, o := newHomes(t, plans["IPv4"]), makeLarge(t)
	h.relays(t, o)
	seed := peers.Libtorrent.Seed(t, peers.Options{
		Torrent: o.torrent, Dir: o.parent(t), Host: h.hosts[1], Listen: h.at[1], Dial: []netip.AddrPort{h.open}, UTP: true, PEX: true,
	})
	met(t, seed, time.Minute, h.open.Addr())
	h.fetches(t, o)
}

// TestPunchForLibtorrent: it is libtorrent that fetches.
func TestPunchForLibtorrent(t *testing.T) {
	t.Parallel()
	h, o := newHomes(t, plans["IPv4"]), makeLarge(t)
	h.relays(t, o)
	n := h.holds(t, o)
	dir := t.TempDir()
	leech := peers.Libtorrent.Start(t, peers.Options{
		Torrent: o.torrent, Dir: dir, Host: h.hosts[0], Listen: h.at[0], Dial: []netip.AddrPort{h.open}, UTP: true, PEX: true,
		DownRate: ample,
	})
	peers.Wait(t, time.Minute, "both to meet", func() (bool, any) {
		all := n.run(t, "peers").typed("peer")
		return slices.ContainsFunc(all, func(l line) bool { return l.Punched }), fmt.Sprint(all, leech.Status())
	})
	peers.WaitDone(t, leech, time.Minute)
	leech.Stop()
	peers.Libtorrent.Same(t, o.path, filepath.Join(dir, filepath.Base(o.path)))
}
