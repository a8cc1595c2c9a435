package e2e

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// TestShareAgain: the same path and content again gives the same id and link, and nothing is written beside it.
func TestShareAgain(t *testing.T) {
	netns.Need(t)
	path := peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 16, peers.Odd)
	before := peers.Digests(t, filepath.Dir(path))
	n := newNode(t)
	var first line
	for i := range 2 {
		c, shared := n.share(t, []string{path})
		c.Stop()
		c.exits(t, 0)
		if i == 0 {
			first = shared[0]
			continue
		}
		if shared[0].ID != first.ID || shared[0].Link != first.Link {
			t.Errorf("first %+v, then %+v", first, shared[0])
		}
	}
	if after := peers.Digests(t, filepath.Dir(path)); !maps.Equal(before, after) {
		t.Errorf("sharing changed what lies there: %v, was %v", after, before)
	}
}

// TestShareSeveral: each path is an object of its own, in order, on one port.
func TestShareSeveral(t *testing.T) {
	netns.Need(t)
	dir := t.TempDir()
	paths := []string{
		peers.WriteFile(t, filepath.Join(dir, "second.bin"), 17, 100_000),
		peers.WriteTree(t, filepath.Join(dir, "first"), 18, peers.Odd),
	}
	_, shared := newNode(t).share(t, paths)
	for i, s := range shared {
		if s.Name != filepath.Base(paths[i]) {
			t.Errorf("object %d is %q", i, s.Name)
		}
		into, _ := newNode(t).get(t, s.Link)
		peers.Same(t, paths[i], filepath.Join(into, s.Name))
	}
}

// TestSelect: only what is selected arrives, whole, and no byte of its neighbours stays in the user's folder.
func TestSelect(t *testing.T) {
	netns.Need(t)
	for _, f := range peers.Formats {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			path := peers.WriteTree(t, filepath.Join(t.TempDir(), "some"), 19, []peers.File{
				{Path: "a.txt", Size: 70_000}, {Path: "b.bin", Size: 70_000}, {Path: "docs/c.txt", Size: 10}, {Path: "docs/deep/d.txt", Size: 50_000},
				{Path: "e.txt", Size: 5},
			})
			_, shared := newNode(t).share(t, []string{path}, "--format", string(f))
			for pattern, want := range map[string][]string{
				"*.txt":    {"a.txt", "e.txt"},
				"docs":     {"docs/c.txt", "docs/deep/d.txt"},
				"**/d.txt": {"docs/deep/d.txt"},
			} {
				dir, _ := newNode(t).get(t, shared[0].Link, "--select", pattern)
				got := peers.Digests(t, dir)
				all := peers.Digests(t, path)
				if len(got) != len(want) {
					t.Errorf("%s: got %v, want %v", pattern, got, want)
				}
				for _, name := range want {
					if got["some/"+name] != all[name] {
						t.Errorf("%s: %s is not right", pattern, name)
					}
				}
			}
		})
	}
}

// TestNextToOthers: what lies at the destination is kept: the same content is adopted, anything else is left alone.
func TestNextToOthers(t *testing.T) {
	netns.Need(t)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "some.bin"), 20, 1<<20)
	_, shared := newNode(t).share(t, []string{path})
	t.Run("other content", func(t *testing.T) {
		dir := t.TempDir()
		other := peers.WriteFile(t, filepath.Join(dir, "some.bin"), 21, 1<<20)
		before := peers.Digests(t, other)
		c := newNode(t).run(t, "get", shared[0].Link, "-o", dir)
		c.exits(t, 0)
		done := c.typed("done")
		if len(done) != 1 || done[0].Path == other || filepath.Dir(done[0].Path) != dir || !strings.Contains(done[0].Path, "(1)") {
			t.Fatalf("done: %+v", done)
		}
		peers.Same(t, path, done[0].Path)
		if !maps.Equal(before, peers.Digests(t, other)) {
			t.Error("a file that is not ours was changed")
		}
	})
	t.Run("same content", func(t *testing.T) {
		dir := t.TempDir()
		peers.Copy(t, path, filepath.Join(dir, "some.bin"))
		c := newNode(t).run(t, "get", shared[0].Link, "-o", dir)
		c.exits(t, 0)
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("%v %v", entries, err)
		}
	})
	t.Run("once more", func(t *testing.T) {
		n, dir := newNode(t), t.TempDir()
		for range 2 {
			c := n.run(t, "get", shared[0].Link, "-o", dir)
			c.exits(t, 0)
			if done := c.typed("done"); len(done) != 1 || done[0].Path != filepath.Join(dir, "some.bin") {
				t.Errorf("done: %+v", done)
			}
		}
	})
}

// TestTorrentByURL: a .torrent is fetched from a web server that the user names.
func TestTorrentByURL(t *testing.T) {
	netns.Need(t)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "some.bin"), 22, 1<<20)
	torrent := filepath.Join(t.TempDir(), "some.torrent")
	n := newNode(t)
	n.share(t, []string{path}, "--torrent", torrent)
	web := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(torrent))))
	defer web.Close()
	dir, _ := newNode(t).get(t, web.URL+"/some.torrent", "--peer", n.addr.String())
	peers.Same(t, path, filepath.Join(dir, "some.bin"))
	newNode(t).run(t, "get", web.URL+"/nothing.torrent").fails(t, 1)
}

// TestBareInfoHash: an info-hash and a peer are enough.
func TestBareInfoHash(t *testing.T) {
	netns.Need(t)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "some.bin"), 23, 1<<20)
	n := newNode(t)
	_, shared := n.share(t, []string{path})
	for _, hash := range []string{shared[0].InfoHashV1, strings.ToUpper(shared[0].InfoHashV1), shared[0].InfoHashV2} {
		dir, _ := newNode(t).get(t, hash, "--peer", n.addr.String())
		peers.Same(t, path, filepath.Join(dir, "some.bin"))
	}
}

// TestSeedAfterGet: who has finished gives to the next, and a .torrent with its data is a share.
func TestSeedAfterGet(t *testing.T) {
	netns.Need(t)
	path := peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 24, peers.Odd)
	torrent := filepath.Join(t.TempDir(), "odd.torrent")
	first, shared := newNode(t).share(t, []string{path}, "--torrent", torrent)
	second, dir := newNode(t), t.TempDir()
	get := second.start(t, "get", shared[0].Link, "-o", dir, "--seed")
	get.waitFor(t, "the first fetch to be done", func(l line) bool { return l.Type == "done" })
	first.Stop()
	into, _ := newNode(t).get(t, torrent, "--peer", second.addr.String())
	peers.Same(t, path, filepath.Join(into, "odd"))
	get.Stop()

	third := newNode(t)
	third.start(t, "get", torrent, "-o", dir, "--seed").
		waitFor(t, "the data to be adopted", func(l line) bool { return l.Type == "done" })
	into, _ = newNode(t).get(t, torrent, "--peer", third.addr.String())
	peers.Same(t, path, filepath.Join(into, "odd"))
}

// TestRunningNode: with a node running, commands speak to it.
func TestRunningNode(t *testing.T) {
	netns.Need(t)
	path := peers.WriteTree(t, filepath.Join(t.TempDir(), "odd"), 25, peers.Odd)
	n := newNode(t)
	up := n.start(t, "up")
	peers.Wait(t, peers.Patience, "the node to answer", func() (bool, any) {
		c := n.run(t, "status")
		return c.ExitCode() == 0, c.all()
	})
	share := n.run(t, "share", path)
	share.exits(t, 0)
	shared := share.typed("shared")
	if len(shared) != 1 {
		t.Fatalf("%+v", shared)
	}
	dir, _ := newNode(t).get(t, shared[0].Link)
	peers.Same(t, path, filepath.Join(dir, "odd"))

	ls := n.ok(t, "ls")
	if len(ls) != 1 || ls[0].State != "seeding" || ls[0].ID != shared[0].ID {
		t.Errorf("ls: %+v", ls)
	}
	if files := n.ok(t, "files", ls[0].ID); len(files) != len(peers.Odd) {
		t.Errorf("files: %+v", files)
	}
	n.ok(t, "verify", ls[0].ID[:4])
	n.run(t, "rm", ls[0].ID, "--delete-files").fails(t, 2)
	n.ok(t, "rm", shared[0].InfoHashV1)
	if left := n.ok(t, "ls"); slices.ContainsFunc(left, func(l line) bool { return l.Type == "object" }) {
		t.Errorf("still there: %+v", left)
	}
	n.ok(t, "down")
	up.wait(t, peers.Patience)
	up.exits(t, 0)
}
