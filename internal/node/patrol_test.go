package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/patrol"
)

// soon waits for what a patrol notices in one round, begun or not.
func soon() {
	time.Sleep(2*patrol.Every + time.Second) // virtual
	synctest.Wait()
}

func (h *house) stateOf(n *Node, id string) string {
	h.t.Helper()
	o, err := n.Object(id)
	if err != nil {
		h.t.Fatal(err)
	}
	return o.State
}

// away moves something away, and returns what puts it back.
func away(t *testing.T, name string) (back func()) {
	t.Helper()
	if err := os.Rename(name, name+"-away"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Rename(name+"-away", name); err != nil {
			t.Fatal(err)
		}
	}
}

// statesOf are the states that have been told of.
func statesOf(events <-chan Event) (states []string) {
	for {
		select {
		case e := <-events:
			if e.Kind == news.EventState {
				states = append(states, e.Object.State)
			}
		case <-time.After(time.Second): // virtual
			return states
		}
	}
}

// Nobody asks for a share, and all the same it is said when its files vanish or change; the trackers hear of it. It goes on by
// itself when the very same files are back, and with others only when they have been read. All of this also with a restart in
// between.
func TestLossIsNoticed(t *testing.T) {
	for _, restart := range []bool{false, true} {
		t.Run(fmt.Sprintf("restart %t", restart), func(t *testing.T) {
			inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
				url, log := h.tracker("10.0.0.9")
				h.req.Trackers = []string{url}
				h.share(h.seed)
				again := func() {
					if restart {
						h.seed.Close()
						h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
					}
				}
				is := func(what, state string) {
					t.Helper()
					soon()
					if got := h.stateOf(h.seed, h.shared.ID); got != state {
						t.Errorf("%s: %s, want %s", what, got, state)
					}
				}
				is("shared", "seeding")
				told(log)

				back := away(t, h.src)
				again()
				is("the folder is gone", "missing")
				if o, _ := h.seed.Object(h.shared.ID); o.Err == nil || !strings.Contains(o.Err.Message, h.src) {
					t.Errorf("%+v", o.Err)
				}
				if got := told(log); len(got) == 0 || !strings.Contains(got[len(got)-1], "stopped") {
					t.Errorf("the tracker heard %q", got)
				}
				time.Sleep(2 * time.Hour)
				if got := told(log); len(got) != 0 {
					t.Errorf("then it heard %q", got)
				}
				again()
				back()
				is("the folder is back", "seeding")
				if got := told(log); len(got) == 0 {
					t.Error("the tracker does not hear of it")
				}

				name := filepath.Join(h.src, "d", "e.bin")
				b, _ := os.ReadFile(name)
				os.Remove(name)
				is("a file is gone", "missing")
				os.WriteFile(name, b, 0o600)
				again()
				is("a copy is there", map[bool]string{false: "missing", true: "changed"}[restart])
				if err := h.seed.Verify(t.Context(), h.shared.ID, nil); err != nil {
					t.Error(err)
				}
				is("it was read", "seeding")

				scribble(t, name, 7, 3)
				is("it was written to", "changed")
				again()
				is("it was written to", "changed")
				os.WriteFile(name, b, 0o600)
				is("it was written to again", "changed")
				if err := h.seed.Verify(t.Context(), h.shared.ID, nil); err != nil {
					t.Error(err)
				}
				is("it was read again", "seeding")
				n := h.fetcher("10.0.0.2")
				compareTrees(t, h.src, untilDone(t, n, h.get(n).ID).Path)
			})
		})
	}
}

// Whoever listens hears of it.
func TestLossIsTold(t *testing.T) {
	inHouse(t, "v2", uneven, func(t *testing.T, h *house) {
		events := h.seed.Subscribe(t.Context())
		back := away(t, h.src)
		soon()
		if got := statesOf(events); !slices.Contains(got, "missing") {
			t.Errorf("it is gone: %q", got)
		}
		back()
		soon()
		if got := statesOf(events); len(got) == 0 || got[len(got)-1] != "seeding" {
			t.Errorf("it is back: %q", got)
		}
	})
}

// What was fetched is looked at as well, but neither what is fetched nor what the user has paused, and a move loses nothing.
func TestLossOfWhatWasFetched(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 2 << 20, "b": 100}, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", limit(20<<10))
		o := h.get(n)
		for range 3 {
			time.Sleep(patrol.Every / 4)
			if state := h.stateOf(n, o.ID); state != "fetching" {
				t.Errorf("meanwhile it is %s", state)
			}
		}
		o = untilDone(t, n, o.ID)
		soon()
		if err := n.Move(t.Context(), o.ID, h.home("elsewhere"), nil); err != nil {
			t.Fatal(err)
		}
		soon()
		o = untilDone(t, n, o.ID)
		back := away(t, o.Path)
		soon()
		if state := h.stateOf(n, o.ID); state != "missing" {
			t.Errorf("it is gone and %s", state)
		}
		back()
		soon()
		untilDone(t, n, o.ID)
		if err := n.Pause(o.ID); err != nil {
			t.Fatal(err)
		}
		back = away(t, o.Path)
		soon()
		if state := h.stateOf(n, o.ID); state != "paused" {
			t.Errorf("it is paused, gone and %s", state)
		}
		back()
	})
}

// The folder of a published feed is seen to by its own watcher: a change is a new version there, and never a loss. That all of it
// is gone is one.
func TestLossOfAFeed(t *testing.T) {
	inChannel(t, "v2", uneven, func(t *testing.T, c *channel) {
		events := c.publisher.Subscribe(t.Context())
		scribble(t, filepath.Join(c.src, "b.bin"), 5, 5)
		os.Remove(filepath.Join(c.src, "a.txt"))
		next := untilVersion(t, c.publisher, c.feed)
		back := away(t, c.src)
		soon()
		if state := c.stateOf(c.publisher, c.feed.ID); state != "missing" {
			t.Errorf("it is gone and %s", state)
		}
		back()
		soon()
		if now := untilState(t, c.publisher, c.feed.ID, "seeding"); now.InfoHashV2 != next.InfoHashV2 {
			t.Errorf("%+v, then %+v", next, now)
		}
		soon()
		if got := statesOf(events); slices.Contains(got, "changed") {
			t.Errorf("it was %q", got)
		}
	})
}

// A share that nobody asks for holds no file open: neither when it has just been made or read again, nor when whoever asked has left.
func TestIdleShareHasNoOpenFile(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		h.seed.Close()
		writeTree(t, h.home("more"), map[string]int{"x": 100_000, "y": 200_000})
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"))
		idle := func(when string) {
			t.Helper()
			if names := openBelow(t, h.dir); len(names) != 0 {
				t.Errorf("%s: %q", when, names)
			}
		}
		idle("opened")
		h.req.Path = h.home("more")
		o := h.share(h.seed)
		idle("shared")
		if err := h.seed.Verify(t.Context(), o.ID, nil); err != nil {
			t.Error(err)
		}
		idle("read again")
		n := h.fetcher("10.0.0.2")
		untilDone(t, n, h.get(n).ID)
		n.Close()
		soon()
		idle("left")
	})
}

// openBelow lists what this process has open of the shares of a house.
func openBelow(t *testing.T, dir string) (names []string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("this system does not tell which files are open")
	}
	for _, fd := range fds {
		name, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		if strings.HasPrefix(name, filepath.Join(dir, "photos")) || strings.HasPrefix(name, filepath.Join(dir, "more")) {
			names = append(names, name)
		}
	}
	return names
}
