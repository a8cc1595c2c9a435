package e2e

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// TestSuperSeed: libtorrent, Transmission and a potluck get all of what a potluck super-seeds, one part from it and the others from
// each other.
func TestSuperSeed(t *testing.T) {
	netns.Need(t)
	t.Parallel()
	peers.Require(t, peers.Libtorrent, peers.Transmission)
	const size = 12 << 20
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "new.bin"), 7, size)
	torrent := filepath.Join(t.TempDir(), "new.torrent")
	tracker := peers.StartTracker(t)
	options := []string{"--format", "v1", "--torrent", torrent, "--tracker", tracker.HTTP()}
	created := newNode(t).ok(t, "create", path, "-o", filepath.Join(t.TempDir(), "early.torrent"), "--format", "v1")
	tracker.Allow(t, created[len(created)-1].hashes()...)

	n := newNode(t)
	_, shared := n.share(t, []string{path}, append(options, "--super-seed", "--up", "2M")...)
	state := func() line { return n.ok(t, "ls")[0] }
	if !state().SuperSeeding {
		t.Error("it does not say that it super-seeds")
	}
	tracker.WaitSeeds(t, 1, shared[0].hashes()...)
	one := peers.Libtorrent.Start(t, peers.Options{Torrent: torrent, Dir: t.TempDir(), Dial: []netip.AddrPort{n.addr}})
	two := peers.Libtorrent.Start(t, peers.Options{Torrent: torrent, Dir: t.TempDir(), Dial: []netip.AddrPort{n.addr, one.Addr()}})
	three := peers.Transmission.Start(t, peers.Options{Torrent: torrent, Dir: t.TempDir()})
	fetcher := newNode(t)
	dir, _ := fetcher.get(t, torrent, "--peer", n.addr.String(), "--peer", one.Addr().String(), "--peer", two.Addr().String())
	peers.Same(t, path, filepath.Join(dir, "new.bin"))
	for _, p := range []peers.Peer{one, two, three} {
		peers.WaitDone(t, p, 2*time.Minute)
	}
	o := state()
	if o.SuperSeeding {
		t.Error("others have all, and it goes on")
	}
	t.Logf("the seed gave %.2f times the size to four", o.Ratio)
}
