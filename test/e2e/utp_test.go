package e2e

import (
	"net/netip"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// TestUTPGet: libtorrent takes no TCP. Potluck finds out by itself, and fetches over uTP.
func TestUTPGet(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	for _, f := range peers.Formats {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			peers.Require(t, peers.Libtorrent)
			o := makeOdd(t, f)
			seed := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: o.parent(t), UTP: true})
			dir, _ := newNode(t).get(t, o.torrent, "--peer", seed.Addr().String())
			peers.Same(t, o.path, filepath.Join(dir, "odd"))
		})
	}
}

// TestUTPShare: libtorrent dials over uTP, and fetches what potluck shares.
func TestUTPShare(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	for _, f := range peers.Formats {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			peers.Require(t, peers.Libtorrent)
			path := peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 2, peers.Odd)
			torrent, dir := filepath.Join(t.TempDir(), "odd.torrent"), t.TempDir()
			n := newNode(t)
			n.share(t, []string{path}, "--format", string(f), "--torrent", torrent)
			leech := peers.Libtorrent.Start(t, peers.Options{Torrent: torrent, Dir: dir, Dial: []netip.AddrPort{n.addr}, UTP: true})
			peers.WaitDone(t, leech, time.Minute)
			leech.Stop()
			peers.Libtorrent.Same(t, path, filepath.Join(dir, "odd"))
		})
	}
}

// TestUTPTurnedOff: whoever wants no uTP is reached by TCP alone.
func TestUTPTurnedOff(t *testing.T) {
	netns.Need(t)
	peers.Require(t, peers.Libtorrent)
	o := makeOdd(t, peers.V1)
	seed := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: o.parent(t), UTP: true})
	n := newNode(t).configured(t, "utp = false\n")
	n.run(t, "get", o.torrent, "-o", t.TempDir(), "--peer", seed.Addr().String(), "--wait", "3s").fails(t, 4)
}

// TestUTPWithTransmission: it dials over uTP first.
func TestUTPWithTransmission(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	c := peers.Transmission
	peers.Require(t, c)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "big"), 4, 32<<20)
	n := newNode(t)
	_, o := shareFor(t, n, path, c)
	o.UTP = true
	leech := c.Start(t, o)
	var over bool
	peers.Wait(t, time.Minute, "transmission to have it", func() (bool, any) {
		s := leech.Status()
		over = over || slices.ContainsFunc(s.Neighbours, func(p peers.Neighbour) bool { return p.UTP })
		return s.Done, s
	})
	leech.Stop()
	if !over {
		t.Error("it did not speak over uTP")
	}
	c.Same(t, path, filepath.Join(o.Dir, "big"))
}
