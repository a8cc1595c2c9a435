package e2e

import (
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// TestWebSeedAmongPeers: an object comes from two peers and a web server at once, each with a rate of its own, about as fast
// as from all three together.
func TestWebSeedAmongPeers(t *testing.T) {
	netns.Need(t)
	peers.Require(t, peers.Libtorrent)
	// A server is asked four times at once, and nginx bounds each request.
	const size, rate, each = 160 << 20, 2 << 20, 1 << 20
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "mixed größe.bin"), 21, size)
	server := peers.StartWebServer(t, filepath.Dir(path), each)
	o := makeObject(t, path, peers.MakeOptions{Format: peers.V1, PieceSize: 256 << 10})
	args := []string{}
	var seeds []peers.Peer
	for range 2 {
		s := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(path), UpRate: rate})
		seeds = append(seeds, s)
		args = append(args, "--peer", s.Addr().String())
	}
	n := newNode(t)
	dir := t.TempDir()
	c := n.start(t, append([]string{"get", o.info.Magnet() + "&ws=" + url.QueryEscape(server.URL()), "-o", dir}, args...)...)
	c.waitFor(t, "the fetch to begin", func(l line) bool { return l.Type == "progress" && l.State == "fetching" })
	begun := time.Now()
	peers.Wait(t, time.Minute, "the web seed to be listed", func() (bool, any) {
		var networks []string
		for _, l := range n.ok(t, "peers") {
			networks = append(networks, l.Network+" "+l.Address)
		}
		return strings.Contains(strings.Join(networks, ","), "web "+server.URL()), networks
	})
	c.wait(t, time.Minute)
	took := time.Since(begun)
	c.exits(t, 0)
	peers.Same(t, path, filepath.Join(dir, "mixed größe.bin"))
	for _, s := range seeds {
		t.Logf("a peer gave %d KiB", s.Status().Uploaded>>10)
		if s.Status().Uploaded == 0 {
			t.Error("a peer gave nothing")
		}
	}
	share := size / took.Seconds() / (2*rate + 4*each)
	t.Logf("%v: %.2f of the sum of the rates", took, share)
	if share < 0.9 {
		t.Errorf("%.2f of the sum of the rates", share)
	}
}

// TestWebSeedAlone: a folder comes from a web server without any peer.
func TestWebSeedAlone(t *testing.T) {
	netns.Need(t)
	for _, format := range peers.Formats {
		t.Run(string(format), func(t *testing.T) {
			dir := t.TempDir()
			path := peers.WriteTree(t, filepath.Join(dir, "odd größe #1"), 10, peers.Odd)
			server := peers.StartWebServer(t, dir, 0)
			torrent := filepath.Join(t.TempDir(), "odd.torrent")
			newNode(t).ok(t, "create", path, "-o", torrent, "--format", string(format), "--web-seed", server.URL())
			got, _ := newNode(t).get(t, torrent)
			peers.Same(t, path, filepath.Join(got, "odd größe #1"))
		})
	}
}

// TestWebSeedWithoutRanges: a large file and a folder come from a web server that gives files only as a whole.
func TestWebSeedWithoutRanges(t *testing.T) {
	netns.Need(t)
	dir := t.TempDir()
	large := peers.WriteFile(t, filepath.Join(dir, "large.bin"), 23, 40<<20)
	odd := peers.WriteTree(t, filepath.Join(dir, "odd größe #2"), 24, peers.Odd)
	server := peers.StartPlainServer(t, dir)
	for _, path := range []string{large, odd} {
		for _, format := range peers.Formats {
			t.Run(filepath.Base(path)+" "+string(format), func(t *testing.T) {
				torrent := filepath.Join(t.TempDir(), "whole.torrent")
				newNode(t).ok(t, "create", path, "-o", torrent, "--format", string(format), "--web-seed", server.URL())
				got, _ := newNode(t).get(t, torrent)
				peers.Same(t, path, filepath.Join(got, filepath.Base(path)))
			})
		}
	}
}

// TestWebSeedToBlame: when there is nobody but a web server that is of no use, the error says why it is of none, and in time.
func TestWebSeedToBlame(t *testing.T) {
	netns.Need(t)
	dir := t.TempDir()
	path := peers.WriteFile(t, filepath.Join(dir, "some.bin"), 25, 1<<20)
	spoiled := t.TempDir()
	peers.Copy(t, path, filepath.Join(spoiled, "some.bin"))
	peers.Spoil(t, filepath.Join(spoiled, "some.bin"))
	silent, err := net.Listen("tcp4", peers.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	for _, c := range []struct{ what, url, says string }{
		{"wrong bytes", peers.StartWebServer(t, spoiled, 0).URL(), "bad data"},
		{"not there", peers.StartWebServer(t, t.TempDir(), 0).URL(), "404"},
		{"silence", "http://" + silent.Addr().String() + "/", "has given nothing"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			torrent := filepath.Join(t.TempDir(), "some.torrent")
			newNode(t).ok(t, "create", path, "-o", torrent, "--web-seed", c.url)
			get := newNode(t).start(t, "get", torrent, "-o", t.TempDir(), "--wait", "3s")
			get.wait(t, 20*time.Second)
			get.fails(t, 4)
			if said := get.typed("error")[0].Message; !strings.Contains(said, c.says) || !strings.Contains(said, c.url) {
				t.Errorf("it said %s", said)
			}
		})
	}
}

// TestWebSeedThatLies: a web server that serves wrong bytes changes nothing in the result, and is named.
func TestWebSeedThatLies(t *testing.T) {
	netns.Need(t)
	peers.Require(t, peers.Libtorrent)
	for _, format := range peers.Formats {
		t.Run(string(format), func(t *testing.T) {
			path := peers.WriteFile(t, filepath.Join(t.TempDir(), "liar.bin"), 22, 24<<20)
			spoiled := filepath.Join(t.TempDir(), "liar.bin")
			peers.Copy(t, path, spoiled)
			peers.Spoil(t, spoiled)
			server := peers.StartWebServer(t, filepath.Dir(spoiled), 0)
			o := makeObject(t, path, peers.MakeOptions{Format: format, PieceSize: 256 << 10})
			args := []string{"-v"}
			for range 2 {
				s := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(path), UpRate: 4 << 20})
				args = append(args, "--peer", s.Addr().String())
			}
			dir, c := newNode(t).get(t, o.info.Magnet()+"&ws="+url.QueryEscape(server.URL()), args...)
			peers.Same(t, path, filepath.Join(dir, "liar.bin"))
			log := c.said(1 << 20)
			if !strings.Contains(log, "bad data from a peer") || !strings.Contains(log, server.URL()) {
				t.Errorf("the log does not name %s:\n%s", server.URL(), log)
			}
		})
	}
}
