package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// policies are potluck's.
var policies = []struct {
	name  string
	takes peers.Secrecy
	says  []string // of who is refused, one of these
}{
	{"prefer", peers.Plain | peers.Veiled | peers.RC4, nil},
	{"require", peers.RC4, []string{"speaks no encryption, which our configuration requires", "offers no method that we allow"}},
	{"off", peers.Plain, []string{"our configuration allows no encryption"}},
}

// configured writes a node's configuration.
func (n *node) configured(t *testing.T, toml string) *node {
	t.Helper()
	if err := os.MkdirAll(n.home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.home, "config.toml"), []byte(toml), 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestEncryptionGet: potluck dials clients and fetches from them, or says why not, whatever both think of encryption.
func TestEncryptionGet(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	for _, p := range policies {
		for _, c := range peers.Clients {
			for _, e := range c.Encryptions {
				works := p.takes&e.Accepts != 0
				if p.takes == peers.Plain && works {
					continue // as everywhere
				}
				t.Run(fmt.Sprintf("%s from %s (%s)", p.name, c.Name, e.Name), func(t *testing.T) {
					t.Parallel()
					peers.Require(t, c, peers.Libtorrent)
					o := makeOdd(t, peers.V1)
					seed := c.Seed(t, peers.Options{Torrent: o.torrent, Dir: o.parent(t), Encryption: e})
					n := newNode(t).configured(t, fmt.Sprintf("encryption = %q\n", p.name))
					if works {
						dir, _ := n.get(t, o.torrent, "--peer", seed.Addr().String())
						peers.Same(t, o.path, filepath.Join(dir, "odd"))
					} else {
						failsToGet(t, n, o.torrent, seed.Addr())
					}
				})
			}
		}
	}
}

// failsToGet holds that the user is told of encryption where it stands in the way.
func failsToGet(t *testing.T, n *node, torrent string, from netip.AddrPort) {
	t.Helper()
	get := n.run(t, "get", torrent, "-o", t.TempDir(), "--peer", from.String(), "--wait", "3s", "-v")
	get.fails(t, 4)
	if said := get.typed("error"); !strings.Contains(said[0].Hint, "encryption = ") {
		t.Errorf("the hint says nothing of encryption: %+v", said)
	}
	if log := get.said(10_000); !strings.Contains(log, "cannot connect") || !strings.Contains(log, "encryption=") {
		t.Errorf("the log does not say why: %s", log)
	}
}

// TestEncryptionShare: clients dial potluck and fetch from it, or are refused and potluck says why.
func TestEncryptionShare(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	for _, p := range policies {
		for _, c := range peers.Clients {
			for _, e := range c.Encryptions {
				works := p.takes&e.Dials != 0
				if p.takes == peers.Plain && works {
					continue // as everywhere
				}
				t.Run(fmt.Sprintf("%s to %s (%s)", p.name, c.Name, e.Name), func(t *testing.T) {
					t.Parallel()
					peers.Require(t, c)
					path := peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 2, peers.Odd)
					n := newNode(t).configured(t, fmt.Sprintf("encryption = %q\n", p.name))
					share, o := shareFor(t, n, path, c)
					o.Encryption = e
					leech := c.Start(t, o)
					if works {
						peers.WaitDone(t, leech, time.Minute)
						leech.Stop()
						c.Same(t, path, filepath.Join(o.Dir, "odd"))
						return
					}
					share.refuses(t, p.says)
					if s := leech.Status(); s.BytesDone != 0 {
						t.Errorf("it got something: %+v", s)
					}
				})
			}
		}
	}
}

// shareFor shares a path, as v1, in a way that a client can learn of: the options to start it with.
func shareFor(t *testing.T, n *node, path string, c peers.Client) (*command, peers.Options) {
	t.Helper()
	o := peers.Options{Torrent: filepath.Join(t.TempDir(), "odd.torrent"), Dir: t.TempDir()}
	options := []string{"-v", "--format", "v1", "--torrent", o.Torrent}
	if c.Dials {
		o.Dial = []netip.AddrPort{n.addr}
		share, _ := n.share(t, []string{path}, options...)
		return share, o
	}
	tracker := peers.StartTracker(t)
	created := newNode(t).ok(t, "create", path, "-o", filepath.Join(t.TempDir(), "early.torrent"), "--format", "v1")
	tracker.Allow(t, created[len(created)-1].hashes()...)
	share, shared := n.share(t, []string{path}, append(options, "--tracker", tracker.HTTP())...)
	tracker.WaitSeeds(t, 1, shared[0].hashes()...)
	return share, o
}

// refuses waits until potluck says one of the reasons why it refuses somebody.
func (c *command) refuses(t *testing.T, reasons []string) {
	t.Helper()
	peers.Wait(t, time.Minute, "potluck to refuse somebody", func() (bool, any) {
		log := c.said(10_000)
		for _, r := range reasons {
			if strings.Contains(log, r) {
				return true, nil
			}
		}
		return false, log
	})
}

// TestEncryptionOfEveryFormat: what names an object behind encryption is 20 bytes, whatever its info-hash.
func TestEncryptionOfEveryFormat(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	forced := peers.Libtorrent.Encryptions[len(peers.Libtorrent.Encryptions)-2]
	for _, f := range peers.Formats {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			peers.Require(t, peers.Libtorrent)
			o := makeOdd(t, f)
			seed := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: o.parent(t), Encryption: forced})
			n := newNode(t).configured(t, "encryption = 'require'\n")
			dir, _ := n.get(t, o.info.Magnet(), "--peer", seed.Addr().String())
			peers.Same(t, o.path, filepath.Join(dir, "odd"))
			// And on to the next, who knows us only.
			n.start(t, "get", o.torrent, "-o", dir, "--seed")
			into := t.TempDir()
			leech := peers.Libtorrent.Start(t, peers.Options{Torrent: o.torrent, Dir: into, Dial: []netip.AddrPort{n.addr}, Encryption: forced})
			peers.WaitDone(t, leech, time.Minute)
			leech.Stop()
			peers.Same(t, o.path, filepath.Join(into, "odd"))
		})
	}
}
