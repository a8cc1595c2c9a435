package node

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/potluck-p2p/potluck/internal/fault"
)

// A share that was edited, got a file or lost one is taken as it is now, under its id; also after a restart.
func TestAcceptTakesTheNewVersion(t *testing.T) {
	for name, edit := range map[string]func(t *testing.T, src string){
		"edited": func(t *testing.T, src string) { scribble(t, filepath.Join(src, "a"), 1000, 10) },
		"gone": func(t *testing.T, src string) {
			if err := os.Remove(filepath.Join(src, "a")); err != nil {
				t.Fatal(err)
			}
		},
		"more": func(t *testing.T, src string) {
			writeTree(t, src, map[string]int{"c": 70_000})
			scribble(t, filepath.Join(src, "a"), 0, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, "hybrid", map[string]int{"a": 300_000, "b": 300_000}, func(t *testing.T, h *house) {
				edit(t, h.src)
				if err := h.seed.Verify(t.Context(), h.shared.ID, nil); err == nil {
					t.Fatal("nothing was noticed")
				}
				o, err := h.seed.Accept(t.Context(), h.shared.ID, nil)
				if err != nil {
					t.Fatal(err)
				}
				if o.ID != h.shared.ID || o.InfoHashV2 == h.shared.InfoHashV2 || o.Link == h.shared.Link || o.State != "seeding" || o.Err != nil {
					t.Errorf("%+v", o)
				}
				if _, err := h.seed.Object(h.shared.InfoHashV2); err == nil {
					t.Error("it still goes by its old info-hash")
				}
				h.shared = o
				n := h.fetcher("10.0.0.2")
				compareTrees(t, h.src, untilDone(t, n, h.get(n).ID).Path)

				h.seed.Close()
				h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
				if again := untilState(t, h.seed, o.ID, "seeding"); again.Link != o.Link {
					t.Errorf("after a restart %+v", again)
				}
				if err := h.seed.Verify(t.Context(), o.ID, nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestAcceptWhatHasNotChanged(t *testing.T) {
	inHouse(t, "v2", uneven, func(t *testing.T, h *house) {
		if err := h.seed.Pause(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		o, err := h.seed.Accept(t.Context(), h.shared.ID, nil)
		if err != nil || o.Link != h.shared.Link || o.State != "paused" {
			t.Errorf("%+v, %v", o, err)
		}
		if err := h.seed.Resume(o.ID); err != nil {
			t.Error(err)
		}
		untilState(t, h.seed, o.ID, "seeding")
	})
}

func TestAcceptRefusals(t *testing.T) {
	inHouse(t, "v2", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2")
		o := untilDone(t, n, h.get(n).ID)
		if _, err := n.Accept(t.Context(), o.ID, nil); exit(err) != fault.ExitUsage {
			t.Errorf("of what was fetched: %v", err)
		}
		// Where nothing is, nothing can be taken; what it was stays known.
		if err := os.Rename(h.src, h.src+"-away"); err != nil {
			t.Fatal(err)
		}
		if _, err := h.seed.Accept(t.Context(), h.shared.ID, nil); exit(err) != fault.ExitDisk {
			t.Errorf("of nothing: %v", err)
		}
		if err := os.Rename(h.src+"-away", h.src); err != nil {
			t.Fatal(err)
		}
		if o, err := h.seed.Accept(t.Context(), h.shared.ID, nil); err != nil || o.Link != h.shared.Link {
			t.Errorf("%+v, %v", o, err)
		}
		// Not two objects of one content.
		other := filepath.Join(h.dir, "more", "photos")
		if err := os.MkdirAll(filepath.Dir(other), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(other, os.DirFS(h.src)); err != nil {
			t.Fatal(err)
		}
		scribble(t, filepath.Join(other, "b.bin"), 0, 3)
		req := h.req
		req.Path = other
		second, err := h.seed.Share(t.Context(), req, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(other); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(other, os.DirFS(h.src)); err != nil {
			t.Fatal(err)
		}
		if _, err := h.seed.Accept(t.Context(), second.ID, nil); err == nil || fault.Explain(err).Code != "exists" {
			t.Errorf("of what is held already: %v", err)
		}
	})
}
