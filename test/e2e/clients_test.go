package e2e

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// how a client learns what to fetch.
var ways = []string{"torrent", "magnet"}

// TestShareToClients: every client fetches what potluck shares, in every format it knows, by .torrent and by magnet link.
// libtorrent is told the address, the others learn it from a tracker, over HTTP and UDP in turn if they can.
func TestShareToClients(t *testing.T) {
	netns.Need(t)
	for _, c := range peers.Clients {
		for _, f := range c.Formats {
			for i, way := range ways {
				t.Run(fmt.Sprintf("%s %s by %s", c.Name, f, way), func(t *testing.T) {
					t.Parallel()
					peers.Require(t, c)
					shareTo(t, c, f, way, i == 0)
				})
			}
		}
	}
}

func shareTo(t *testing.T, c peers.Client, f peers.Format, way string, overHTTP bool) {
	path := peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 2, peers.Odd)
	torrent := filepath.Join(t.TempDir(), "odd.torrent")
	n := newNode(t)
	options := []string{"--format", string(f), "--torrent", torrent}
	var tracker *peers.Tracker
	if !c.Dials {
		tracker = peers.StartTracker(t)
		url := tracker.UDP()
		if overHTTP || c.HTTPOnly {
			url = tracker.HTTP()
		}
		// The tracker wants to know the info-hash first; it is the same for the same content.
		created := newNode(t).ok(t, "create", path, "-o", filepath.Join(t.TempDir(), "early.torrent"), "--format", string(f))
		tracker.Allow(t, created[len(created)-1].hashes()...)
		options = append(options, "--tracker", url)
	}
	_, shared := n.share(t, []string{path}, options...)
	o := peers.Options{Torrent: torrent, Dir: t.TempDir()}
	if way == "magnet" {
		o.Torrent = c.Link(shared[0].Link)
	}
	if c.Dials {
		o.Dial = []netip.AddrPort{n.addr}
	} else {
		tracker.WaitSeeds(t, 1, shared[0].hashes()...)
	}
	for tries := 1; ; tries-- { // see CONTRIBUTING.md: on a machine that is too busy its hashes may still come late
		o.Dir = t.TempDir()
		leech := c.Start(t, o)
		done := peers.WaitDoneUnlessInconsistent(t, leech, time.Minute)
		leech.Stop()
		if done {
			break
		}
		if f != peers.Hybrid || tries == 0 {
			t.Fatal("the client says that v1 and v2 hashes do not describe the same data")
		}
		t.Log("libtorrent stopped by a fault of its own; once more")
	}
	c.Same(t, path, filepath.Join(o.Dir, "odd"))
}

// TestGetFromClients: potluck fetches from every client, in every format it knows, by .torrent and by magnet link.
func TestGetFromClients(t *testing.T) {
	netns.Need(t)
	for _, c := range peers.Clients {
		for _, f := range c.Formats {
			for _, way := range ways {
				t.Run(fmt.Sprintf("%s %s by %s", c.Name, f, way), func(t *testing.T) {
					t.Parallel()
					peers.Require(t, c, peers.Libtorrent)
					o := makeOdd(t, f)
					seed := c.Seed(t, peers.Options{Torrent: o.torrent, Dir: o.parent(t)})
					link := o.torrent
					if way == "magnet" {
						link = o.info.Magnet()
					}
					dir, _ := newNode(t).get(t, link, "--peer", seed.Addr().String())
					peers.Same(t, o.path, filepath.Join(dir, "odd"))
				})
			}
		}
	}
}

// TestGetByTracker: a tracker alone leads potluck to a seed.
func TestGetByTracker(t *testing.T) {
	netns.Need(t)
	for _, f := range peers.Formats {
		for i, way := range ways {
			t.Run(fmt.Sprintf("%s by %s", f, way), func(t *testing.T) {
				t.Parallel()
				tracker := peers.StartTracker(t)
				url := tracker.UDP()
				if (i == 0) == (f != peers.V2) { // both protocols for a link of each kind
					url = tracker.HTTP()
				}
				o := makeOdd(t, f, url)
				tracker.Allow(t, o.info.Hashes()...)
				peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: o.parent(t)})
				tracker.WaitSeeds(t, 1, o.info.Hashes()...)
				link := o.torrent
				if way == "magnet" {
					link = o.info.Magnet(url)
				}
				dir, _ := newNode(t).get(t, link)
				peers.Same(t, o.path, filepath.Join(dir, "odd"))
			})
		}
	}
}

// TestPotluckToPotluck: the link of a share is enough, whatever the format.
func TestPotluckToPotluck(t *testing.T) {
	netns.Need(t)
	for _, f := range peers.Formats {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			path := peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 4, peers.Odd)
			from := newNode(t)
			_, shared := from.share(t, []string{path}, "--format", string(f))
			if !strings.Contains(shared[0].Link, "x.pe=") {
				t.Errorf("the link of an explicit --listen has no x.pe: %s", shared[0].Link)
			}
			dir, _ := newNode(t).get(t, shared[0].Link)
			peers.Same(t, path, filepath.Join(dir, "odd"))
		})
	}
}

// object is content with a torrent that libtorrent made of it.
type object struct {
	path, torrent string
	info          peers.TorrentInfo
}

func makeOdd(t *testing.T, f peers.Format, trackers ...string) object {
	t.Helper()
	return makeObject(t, peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 3, peers.Odd), peers.MakeOptions{Format: f, Trackers: trackers})
}

func makeObject(t *testing.T, path string, options peers.MakeOptions) object {
	t.Helper()
	o := object{path: path, torrent: filepath.Join(t.TempDir(), filepath.Base(path)+".torrent")}
	o.info = peers.Make(t, path, o.torrent, options)
	return o
}

// parent is a folder that holds the object and its padding, for clients that know no BEP 47.
func (o object) parent(t *testing.T) string {
	t.Helper()
	if len(o.info.Pads) == 0 {
		return filepath.Dir(o.path)
	}
	dir := t.TempDir()
	peers.Copy(t, o.path, filepath.Join(dir, filepath.Base(o.path)))
	peers.WritePads(t, dir, o.info.Pads)
	return dir
}
