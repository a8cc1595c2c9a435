package node

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/fault"
)

// putBack replaces a file by a copy of itself.
func putBack(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name, name+"~"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(name + "~"); err != nil {
		t.Fatal(err)
	}
}

// A share whose files were touched, copied, or moved away and back is read again, and goes on under its link; also after a
// restart, and paused if it was.
func TestVerifyOfTouchedShare(t *testing.T) {
	for name, touch := range map[string]func(t *testing.T, name string){
		"touched": func(t *testing.T, name string) {
			if err := os.Chtimes(name, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
				t.Fatal(err)
			}
		},
		"copied": putBack,
		"away and back": func(t *testing.T, name string) {
			os.Rename(name, name+"~")
			os.Rename(name+"~", name)
		},
	} {
		for _, state := range []string{"seeding", "paused", "changed"} {
			t.Run(name+"/"+state, func(t *testing.T) {
				inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
					if state == "paused" {
						h.seed.Pause(h.shared.ID)
					}
					touch(t, filepath.Join(h.src, "b.bin"))
					if state == "changed" {
						h.seed.Close()
						h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
						untilState(t, h.seed, h.shared.ID, state)
					}
					var last, total int64
					if err := h.seed.Verify(t.Context(), h.shared.ID, func(done, of int64) { last, total = done, of }); err != nil {
						t.Fatal(err)
					}
					if last != total || total < h.shared.Size {
						t.Errorf("read %d of %d bytes", last, total)
					}
					want := state
					if state == "changed" {
						want = "seeding"
					}
					for range 2 {
						untilState(t, h.seed, h.shared.ID, want)
						h.seed.Close()
						h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
						if o := untilState(t, h.seed, h.shared.ID, want); o.Link != h.shared.Link || o.Err != nil {
							t.Errorf("%+v", o)
						}
					}
					if err := h.seed.Resume(h.shared.ID); err != nil {
						t.Fatal(err)
					}
					untilState(t, h.seed, h.shared.ID, "seeding")
					n := h.fetcher("10.0.0.2")
					compareTrees(t, h.src, untilDone(t, n, h.get(n).ID).Path)
				})
			})
		}
	}
}

// A share with wrong bytes is not served, whatever its files look like: neither after a restart nor when it is resumed. With
// the right ones it is.
func TestPromise4_5_WrongBytesThatLookRight(t *testing.T) {
	inHouse(t, "hybrid", map[string]int{"a": 300_000, "b": 300_000}, func(t *testing.T, h *house) {
		name := filepath.Join(h.src, "a")
		right, _ := os.ReadFile(name)
		scribble(t, name, 1000, 10)
		// As if the disk had lost them.
		rot(t, h.seed, h.shared.ID)
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		untilState(t, h.seed, h.shared.ID, "seeding")
		if err := h.seed.Verify(t.Context(), h.shared.ID, nil); exit(err) != fault.ExitVerify {
			t.Error(err)
		}
		untilState(t, h.seed, h.shared.ID, "changed")
		time.Sleep(5 * time.Minute)
		untilState(t, h.seed, h.shared.ID, "changed")
		h.seed.Resume(h.shared.ID)
		untilState(t, h.seed, h.shared.ID, "changed")
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		untilState(t, h.seed, h.shared.ID, "changed")
		time.Sleep(5 * time.Minute)
		if err := h.seed.Verify(t.Context(), h.shared.ID, nil); exit(err) != fault.ExitVerify {
			t.Error(err)
		}
		untilState(t, h.seed, h.shared.ID, "changed")

		os.WriteFile(name, right, 0o600)
		if err := h.seed.Verify(t.Context(), h.shared.ID, nil); err != nil {
			t.Error(err)
		}
		untilState(t, h.seed, h.shared.ID, "seeding")
		n := h.fetcher("10.0.0.2")
		compareTrees(t, h.src, untilDone(t, n, h.get(n).ID).Path)
	})
}

// rot has the catalog of a node hold the files of a share, as they are now, to be those that were shared.
func rot(t *testing.T, n *Node, id string) {
	t.Helper()
	b := n.books.ByID(id).Body()
	files, err := b.Files.Anew()
	if err != nil {
		t.Fatal(err)
	}
	now := n.rooms.Disk.Shared(id, b.Info, nil, files)
	if err := now.Vouch(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A share of which a file is gone or another is as long is said to be so.
func TestVerifyOfMissingShare(t *testing.T) {
	inHouse(t, "v2", uneven, func(t *testing.T, h *house) {
		name := filepath.Join(h.src, "b.bin")
		os.Rename(name, name+"~")
		if err := h.seed.Verify(t.Context(), h.shared.ID, nil); exit(err) != fault.ExitDisk {
			t.Error(err)
		}
		untilState(t, h.seed, h.shared.ID, "missing")
		os.Rename(name+"~", name)
		if err := h.seed.Verify(t.Context(), h.shared.ID, nil); err != nil {
			t.Error(err)
		}
		untilState(t, h.seed, h.shared.ID, "seeding")
		os.Truncate(name, 10)
		if err := h.seed.Verify(t.Context(), h.shared.ID, nil); exit(err) != fault.ExitVerify {
			t.Error(err)
		}
		untilState(t, h.seed, h.shared.ID, "changed")
	})
}
