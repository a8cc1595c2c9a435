package node

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// reads remembers which files were read.
type reads struct {
	mu    sync.Mutex
	names map[string]int
}

// watching makes a node's reads known.
func (r *reads) watching(c *Config) {
	r.names = make(map[string]int)
	f := vfs.NewFaults(c.FS)
	f.On(func(call vfs.Call) error {
		if call.Op == vfs.OpRead {
			r.mu.Lock()
			r.names[call.Name]++
			r.mu.Unlock()
		}
		return nil
	})
	c.FS = f
}

func (r *reads) below(dir string) (names []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range r.names {
		if strings.HasPrefix(name, dir) {
			names = append(names, name)
		}
	}
	return names
}

// A home with hundreds of objects opens soon, and hashes nothing that has not changed: neither after Close nor from what
// lies on the disk in the middle of a run, as after kill -9.
func TestManyObjectsComeBack(t *testing.T) {
	const shares, fetches = 300, 20
	for _, ending := range []string{"close", "kill"} {
		t.Run(ending, func(t *testing.T) {
			inHouse(t, "v1", map[string]int{"x": 1000}, func(t *testing.T, h *house) {
				reqs := h.several(fetches)
				slow := limit(400_000)
				var disk *vfs.Faults
				n, err := Open(t.Context(), config(t, h.world.Host("10.0.0.2"), h.home("10.0.0.2"), slow, faulty(&disk)))
				if err != nil {
					t.Fatal(err)
				}
				files := filepath.Join(h.dir, "mine")
				for i := range shares {
					path := filepath.Join(files, fmt.Sprint("f", i))
					writeTree(t, files, map[string]int{fmt.Sprint("f", i): 2000 + i})
					if _, err := n.Share(t.Context(), create.Request{Path: path}, nil, nil); err != nil {
						t.Fatal(err)
					}
				}
				ids := h.getAll(n, reqs)
				for _, id := range ids {
					until(t, n, id, "begun", func(o Object) bool { return o.BytesDone > 0 })
				}
				h.seed.Close()
				time.Sleep(time.Minute) // virtual: what has come is durable, and nothing more comes
				synctest.Wait()
				home, image := h.home("10.0.0.2"), h.home("image")
				if err := os.CopyFS(image, os.DirFS(home)); err != nil {
					t.Fatal(err)
				}
				was := n.Objects()
				if ending == "kill" {
					disk.ReadOnly() // whoever is killed writes nothing more
				}
				if err := n.Close(); err != nil && ending == "close" {
					t.Fatal(err)
				}
				if ending == "kill" {
					// The copy has no downloads: these are where they were.
					for _, name := range []string{"catalog.db", "catalog.db-wal", "catalog.db-shm"} {
						os.Remove(filepath.Join(home, name))
						b, err := os.ReadFile(filepath.Join(image, name))
						if os.IsNotExist(err) {
							continue
						}
						if err != nil {
							t.Fatal(err)
						}
						if err := os.WriteFile(filepath.Join(home, name), b, 0o600); err != nil {
							t.Fatal(err)
						}
					}
				}
				// One that did change is noticed.
				changed := was[7]
				scribble(t, changed.Path, 10, 5)

				var r reads
				n = h.fetcher("10.0.0.2", slow, r.watching)
				time.Sleep(5 * time.Second) // virtual
				synctest.Wait()
				now := n.Objects()
				if len(now) != shares+fetches {
					t.Fatalf("%d objects", len(now))
				}
				for i, o := range now {
					want := was[i].State
					if o.ID == changed.ID {
						want = "changed"
					}
					if o.ID != was[i].ID || o.State != want || o.BytesDone < was[i].BytesDone {
						t.Errorf("object %d was %+v\nand is %+v", i, was[i], o)
					}
				}
				for _, dir := range []string{files, filepath.Join(home, "downloads")} {
					if names := r.below(dir); len(names) > 0 {
						t.Errorf("read %d files again: %.300q", len(names), names)
					}
				}
				h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
				for i, id := range ids {
					if _, err := n.Get(t.Context(), GetRequest{Link: reqs[i].Link, Peers: []string{peerOf(h.seed)}}); err != nil {
						t.Fatal(err)
					}
					untilDone(t, n, id)
				}
			})
		})
	}
}

// Opening costs a look or two at each object's files and no waiting, and one that rests costs nothing but its row.
func TestManyObjectsOpenCheaply(t *testing.T) {
	const shares = 200
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		home, files := filepath.Join(dir, "home"), filepath.Join(dir, "files")
		host := netxtest.NewWorld(1).Host("10.0.0.1")
		n := start(t, host, home)
		trackers := []string{"udp://1.1.9.9:6969"} // nobody is there
		for i := range shares {
			name := fmt.Sprintf("%03d", i)
			writeTree(t, files, map[string]int{name: 1000 + i})
			if _, err := n.Share(t.Context(), create.Request{Path: filepath.Join(files, name), Trackers: trackers}, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		goroutines, begun := runtime.NumGoroutine(), time.Now()
		var calls atomic.Int32
		n = start(t, host, home, func(c *Config) {
			f := vfs.NewFaults(c.FS)
			f.On(func(call vfs.Call) error {
				if strings.HasPrefix(call.Name, files) {
					calls.Add(1)
				}
				return nil
			})
			c.FS = f
		})
		synctest.Wait()
		for _, o := range n.Objects() {
			if o.State != "seeding" {
				t.Errorf("%s is %s", o.Name, o.State)
			}
		}
		if took := time.Since(begun); took > 0 {
			t.Errorf("it waited for %v", took)
		}
		if got := calls.Load(); got > 2*shares {
			t.Errorf("%d calls of the disk", got)
		}
		// "An idle object is a row in the catalog: no goroutine, timer or open file."
		if more := runtime.NumGoroutine() - goroutines; more > 40 {
			t.Errorf("%d goroutines more", more)
		}
	})
}
