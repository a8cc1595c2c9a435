package e2e

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// maxLoss is what a crash may cost.
const maxLoss = 64 << 20

// TestKilledFetch: a fetch of 1 GiB, killed ten times at random moments, ends right and loses little each time.
func TestKilledFetch(t *testing.T) {
	netns.Need(t)
	peers.Require(t, peers.Libtorrent)
	needDisk(t, 4<<30)
	const size, kills, rate = 1 << 30, 10, 100 << 20
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "large.bin"), 6, size)
	o := makeObject(t, path, peers.MakeOptions{Format: peers.Hybrid})
	source := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(path), UpRate: rate})
	dir, n := t.TempDir(), newNode(t)
	args := []string{"get", o.torrent, "-o", dir, "--peer", source.Addr().String()}

	var before int64 // what the killed one had reported
	for kill := range kills {
		c := n.start(t, args...)
		first := c.waitFor(t, "the fetch to go on", func(l line) bool { return l.Type == "progress" && l.State == "fetching" })
		if lost := before - first.BytesDone; lost > maxLoss {
			t.Errorf("crash %d lost %d MiB: %d bytes of %d", kill, lost>>20, lost, before)
		}
		pause := time.After(time.Duration(rng.IntN(700)) * time.Millisecond)
		peers.Wait(t, time.Minute, "the random moment", func() (bool, any) {
			select {
			case <-pause:
				return true, nil
			default:
				return false, nil
			}
		})
		c.Kill()
		for _, l := range c.typed("progress") {
			before = max(before, l.BytesDone)
		}
		if len(c.typed("done")) != 0 {
			t.Fatalf("done before crash %d: too fast for this test", kill)
		}
		if _, err := os.Stat(filepath.Join(dir, "large.bin")); err == nil {
			t.Fatal("an unfinished file has its final name")
		}
	}
	n.run(t, args...).exits(t, 0)
	peers.Same(t, path, filepath.Join(dir, "large.bin"))
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind beside the file: %v %v", entries, err)
	}
	// The source knows best how much was fetched twice. It also counts what was under way when the fetch was killed.
	if up := source.Status().Uploaded; up > size+(kills+1)*maxLoss {
		t.Errorf("%d MiB were sent for %d MiB", up>>20, size>>20)
	} else {
		t.Logf("%d MiB were sent for %d MiB in %d attempts; %d MiB reported before the last", up>>20, size>>20, kills+1, before>>20)
	}
}

// TestEditedShare: a file that is edited while it is shared is refused to peers, not served wrong.
func TestEditedShare(t *testing.T) {
	netns.Need(t)
	peers.Require(t, peers.Libtorrent)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "edited.bin"), 7, 32<<20)
	torrent := filepath.Join(t.TempDir(), "edited.torrent")
	n := newNode(t)
	_, shared := n.share(t, []string{path}, "--torrent", torrent, "--up", "2M")
	leech := peers.Libtorrent.Start(t, peers.Options{Torrent: torrent, Dir: t.TempDir(), Dial: []netip.AddrPort{n.addr}})
	peers.Wait(t, time.Minute, "the transfer to begin", func() (bool, any) {
		s := leech.Status()
		return s.BytesDone > 0, s
	})
	// Same size, other bytes.
	peers.Spoil(t, path)
	peers.Wait(t, time.Minute, "the change to be noticed", func() (bool, any) {
		ls := n.ok(t, "ls")
		return len(ls) == 1 && ls[0].State == "changed" && ls[0].ID == shared[0].ID, ls
	})
	if s := leech.(*peers.Driven).Detail(); s.Wasted != 0 || s.Seeding {
		t.Errorf("the edited file was served under its old hash: %+v", s)
	}
	// Whoever comes now gets nothing.
	late := peers.Libtorrent.Start(t, peers.Options{Torrent: torrent, Dir: t.TempDir(), Dial: []netip.AddrPort{n.addr}})
	limit := time.After(3 * time.Second)
	peers.Wait(t, time.Minute, "a moment in which nothing is served", func() (bool, any) {
		if s := late.(*peers.Driven).Detail(); s.Downloaded != 0 {
			t.Fatalf("served after the change: %+v", s)
		}
		select {
		case <-limit:
			return true, nil
		default:
			return false, nil
		}
	})
}
