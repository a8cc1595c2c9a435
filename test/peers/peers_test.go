package peers

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
)

// These tests hold the harness itself: the clients transfer among themselves, without potluck.

func TestMain(m *testing.M) { os.Exit(netns.Run(m, nil)) }

// made is an object with its torrent.
type made struct {
	parent  string // the folder that holds it
	path    string
	torrent string
	info    TorrentInfo
}

func makeOdd(t *testing.T, f Format, trackers ...string) made {
	t.Helper()
	parent := t.TempDir()
	m := made{parent: parent, path: filepath.Join(parent, "odd"), torrent: filepath.Join(t.TempDir(), "odd.torrent")}
	WriteTree(t, m.path, 1, Odd)
	m.info = Make(t, m.path, m.torrent, MakeOptions{Format: f, Trackers: trackers})
	return m
}

func TestLibtorrentToItself(t *testing.T) {
	netns.Need(t)
	for _, f := range Formats {
		for _, by := range []string{"torrent", "magnet"} {
			t.Run(fmt.Sprintf("%s by %s", f, by), func(t *testing.T) {
				m := makeOdd(t, f)
				seed := Libtorrent.Seed(t, Options{Torrent: m.torrent, Dir: m.parent})
				what, into := m.torrent, t.TempDir()
				if by == "magnet" {
					what = m.info.Magnet()
				}
				leech := Libtorrent.Start(t, Options{Torrent: what, Dir: into, Dial: []netip.AddrPort{seed.Addr()}})
				WaitDone(t, leech, time.Minute)
				leech.Stop()
				Same(t, m.path, filepath.Join(into, "odd"))
			})
		}
	}
}

// TestSeeds: libtorrent fetches from every other client.
func TestSeeds(t *testing.T) {
	netns.Need(t)
	for _, c := range Clients[1:] {
		for _, f := range c.Formats {
			t.Run(fmt.Sprintf("%s %s", c.Name, f), func(t *testing.T) {
				t.Parallel()
				m := makeOdd(t, f)
				WritePads(t, m.parent, m.info.Pads)
				seed := c.Seed(t, Options{Torrent: m.torrent, Dir: m.parent})
				into := t.TempDir()
				leech := Libtorrent.Start(t, Options{Torrent: m.torrent, Dir: into, Dial: []netip.AddrPort{seed.Addr()}})
				WaitDone(t, leech, time.Minute)
				leech.Stop()
				c.Same(t, m.path, filepath.Join(into, "odd"))
			})
		}
	}
}

// TestLeeches: every other client fetches, from aria2 and by way of a tracker over HTTP and UDP.
func TestLeeches(t *testing.T) {
	netns.Need(t)
	for _, c := range Clients[1:] {
		for _, by := range []string{"torrent", "magnet"} {
			t.Run(c.Name+" by "+by, func(t *testing.T) {
				t.Parallel()
				Require(t, Aria2, c)
				tr := StartTracker(t)
				m := makeOdd(t, V1, tr.HTTP(), tr.UDP())
				tr.Allow(t, m.info.Hashes()...)
				Aria2.Seed(t, Options{Torrent: m.torrent, Dir: m.parent})
				tr.WaitSeeds(t, 1, m.info.Hashes()...)
				what, into := m.torrent, t.TempDir()
				if by == "magnet" {
					what = m.info.Magnet(tr.HTTP())
				}
				leech := c.Start(t, Options{Torrent: what, Dir: into})
				WaitDone(t, leech, 2*time.Minute)
				leech.Stop()
				c.Same(t, m.path, filepath.Join(into, "odd"))
			})
		}
	}
}

// TestCorrupt: the liar really lies, and libtorrent notices.
func TestCorrupt(t *testing.T) {
	netns.Need(t)
	m := makeOdd(t, V1)
	Spoil(t, m.path)
	seed := Libtorrent.Seed(t, Options{Torrent: m.torrent, Dir: m.parent, Corrupt: true})
	leech := Libtorrent.Start(t, Options{Torrent: m.torrent, Dir: t.TempDir(), Dial: []netip.AddrPort{seed.Addr()}})
	Wait(t, time.Minute, "libtorrent to find corrupt pieces", func() (bool, any) {
		s := leech.(*Driven).Detail()
		return s.Wasted > 0, s
	})
	if s := leech.Status(); s.Done {
		t.Errorf("the leech believes to be done: %+v", s)
	}
}
