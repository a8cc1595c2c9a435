package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// feedPatience is how long a new version may take: it is noticed, published, looked for and fetched.
const feedPatience = 2 * time.Minute

// hamlet is a small DHT of potlucks; with returns a node that is in it.
func hamlet(t *testing.T, size int) (with func(host int) *node) {
	t.Helper()
	door := peers.At(netns.Public(1))
	at := func(host int) *node {
		n := newNode(t)
		n.addr, n.online, n.dht = peers.At(netns.Public(host)), true, door.String()
		return n
	}
	for host := 1; host <= size; host++ {
		n := at(host)
		if host == 1 {
			n.addr = door
		}
		n.start(t, "up", "--api", "127.0.0.1:0").waitFor(t, "potluck to be up", func(l line) bool { return l.Type == "status" })
	}
	return func(host int) *node { return at(size + host) }
}

// given is how many bytes of payload a node has sent of the only object it has.
func (n *node) given(t *testing.T) int64 {
	t.Helper()
	for _, l := range n.ok(t, "ls") {
		return int64(l.Ratio*float64(l.Size) + 0.5)
	}
	t.Fatal("it has no object")
	return 0
}

// edit writes other bytes into a file, in place.
func edit(t *testing.T, name string, off int64, text string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), off); err != nil {
		t.Fatal(err)
	}
}

// swap puts a changed copy of a folder in its place, so that nobody sees half of the changes.
func swap(t *testing.T, folder string, change func(next string)) {
	t.Helper()
	next := folder + ".next"
	if err := os.CopyFS(next, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	change(next)
	if err := os.Rename(folder, folder+".before"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, folder); err != nil {
		t.Fatal(err)
	}
}

// next waits until a version later than one is done.
func (c *command) next(t *testing.T, sequence int64) line {
	t.Helper()
	var found line
	peers.Wait(t, feedPatience, "the next version", func() (bool, any) {
		if c.Ended() {
			t.Fatalf("potluck ended with %d", c.ExitCode())
		}
		for _, l := range c.typed("done") {
			if l.Sequence > sequence {
				found = l
				return true, nil
			}
		}
		return false, lastOf(c.all(), 1)
	})
	return found
}

// TestFeed: one link leads to whatever lies in a folder, and who follows it has that before long, without fetching again what
// did not change; also when the follower was killed in between.
func TestFeed(t *testing.T) {
	netns.Need(t)
	t.Setenv("POTLUCK_FEED_POLL", "3s")
	with := hamlet(t, 6)
	const size = 8 << 20
	folder := filepath.Join(t.TempDir(), "news")
	for i, name := range []string{"large.bin", "other.bin", "sub/renamed.bin", "gone.bin"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		peers.WriteFile(t, filepath.Join(folder, name), uint64(40+i), size)
	}
	publisher, follower := with(1), with(2)
	_, shared := publisher.share(t, []string{folder}, "--feed", "daily")
	first := shared[0]
	if !strings.HasPrefix(first.Link, "magnet:?xs=urn:btpk:") || !strings.HasPrefix(first.VersionLink, "magnet:?xt=") ||
		first.Feed == nil || first.Feed.Name != "daily" || first.Feed.Sequence == 0 {
		t.Errorf("%+v", first)
	}
	dir := t.TempDir()
	get := follower.start(t, "get", first.Link, "--follow", "-o", dir)
	done := get.next(t, 0)
	here := filepath.Join(dir, "news")
	peers.Same(t, folder, here)
	if done.Path != here || done.Sequence != first.Feed.Sequence {
		t.Errorf("%+v", done)
	}
	if ls := follower.ok(t, "ls"); len(ls) != 1 || ls[0].Feed == nil || !ls[0].Feed.Followed {
		t.Errorf("%+v", ls)
	}

	change := func(folder string, round int) {
		t.Helper()
		edit(t, filepath.Join(folder, "large.bin"), int64(round)<<20, "other news than before")
	}
	before := publisher.given(t)
	swap(t, folder, func(next string) {
		change(next, 1)
		if err := os.Remove(filepath.Join(next, "gone.bin")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(next, "sub/renamed.bin"), filepath.Join(next, "moved.bin")); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(next, "sub")); err != nil {
			t.Fatal(err)
		}
		peers.WriteFile(t, filepath.Join(next, "new.bin"), 50, 100_000)
	})
	second := get.next(t, done.Sequence)
	peers.Same(t, folder, here)
	if second.ID != done.ID {
		t.Errorf("another object: %+v", second)
	}
	// A piece of the large file, and the new one.
	if fetched := publisher.given(t) - before; fetched <= 0 || fetched > 1<<20 {
		t.Errorf("%d bytes were fetched for a change of few", fetched)
	}

	// Who follows goes on with it after a crash, whatever became of the folder meanwhile.
	get.Kill()
	change(folder, 2)
	up := follower.start(t, "up", "--api", "127.0.0.1:0")
	up.waitFor(t, "potluck to be up", func(l line) bool { return l.Type == "status" })
	peers.Wait(t, feedPatience, "the next version", func() (bool, any) {
		ls := follower.ok(t, "ls")
		return len(ls) == 1 && ls[0].Feed != nil && ls[0].Feed.Sequence > second.Sequence && ls[0].State == "seeding", ls
	})
	peers.Same(t, folder, here)
	if told := follower.ok(t, "get", first.Link, "--follow"); len(told) != 1 || told[0].Type != "done" || told[0].Sequence <= second.Sequence {
		t.Errorf("a node that runs follows by itself: %+v", told)
	}
	up.Signal(syscall.SIGINT)
	up.wait(t, time.Minute)

	// In the foreground it goes on until it is interrupted, and that is no failure.
	again := follower.start(t, "get", first.Link, "--follow")
	again.next(t, second.Sequence)
	change(folder, 3)
	third := again.typed("done")
	again.next(t, third[0].Sequence)
	peers.Same(t, folder, here)
	again.Signal(syscall.SIGINT)
	again.wait(t, time.Minute)
	again.exits(t, 0)

	with(3).run(t, "get", strings.Replace(first.Link, "&s=", "&s=00", 1), "--wait", "1s").fails(t, 4)
	other := peers.WriteFile(t, filepath.Join(t.TempDir(), "other"), 60, 1000)
	publisher.run(t, "share", other, "--feed", "daily").fails(t, 2)
	publisher.run(t, "share", other, "--feed", "secret", "--private", "--tracker", "http://10.99.0.1/announce").fails(t, 2)
	publisher.run(t, "get", first.VersionLink, "--follow").fails(t, 2)
}
