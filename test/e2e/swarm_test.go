package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// TestManyClientsAndALiar: one fetch takes pieces from three different clients at once; a fourth that serves corrupt data
// changes nothing in the result and is named in the log.
func TestManyClientsAndALiar(t *testing.T) {
	netns.Need(t)
	honest := []peers.Client{peers.Libtorrent, peers.Transmission, peers.Aria2}
	peers.Require(t, honest...)
	// Transmission looks only every ten seconds whom to serve, so this must last longer.
	const size, rate = 48 << 20, 3 << 19
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "many.bin"), 5, size)
	o := makeObject(t, path, peers.MakeOptions{Format: peers.V1, PieceSize: 128 << 10})

	spoiled := filepath.Join(t.TempDir(), "many.bin")
	peers.Copy(t, path, spoiled)
	peers.Spoil(t, spoiled)
	liar := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(spoiled), UpRate: rate, Corrupt: true})
	args := []string{"-v", "--peer", liar.Addr().String()}
	var seeds []peers.Peer
	for _, c := range honest {
		// No client alone can give everything before the others have given something.
		s := c.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(path), UpRate: rate})
		seeds = append(seeds, s)
		args = append(args, "--peer", s.Addr().String())
	}
	dir, c := newNode(t).get(t, o.torrent, args...)
	peers.Same(t, path, filepath.Join(dir, "many.bin"))
	for i, s := range seeds {
		if up := s.Status().Uploaded; up == 0 {
			t.Errorf("%s gave nothing", honest[i].Name)
		} else {
			t.Logf("%s gave %d KiB", honest[i].Name, up>>10)
		}
	}
	if liar.Status().Uploaded == 0 {
		t.Error("the liar was never asked: this test proves nothing")
	}
	if log := c.said(1 << 20); !strings.Contains(log, liar.Addr().String()) {
		t.Errorf("the log does not name the liar %v:\n%s", liar.Addr(), log)
	}
}
