package e2e

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// pexPatience is how long an exchange may take. BEP 11 allows a message a minute; Transmission sends one every 90 seconds.
const pexPatience = 4 * time.Minute

// trickle is a seed's rate in bytes per second, at which nobody gets all of a slow object while the test lasts.
const trickle = 20_000

// makeSlow makes an object that takes long at a trickle; seed tells it from those of other tests.
func makeSlow(t *testing.T, f peers.Format, seed int) object {
	t.Helper()
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "slow.bin"), uint64(seed), 32<<20)
	return makeObject(t, path, peers.MakeOptions{Format: f})
}

// publicNode is a node at an address that PEX may tell of.
func publicNode(t *testing.T, host int, online bool) *node {
	t.Helper()
	n := newNode(t)
	n.addr, n.online = peers.At(netns.Public(host)), online
	return n
}

// fetch starts to fetch an object and waits until the node is connected to a peer.
func (n *node) fetch(t *testing.T, o object, from netip.AddrPort) {
	t.Helper()
	n.start(t, "get", o.torrent, "-o", t.TempDir(), "--peer", from.String())
	n.meets(t, time.Minute, from.Addr())
}

// meets waits until the running node is connected to a host.
func (n *node) meets(t *testing.T, limit time.Duration, host netip.Addr) {
	t.Helper()
	peers.Wait(t, limit, "potluck to be connected to "+host.String(), func() (bool, any) {
		c := n.run(t, "peers")
		all := c.typed("peer")
		return slices.ContainsFunc(all, func(l line) bool {
			a, err := netip.ParseAddrPort(l.Address)
			return err == nil && a.Addr() == host
		}), all
	})
}

// met waits until a client is connected to a host, and reports whether the client dialled.
func met(t *testing.T, p peers.Peer, limit time.Duration, host netip.Addr) (dialled bool) {
	t.Helper()
	peers.Wait(t, limit, "the client to be connected to "+host.String(), func() (bool, any) {
		s := p.Status()
		i := slices.IndexFunc(s.Neighbours, func(n peers.Neighbour) bool { return n.Addr == host })
		if i >= 0 {
			dialled = s.Neighbours[i].Dialled
		}
		return i >= 0, s
	})
	return dialled
}

// meets waits until a client is connected to a host, and holds who dialled.
func meets(t *testing.T, p peers.Peer, limit time.Duration, host netip.Addr, dialled bool) {
	t.Helper()
	if got := met(t, p, limit, host); got != dialled {
		t.Fatalf("the client dialled: %t, want %t", got, dialled)
	}
}

// TestPEXToldByPotluck: a client is told by a potluck that it has another peer, and connects to that, which would not have
// connected to the client.
func TestPEXToldByPotluck(t *testing.T) {
	netns.Need(t)
	for i, tt := range []struct {
		client peers.Client
		format peers.Format
	}{
		{peers.Transmission, peers.V1},
		{peers.Libtorrent, peers.V2},
		{peers.Libtorrent, peers.Hybrid},
	} {
		t.Run(tt.client.Name+" "+string(tt.format), func(t *testing.T) {
			t.Parallel()
			peers.Require(t, tt.client, peers.Libtorrent)
			host := 1 + 3*i
			o := makeSlow(t, tt.format, host)
			told := tt.client.Start(t, peers.Options{
				Torrent: o.torrent, Dir: t.TempDir(), Listen: peers.At(netns.Public(host)), PEX: true,
			})
			seed := publicNode(t, host+1, true)
			seed.start(t, "get", o.torrent, "-o", filepath.Dir(o.path), "--seed",
				"--up", strconv.Itoa(trickle), "--peer", told.Addr().String())
			seed.meets(t, time.Minute, told.Addr().Addr())
			other := publicNode(t, host+2, false)
			other.fetch(t, o, seed.addr)

			meets(t, told, pexPatience, other.addr.Addr(), true)
			other.meets(t, peers.Patience, told.Addr().Addr())
		})
	}
}

// TestPEXToldToPotluck: a client tells potluck that it has another peer, which does not exchange peers, and potluck connects
// to that.
func TestPEXToldToPotluck(t *testing.T) {
	netns.Need(t)
	for i, tt := range []struct{ seed, other peers.Client }{
		{peers.Libtorrent, peers.Transmission},
		{peers.Transmission, peers.Libtorrent},
	} {
		t.Run(tt.seed.Name, func(t *testing.T) {
			t.Parallel()
			peers.Require(t, tt.seed, tt.other, peers.Libtorrent)
			host := 1 + 3*i
			o := makeSlow(t, peers.V1, host)
			at := peers.At(netns.Public(host))
			other := peers.Options{Torrent: o.torrent, Dir: t.TempDir(), Listen: peers.At(netns.Public(host + 1))}
			seed := peers.Options{Torrent: o.torrent, Dir: filepath.Dir(o.path), Listen: at, PEX: true, UpRate: trickle}
			if tt.other.Dials {
				other.Dial = []netip.AddrPort{at}
			} else {
				seed.Dial = []netip.AddrPort{other.Listen}
			}
			leech := tt.other.Start(t, other)
			tt.seed.Seed(t, seed)
			meets(t, leech, time.Minute, at.Addr(), tt.other.Dials)
			n := publicNode(t, host+2, true)
			n.fetch(t, o, at)

			meets(t, leech, pexPatience, n.addr.Addr(), false)
			n.meets(t, peers.Patience, other.Listen.Addr())
		})
	}
}
