package node

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// uneven are files of which most share pieces with their neighbours.
var uneven = map[string]int{
	"a.txt": 10, "b.bin": 100_000, "c.txt": 7, "d/e.bin": 200_001, "d/f.txt": 33, "d/g/h.bin": 50_000, "empty": 0, "z.bin": 1,
}

func TestSelect(t *testing.T) {
	for _, format := range []string{"v1", "v2", "hybrid"} {
		t.Run(format, func(t *testing.T) {
			inHouse(t, format, uneven, func(t *testing.T, h *house) {
				n := h.fetcher("10.0.0.2")
				o := h.get(n, func(r *GetRequest) { r.Select = []string{"d/*.bin", "empty"} })
				o = untilDone(t, n, o.ID)
				got := list(t, o.Path)
				if len(got) != 2 || got["d/e.bin"] != 200_001 || got["empty"] != 0 {
					t.Errorf("in the user's folder: %v", got)
				}
				want, _ := os.ReadFile(filepath.Join(h.src, "d/e.bin"))
				if b, err := os.ReadFile(filepath.Join(o.Path, "d/e.bin")); err != nil || !bytes.Equal(b, want) {
					t.Error("wrong bytes", err)
				}
				if o.BytesDone != o.BytesWanted {
					t.Errorf("%d of %d bytes", o.BytesDone, o.BytesWanted)
				}
				files, err := n.Files(o.ID)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range files {
					wanted := f.Path == "d/e.bin" || f.Path == "empty"
					if wanted != (f.Priority == "normal") || wanted && f.BytesDone != f.Size {
						t.Errorf("%+v", f)
					}
				}
				// And the same after a restart, with nothing fetched again.
				n.Close()
				n = h.fetcher("10.0.0.2")
				o = untilDone(t, n, o.ID)
				if o.State != "seeding" || n.books.All()[0].Swarm.Snapshot(time.Now()).DownBytes != 0 {
					t.Errorf("%+v", o)
				}
				side := filepath.Join(h.home("10.0.0.2"), "side", o.ID)
				if _, err := os.Stat(side); err != nil && format == "v1" {
					t.Error(err)
				}
				if err := n.Remove(t.Context(), o.ID, true); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(side); !errors.Is(err, os.ErrNotExist) {
					t.Error("the side file is left behind")
				}
				if got := list(t, filepath.Join(h.home("10.0.0.2"), "downloads")); len(got) != 0 {
					t.Errorf("left behind: %v", got)
				}
			})
		})
	}
}

func TestSideFileIsRemovedWithTheObject(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n, func(r *GetRequest) { r.Select = []string{"c.txt"} }).ID)
		if err := n.Remove(t.Context(), o.ID, false); err != nil {
			t.Error(err)
		}
		if got := list(t, filepath.Join(h.home("10.0.0.2"), "side")); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
		if got := list(t, o.Path); got["c.txt"] != 7 {
			t.Errorf("the user's file is gone: %v", got)
		}
	})
}

func TestNothingSelected(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := h.get(n, func(r *GetRequest) { r.Select = []string{"*.jpg"} })
		if o = untilState(t, n, o.ID, "failed"); o.Err.Exit != fault.ExitUsage {
			t.Errorf("%+v", o.Err)
		}
	})
}

// A second Get may want what the first one did not.
func TestSelectMore(t *testing.T) {
	for _, format := range []string{"v1", "v2", "hybrid"} {
		t.Run(format, func(t *testing.T) {
			inHouse(t, format, uneven, func(t *testing.T, h *house) {
				n := h.fetcher("10.0.0.2")
				nothing := h.get(n, func(r *GetRequest) { r.Select = []string{"*.jpg"} })
				untilState(t, n, nothing.ID, "failed")
				o := h.get(n, func(r *GetRequest) { r.Select = []string{"c.txt"} })
				o = untilDone(t, n, o.ID)
				if got := list(t, o.Path); o.ID != nothing.ID || len(got) != 1 {
					t.Errorf("%s of %s: %v", o.ID, nothing.ID, got)
				}
				h.get(n, func(r *GetRequest) { r.Select = []string{"d"} })
				if o = untilDone(t, n, o.ID); len(list(t, o.Path)) != 4 {
					t.Errorf("got %v", list(t, o.Path))
				}
				h.get(n, func(r *GetRequest) { r.Select = []string{"d/g"} }) // has it
				if o = untilDone(t, n, o.ID); len(list(t, o.Path)) != 4 {
					t.Errorf("got %v", list(t, o.Path))
				}
				// A file of the user's is in the way, and stays as it is.
				mine := filepath.Join(o.Path, "b.bin.part")
				if err := os.WriteFile(mine, []byte("mine"), 0o666); err != nil {
					t.Fatal(err)
				}
				_, err := n.Get(t.Context(), GetRequest{Link: h.shared.Link})
				if b, readErr := os.ReadFile(mine); exit(err) != fault.ExitDisk || readErr != nil || string(b) != "mine" {
					t.Errorf("%v; %q, %v", err, b, readErr)
				}
				if o = untilDone(t, n, o.ID); o.State != "seeding" || os.Remove(mine) != nil {
					t.Errorf("%+v", o)
				}
				h.get(n)
				compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
				files, err := n.Files(o.ID)
				for _, f := range files {
					if err != nil || f.Priority != "normal" || f.BytesDone != f.Size {
						t.Errorf("%+v, %v", f, err)
					}
				}
			})
		})
	}
}

// What a second Get knows helps, though the first one has given up: an address in the link, the metadata, another folder.
func TestGetAgainKnowsMore(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		for name, change := range map[string]func(*GetRequest){
			"10.0.0.2": func(r *GetRequest) { r.Link += "&x.pe=" + peerOf(h.seed) },
			"10.0.0.3": func(r *GetRequest) { r.Link, r.Torrent, r.Peers = "", h.torrent(), []string{peerOf(h.seed)} },
		} {
			n := h.fetcher(name)
			first := h.get(n, func(r *GetRequest) { r.Peers, r.Wait = nil, time.Minute })
			untilState(t, n, first.ID, "failed")
			dir := filepath.Join(h.dir, "elsewhere", name)
			o := h.get(n, func(r *GetRequest) { r.Peers, r.Dir = nil, dir; change(r) })
			if o = untilDone(t, n, o.ID); o.ID != first.ID || filepath.Dir(o.Path) != dir {
				t.Errorf("%s of %s in %s", o.ID, first.ID, o.Path)
			}
			compareTrees(t, h.src, o.Path)
		}
	})
}

func TestSequential(t *testing.T) {
	inHouse(t, "v2", map[string]int{"film": 2 << 20}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", limit(200<<10))
		o := h.get(n, func(r *GetRequest) { r.Sequential = true })
		until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 1<<20 })
		have := n.books.All()[0].Swarm.Have()
		var ahead []int
		for i := range have.All() {
			if i-have.Count() > 8 {
				ahead = append(ahead, i)
			}
		}
		// BEP 6: what a peer allows while it chokes is asked for out of turn.
		if len(ahead) > 10 {
			t.Errorf("of %d pieces %v came before their turn", have.Count(), ahead)
		}
		untilDone(t, n, o.ID)
	})
}

func TestExistingDataIsTakenOver(t *testing.T) {
	for _, format := range []string{"v1", "hybrid"} {
		inHouse(t, format, uneven, func(t *testing.T, h *house) {
			alone := h.fetcher("10.0.0.2")
			o := h.get(alone, func(r *GetRequest) { r.Torrent, r.Dir, r.Peers = h.torrent(), h.dir, nil })
			o = untilDone(t, alone, o.ID)
			if o.Path != h.src || o.Downloaded != 0 || o.Kind != "fetched" {
				t.Errorf("%+v", o)
			}
			h.seed.Close()
			n := h.fetcher("10.0.0.3")
			got := h.get(n, func(r *GetRequest) { r.Peers = []string{peerOf(alone)} })
			compareTrees(t, h.src, untilDone(t, n, got.ID).Path)
			// It is known for good: nothing is hashed at the next start.
			alone.Close()
			alone = h.fetcher("10.0.0.2")
			o = untilDone(t, alone, o.ID)
			if v, err := alone.catalog.Verified(t.Context(), o.ID); err != nil || v[1].Total() != 100_000 {
				t.Error(v, err)
			}
		})
	}
}

func TestWhatIsInTheWayIsLeftAlone(t *testing.T) {
	copyOf := func(t *testing.T, h *house, dir string) {
		if err := os.CopyFS(filepath.Join(dir, "photos"), os.DirFS(h.src)); err != nil {
			t.Fatal(err)
		}
	}
	for name, lay := range map[string]func(t *testing.T, h *house, dir string){
		"a part of it": func(t *testing.T, h *house, dir string) {
			copyOf(t, h, dir)
			os.Remove(filepath.Join(dir, "photos/b.bin"))
		},
		"an edited copy": func(t *testing.T, h *house, dir string) {
			copyOf(t, h, dir)
			scribble(t, filepath.Join(dir, "photos/d/e.bin"), 100, 10)
		},
		"a longer copy": func(t *testing.T, h *house, dir string) {
			copyOf(t, h, dir)
			os.Truncate(filepath.Join(dir, "photos/d/e.bin"), 300_000)
		},
		"another file": func(t *testing.T, h *house, dir string) { writeTree(t, dir, map[string]int{"photos": 5}) },
		"a folder with other things": func(t *testing.T, h *house, dir string) {
			writeTree(t, dir, map[string]int{"photos/mine.txt": 5})
		},
		"an empty folder": func(t *testing.T, h *house, dir string) { os.MkdirAll(filepath.Join(dir, "photos"), 0o755) },
		"somebody's unfinished file": func(t *testing.T, h *house, dir string) {
			writeTree(t, dir, map[string]int{"photos/b.bin.part": 100_000})
		},
		"a link to nowhere": func(t *testing.T, h *house, dir string) { os.Symlink("/nowhere", filepath.Join(dir, "photos")) },
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
				n := h.fetcher("10.0.0.2")
				dir := filepath.Join(h.dir, "here")
				os.MkdirAll(dir, 0o755)
				lay(t, h, dir)
				before := list(t, dir)
				o := untilDone(t, n, h.get(n, func(r *GetRequest) { r.Dir = dir }).ID)
				if o.Path != filepath.Join(dir, "photos (1)") {
					t.Errorf("put in %s", o.Path)
				}
				compareTrees(t, h.src, o.Path)
				after := list(t, dir)
				for f, size := range before {
					if after[f] != size {
						t.Errorf("%s was touched", f)
					}
				}
				if len(after) != len(before)+len(uneven) {
					t.Errorf("%v", after)
				}
			})
		})
	}
}

// Several objects of one name that are accepted at once do not get in each other's way.
func TestTwoObjectsOfOneName(t *testing.T) {
	inHouse(t, "v1", map[string]int{"same": 300_000}, func(t *testing.T, h *house) {
		other := filepath.Join(h.dir, "elsewhere", "photos")
		writeTree(t, other, map[string]int{"same": 300_000, "more": 5})
		second, err := h.seed.Share(t.Context(), create.Request{Path: other, Format: "v1"}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := h.fetcher("10.0.0.2", limit(100<<10))
		a := h.get(n)
		b := h.get(n, func(r *GetRequest) { r.Link = second.Link })
		a, b = untilDone(t, n, a.ID), untilDone(t, n, b.ID)
		if a.Path == b.Path {
			t.Fatalf("both in %s", a.Path)
		}
		compareTrees(t, h.src, a.Path)
		compareTrees(t, other, b.Path)
	})
}

func TestTheSameLinkTwiceIsOneObject(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		ids := make(chan string, 8)
		for range cap(ids) {
			go func() { ids <- h.get(n).ID }()
		}
		first := <-ids
		for range cap(ids) - 1 {
			if id := <-ids; id != first {
				t.Errorf("%s and %s", first, id)
			}
		}
		o := untilDone(t, n, first)
		if again := h.get(n); again.ID != o.ID || again.State != "seeding" {
			t.Errorf("%+v", again)
		}
	})
}

func TestPatience(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		begun := time.Now()
		o := h.get(n, func(r *GetRequest) { r.Peers, r.Wait = nil, 10*time.Minute })
		time.Sleep(10*time.Minute - time.Second)
		o = until(t, n, o.ID, "failed", func(o Object) bool { return o.Err != nil })
		if took := time.Since(begun); took < 10*time.Minute || took > 11*time.Minute {
			t.Errorf("gave up after %v", took)
		}
		if o.Err.Exit != fault.ExitNobody || o.Err.Code != "no-source" || o.Err.Hint == "" {
			t.Errorf("%+v", o.Err)
		}
		// Asked once more, now with somebody who has it.
		again := h.get(n)
		if again.ID != o.ID || again.Err != nil {
			t.Errorf("%+v", again)
		}
		compareTrees(t, h.src, untilDone(t, n, o.ID).Path)
	})
}

func TestPatienceIsForSourcesOnly(t *testing.T) {
	inHouse(t, "v1", map[string]int{"big": 256 << 10}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", limit(2<<10)) // more than two minutes
		o := h.get(n, func(r *GetRequest) { r.Wait = time.Minute })
		untilDone(t, n, o.ID)
	})
}

func TestBadRequests(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		lie := bytes.Replace(h.torrent(), []byte("6:lengthi100000e"), []byte("6:lengthi100001e"), 1)
		for name, c := range map[string]struct {
			req  GetRequest
			exit int
		}{
			"no link":       {GetRequest{Link: "hello"}, fault.ExitUsage},
			"no torrent":    {GetRequest{Torrent: []byte("d8:announce0:e")}, fault.ExitFailed},
			"a lie":         {GetRequest{Torrent: lie}, fault.ExitFailed},
			"no port":       {GetRequest{Link: h.shared.Link, Peers: []string{"10.0.0.1"}}, fault.ExitUsage},
			"port 0":        {GetRequest{Link: h.shared.Link, Peers: []string{"10.0.0.1:0"}}, fault.ExitUsage},
			"unknown host":  {GetRequest{Link: h.shared.Link, Peers: []string{"nobody.example:1"}}, fault.ExitBlocked},
			"no tracker":    {GetRequest{Link: h.shared.Link, Trackers: []string{"ftp://x"}}, fault.ExitUsage},
			"no such file":  {GetRequest{Link: "https://nobody.example/x.torrent"}, fault.ExitBlocked},
			"a file's path": {GetRequest{Link: "/x.torrent"}, fault.ExitUsage},
		} {
			if _, err := n.Get(t.Context(), c.req); exit(err) != c.exit {
				t.Errorf("%s: exit %d, %v", name, exit(err), err)
			}
		}
		if len(n.Objects()) != 0 {
			t.Errorf("%+v", n.Objects())
		}
	})
}

// A name that resolves works as a peer, now and at the next start.
func TestPeersByName(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 400_000}, func(t *testing.T, h *house) {
		h.world.Name("friend.example", "10.0.0.1")
		at := peerOf(h.seed)
		name := "friend.example" + at[strings.LastIndexByte(at, ':'):]
		n := h.fetcher("10.0.0.2", limit(100<<10))
		o := h.get(n, func(r *GetRequest) { r.Peers = []string{name} })
		until(t, n, o.ID, "begun", func(o Object) bool { return o.BytesDone > 0 })
		n.Close()
		n = h.fetcher("10.0.0.2")
		untilDone(t, n, o.ID)
	})
}

func TestObjectOfAnotherHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := start(t, netxtest.NewWorld(1).Host("10.0.0.1"), filepath.Join(t.TempDir(), "home"))
		for _, ref := range []string{"", "0123", "zzzz", "0123456789012345678901234567890123456789"} {
			if _, err := n.Object(ref); exit(err) != fault.ExitFailed {
				t.Errorf("%q: %v", ref, err)
			}
		}
	})
}
