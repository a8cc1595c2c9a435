package node

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// house is a world with a node that shares something.
type house struct {
	t      *testing.T
	world  *netxtest.World
	dir    string
	src    string
	seed   *Node
	shared Object
	req    create.Request
}

// inHouse runs a test in virtual time, in a house whose first node shares a folder of the given files.
func inHouse(t *testing.T, format string, files map[string]int, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		h := &house{t: t, world: netxtest.NewWorld(1), dir: dir, src: filepath.Join(dir, "photos")}
		writeTree(t, h.src, files)
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		h.req = create.Request{Path: h.src, Format: format, PieceLength: 32 << 10}
		h.shared = h.share(h.seed)
		test(t, h)
	})
}

func (h *house) home(name string) string { return filepath.Join(h.dir, name) }

func (h *house) share(n *Node) Object {
	h.t.Helper()
	o, err := n.Share(h.t.Context(), h.req, nil, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

// fetcher starts a node that has nothing.
func (h *house) fetcher(ip string, change ...func(*Config)) *Node {
	h.t.Helper()
	return start(h.t, h.world.Host(ip), h.home(ip), change...)
}

func (h *house) torrent() []byte {
	h.t.Helper()
	b, err := h.seed.Torrent(h.shared.ID)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// get begins to fetch what the first node shares, from it.
func (h *house) get(n *Node, change ...func(*GetRequest)) Object {
	h.t.Helper()
	req := GetRequest{Link: h.shared.Link, Peers: []string{peerOf(h.seed)}}
	for _, f := range change {
		f(&req)
	}
	o, err := n.Get(h.t.Context(), req)
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

// until waits for an object to be as it should. It looks less often the longer it takes: each time is a query of the catalog.
func until(t *testing.T, n *Node, id, what string, is func(Object) bool) Object {
	t.Helper()
	var o Object
	for begun := time.Now(); time.Since(begun) < 10*time.Minute; {
		var err error
		if o, err = n.Object(id); err != nil {
			t.Fatal(err)
		}
		if is(o) {
			return o
		}
		time.Sleep(max(50*time.Millisecond, time.Since(begun)/64)) // virtual
		synctest.Wait()
	}
	t.Fatalf("never %s, but %s (%v), %d of %d bytes", what, o.State, o.Err, o.BytesDone, o.BytesWanted)
	return o
}

func untilState(t *testing.T, n *Node, id, state string) Object {
	t.Helper()
	return until(t, n, id, state, func(o Object) bool { return o.State == state })
}

// untilDone waits for an object to be complete, durable and in its place.
func untilDone(t *testing.T, n *Node, id string) Object {
	t.Helper()
	return until(t, n, id, "done", func(o Object) bool {
		if o.Err != nil {
			t.Fatalf("%s: %v", o.State, o.Err)
		}
		return o.State == "seeding" && !o.Done.IsZero()
	})
}

// list is every file below a folder, with its size.
func list(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	files := map[string]int64{}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			info, err := d.Info()
			if err != nil {
				return err
			}
			files[filepath.ToSlash(rel)] = info.Size()
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return files
}

// scribble changes some bytes of a file, and nothing of its size.
func scribble(t *testing.T, name string, off int64, n int) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, n)
	rand.Read(b)
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// exit is the exit code that an error stands for; 0 for none.
func exit(err error) int {
	if err == nil {
		return 0
	}
	return fault.Explain(err).Exit
}

func limit(down int64) func(*Config) { return func(c *Config) { c.Down = down } }

// within reports whether a path is that of a folder, or one below it.
func within(folder, path string) bool {
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}
