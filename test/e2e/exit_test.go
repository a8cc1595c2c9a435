package e2e

import (
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// TestExitCodes holds the exit codes that need no other peer.
func TestExitCodes(t *testing.T) {
	netns.Need(t)
	dir := t.TempDir()
	liar := filepath.Join(dir, "liar.torrent")
	// 2^31 pieces of a length that is no multiple of anything.
	text := "d4:infod6:lengthi6442450944e4:name1:x12:piece lengthi3e6:pieces0:ee"
	if err := os.WriteFile(liar, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(dir, "deep.torrent")
	nested := make([]byte, 100_000)
	for i := range nested {
		nested[i] = 'l'
	}
	if err := os.WriteFile(deep, nested, 0o644); err != nil {
		t.Fatal(err)
	}
	file := peers.WriteFile(t, filepath.Join(dir, "some.bin"), 11, 1000)
	nobody := "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&x.pe=" + peers.Address().String()
	for _, c := range []struct {
		name string
		args []string
		exit int
	}{
		{"no such flag", []string{"share", file, "--no-such-flag"}, 2},
		{"no path", []string{"share"}, 2},
		{"no link", []string{"get"}, 2},
		{"not a link", []string{"get", "what is this"}, 2},
		{"name for several", []string{"share", file, dir, "--name", "x"}, 2},
		{"private without a tracker is fine when offline", []string{"create", file, "-o", filepath.Join(dir, "p.torrent"), "--private"}, 0},
		{"lying torrent", []string{"get", liar}, 1},
		{"lying torrent, info", []string{"info", liar}, 1},
		{"nested torrent", []string{"info", deep}, 1},
		{"nobody has it", []string{"get", nobody, "--wait", "2s", "-o", dir}, 4},
		{"no node: status", []string{"status"}, 9},
		{"no node: peers", []string{"peers"}, 9},
		{"no node: pause", []string{"pause", "0123abcd"}, 9},
		{"no node: down", []string{"down"}, 9},
		{"nothing yet", []string{"ls"}, 0},
		{"version", []string{"version"}, 0},
		{"no such file", []string{"share", filepath.Join(dir, "not there")}, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := newNode(t).run(t, c.args...)
			if c.exit != 0 {
				cmd.fails(t, c.exit)
				return
			}
			cmd.exits(t, 0)
		})
	}
}

// TestInterrupt: SIGINT, SIGTERM and SIGHUP end a share and a seeding get with 0, a fetch with 130.
func TestInterrupt(t *testing.T) {
	netns.Need(t)
	// Children inherit which signals are ignored, SIGHUP if the tests run by nohup; but not which are caught.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "some.bin"), 12, 1<<20)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(s.String(), func(t *testing.T) {
			from := newNode(t)
			share, shared := from.share(t, []string{path})
			get := newNode(t).start(t, "get", shared[0].Link, "-o", t.TempDir(), "--seed")
			get.waitFor(t, "the fetch to be done", func(l line) bool { return l.Type == "done" })
			get.Signal(s)
			get.wait(t, 15*time.Second)
			get.exits(t, 0)
			share.Signal(s)
			share.wait(t, 15*time.Second)
			share.exits(t, 0)

			waiting := newNode(t).start(t, "get", shared[0].Link, "-o", t.TempDir())
			waiting.waitFor(t, "the fetch to begin", func(l line) bool { return l.Type == "progress" })
			waiting.Signal(s)
			waiting.wait(t, 15*time.Second)
			if got := waiting.ExitCode(); got != 130 {
				t.Errorf("exit code %d, want 130", got)
			}
		})
	}
}

// TestNohup: who runs potluck with SIGHUP ignored keeps it when the terminal goes.
func TestNohup(t *testing.T) {
	netns.Need(t)
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "some.bin"), 16, 1<<20)
	share, shared := newNode(t).share(t, []string{path})
	share.Signal(syscall.SIGHUP)
	newNode(t).get(t, shared[0].Link)
	share.Signal(syscall.SIGTERM)
	share.wait(t, 15*time.Second)
	share.exits(t, 0)
}

// asNobody is a node of a user without rights, with a folder that it may write to.
func asNobody(t *testing.T) (n *node, dir string) {
	t.Helper()
	if !netns.Root() {
		t.Skip("only root can be somebody else")
	}
	const id = 65534
	dir, err := os.MkdirTemp("", "potluck-nobody")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, id, id); err != nil {
		t.Fatal(err)
	}
	return &node{home: filepath.Join(dir, "home"), addr: peers.Address(), user: &syscall.Credential{Uid: id, Gid: id}}, dir
}

// TestPermissions: what may not be read or written ends with 7, before anything is announced or fetched.
func TestPermissions(t *testing.T) {
	netns.Need(t)
	n, dir := asNobody(t)
	t.Run("unreadable file", func(t *testing.T) {
		path := peers.WriteTree(t, filepath.Join(dir, "secret"), 13, []peers.File{{Path: "a", Size: 10}, {Path: "b", Size: 10}})
		if err := os.Chmod(filepath.Join(path, "b"), 0); err != nil {
			t.Fatal(err)
		}
		c := n.run(t, "share", path)
		c.fails(t, 7)
		if len(c.typed("shared")) != 0 {
			t.Error("shared all the same")
		}
	})
	t.Run("read-only home", func(t *testing.T) {
		for what, home := range map[string]string{"itself": "home-ro", "above": "above/home"} {
			at := filepath.Join(dir, home)
			below := at
			if what == "above" {
				below = filepath.Dir(at)
			}
			if err := os.Mkdir(below, 0o555); err != nil {
				t.Fatal(err)
			}
			there := *n
			there.home = at
			there.run(t, "ls").fails(t, 7)
			there.run(t, "share", below).fails(t, 7)
		}
	})
	t.Run("read-only folder", func(t *testing.T) {
		path := peers.WriteFile(t, filepath.Join(t.TempDir(), "some.bin"), 14, 1<<20)
		_, shared := newNode(t).share(t, []string{path})
		into := filepath.Join(dir, "readonly")
		if err := os.Mkdir(into, 0o555); err != nil {
			t.Fatal(err)
		}
		n.run(t, "get", shared[0].Link, "-o", into).fails(t, 7)
	})
}

// TestFullDisk: a full disk stops the one fetch with 7; with room again it goes on.
func TestFullDisk(t *testing.T) {
	netns.Need(t)
	into := t.TempDir()
	if os.Getpid() != 1 {
		t.Skip("not in a mount namespace: no small disk can be mounted")
	}
	if err := syscall.Mount("tmpfs", into, "tmpfs", 0, "size=8m"); err != nil {
		t.Skipf("no small disk can be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(into, syscall.MNT_DETACH) })
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "large.bin"), 15, 24<<20)
	_, shared := newNode(t).share(t, []string{path})
	n := newNode(t)
	n.run(t, "get", shared[0].Link, "-o", into).fails(t, 7)
	if _, err := os.Stat(filepath.Join(into, "large.bin")); err == nil {
		t.Error("a file that is not whole has its final name")
	}
	if err := syscall.Mount("tmpfs", into, "tmpfs", syscall.MS_REMOUNT, "size=64m"); err != nil {
		t.Skipf("the small disk cannot grow: %v", err)
	}
	n.run(t, "get", shared[0].Link, "-o", into).exits(t, 0)
	peers.Same(t, path, filepath.Join(into, "large.bin"))
}

// TestNobodyThenSomebody: a get that waits takes up the transfer when its peer comes.
func TestNobodyThenSomebody(t *testing.T) {
	netns.Need(t)
	peers.Require(t, peers.Libtorrent)
	o := makeOdd(t, peers.Hybrid)
	from, n := newNode(t), newNode(t)
	dir := t.TempDir()
	get := n.start(t, "get", o.torrent, "-o", dir, "--peer", from.addr.String(), "--wait", "0")
	get.waitFor(t, "the fetch to begin", func(l line) bool { return l.Type == "progress" })
	_, shared := from.share(t, []string{o.path})
	if shared[0].InfoHashV1 != o.info.InfoHashV1 {
		// Another piece length: let libtorrent seed instead.
		seed := peers.Libtorrent.Seed(t, peers.Options{Torrent: o.torrent, Dir: filepath.Dir(o.path), Dial: []netip.AddrPort{n.addr}})
		defer seed.Stop()
	}
	get.wait(t, time.Minute)
	get.exits(t, 0)
	peers.Same(t, o.path, filepath.Join(dir, "odd"))
}
