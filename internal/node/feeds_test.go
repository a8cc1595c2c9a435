package node

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// channel is a feed in a town of neighbours, with its publisher.
type channel struct {
	*house
	town      []*Node
	publisher *Node
	feed      Object
}

// inChannel runs a test with a feed of a folder, which has its first version.
func inChannel(t *testing.T, format string, files map[string]int, test func(t *testing.T, c *channel)) {
	t.Helper()
	inHouse(t, format, files, func(t *testing.T, h *house) {
		h.seed.Close()
		c := &channel{house: h, town: h.neighbours(6)}
		c.publisher = h.fetcher("21.1.0.1", inTable)
		c.feed = c.publish(c.publisher, "daily")
		test(t, c)
	})
}

func (c *channel) publish(n *Node, name string) Object {
	c.t.Helper()
	o, err := n.Publish(c.t.Context(), c.req, name, nil, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return o
}

// often has a node look its feeds up often.
func often(c *Config) {
	inTable(c)
	c.FeedPoll = 20 * time.Second
}

// follow begins to follow the feed.
func (c *channel) follow(n *Node, change ...func(*GetRequest)) Object {
	c.t.Helper()
	req := GetRequest{Link: c.feed.Link, Follow: true, Wait: 10 * time.Minute}
	for _, f := range change {
		f(&req)
	}
	o, err := n.Get(c.t.Context(), req)
	if err != nil {
		c.t.Fatal(err)
	}
	return untilDone(c.t, n, o.ID)
}

// untilVersion waits until an object is whole at another version than it was.
func untilVersion(t *testing.T, n *Node, was Object) Object {
	t.Helper()
	return until(t, n, was.ID, "at a new version", func(o Object) bool {
		return o.Feed.Sequence > was.Feed.Sequence && o.State == "seeding" && !o.Done.IsZero()
	})
}

func TestFollowAFeed(t *testing.T) {
	for _, format := range []string{"hybrid", "v1", "v2"} {
		t.Run(format, func(t *testing.T) {
			files := map[string]int{"same": 500_000, "edited": 400_000, "gone": 90_000, "sub/renamed": 300_000, "empty": 0}
			inChannel(t, format, files, func(t *testing.T, c *channel) {
				if !strings.HasPrefix(c.feed.Link, "magnet:?xs=urn:btpk:") || !strings.Contains(c.feed.VersionLink, "xt=urn:bt") ||
					c.feed.Feed.Name != "daily" || c.feed.Feed.Sequence == 0 || c.feed.Feed.Followed {
					t.Fatalf("%+v, %+v", c.feed, c.feed.Feed)
				}
				n := c.fetcher("22.1.0.1", often)
				first := c.follow(n)
				compareTrees(t, c.src, first.Path)
				stays, err := os.Stat(filepath.Join(first.Path, "same"))
				if err != nil {
					t.Fatal(err)
				}

				scribble(t, filepath.Join(c.src, "edited"), 70_000, 1000)
				writeTree(t, c.src, map[string]int{"new": 40_000})
				if format != "v1" { // trees tell that it is there already
					b, err := os.ReadFile(filepath.Join(c.src, "same"))
					if err == nil {
						err = os.WriteFile(filepath.Join(c.src, "twin"), b, 0o644)
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Remove(filepath.Join(c.src, "gone")); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(filepath.Join(c.src, "sub/renamed"), filepath.Join(c.src, "moved")); err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(filepath.Join(c.src, "sub")); err != nil {
					t.Fatal(err)
				}
				second := untilVersion(t, n, first)
				compareTrees(t, c.src, second.Path)
				if second.ID != first.ID || second.Path != first.Path || second.Link != first.Link || second.InfoHashV1 == first.InfoHashV1 && second.InfoHashV2 == first.InfoHashV2 {
					t.Errorf("%+v after %+v", second, first)
				}
				if same, err := os.Stat(filepath.Join(second.Path, "same")); err != nil || format != "v1" && !os.SameFile(stays, same) {
					t.Error("a file that did not change did not stay where it was", err)
				}
				if _, err := os.Stat(filepath.Join(second.Path, "sub")); err == nil {
					t.Error("an empty folder is left")
				}
				// The new file, and a piece of the edited one; without file trees, pieces in which files meet that did not before.
				most := int64(40_000 + 2*32<<10)
				if format == "v1" {
					most += 6 * 32 << 10
				}
				if fetched := second.Downloaded - first.Downloaded; fetched == 0 || fetched > most {
					t.Errorf("%d bytes were fetched, at most %d are new", fetched, most)
				}
				if err := n.Verify(t.Context(), second.ID, nil); err != nil {
					t.Error(err)
				}
				if list, err := n.catalog.FormerFiles(t.Context(), second.ID); err != nil || list != nil {
					t.Errorf("former files are left: %v, %v", list, err)
				}
			})
		})
	}
}

// The publisher's key, number and folder, and the follower's place, survive restarts; what changed meanwhile is published, and found.
func TestFeedsAfterARestart(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 200_000, "b": 200_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often)
		first := c.follow(n)
		c.publisher.Close()
		n.Close()
		scribble(t, filepath.Join(c.src, "b"), 0, 5)
		c.publisher = c.fetcher("21.1.0.1", inTable)
		n = c.fetcher("22.1.0.1", often)
		if o := until(t, n, first.ID, "taken up", func(o Object) bool { return o.State == "seeding" }); o.Feed == nil || !o.Feed.Followed || o.Feed.Sequence < first.Feed.Sequence {
			t.Errorf("%+v", o.Feed)
		}
		second := untilVersion(t, n, first)
		compareTrees(t, c.src, second.Path)
		if o, err := c.publisher.Object(c.feed.ID); err != nil || o.Link != c.feed.Link || o.Feed.Sequence != second.Feed.Sequence {
			t.Errorf("the publisher is at %+v, %v", o.Feed, err)
		}
	})
}

// While the publisher is away, its followers keep the feed alive, and each other's next.
func TestFeedWithoutItsPublisher(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", inTable)
		c.follow(n)
		c.publisher.Close()
		time.Sleep(3 * time.Hour) // virtual: the publisher's own item has expired
		other := c.fetcher("23.1.0.1", inTable)
		compareTrees(t, c.src, c.follow(other).Path)
	})
}

// One version, and no more: that is what get is without follow.
func TestGetFeedOnce(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often)
		o := c.follow(n, func(r *GetRequest) { r.Follow = false })
		if o.Feed != nil || o.VersionLink != "" || strings.Contains(o.Link, "btpk") {
			t.Errorf("%+v", o)
		}
		scribble(t, filepath.Join(c.src, "a"), 0, 5)
		time.Sleep(10 * time.Minute) // virtual
		if again, err := n.Object(o.ID); err != nil || again.InfoHashV2 != o.InfoHashV2 {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// What the user did with files of the old version is kept: the new ones take their names, his are moved aside.
func TestFollowerKeepsTheUsersFiles(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000, "b": 100_000, "c": 100_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often)
		first := c.follow(n)
		if err := os.WriteFile(filepath.Join(first.Path, "a"), []byte("mine"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(first.Path, "c"), []byte("mine too"), 0o644); err != nil {
			t.Fatal(err)
		}
		scribble(t, filepath.Join(c.src, "a"), 0, 5)
		if err := os.Remove(filepath.Join(c.src, "c")); err != nil {
			t.Fatal(err)
		}
		second := untilVersion(t, n, first)
		for name, want := range map[string]string{"a (1)": "mine", "c": "mine too"} {
			if got, err := os.ReadFile(filepath.Join(second.Path, name)); err != nil || string(got) != want {
				t.Errorf("%s is %.20q, %v", name, got, err)
			}
		}
		want, _ := os.ReadFile(filepath.Join(c.src, "a"))
		if got, err := os.ReadFile(filepath.Join(second.Path, "a")); err != nil || !bytes.Equal(got, want) {
			t.Error("the new version is not in its place", err)
		}
	})
}

// A version that is published while the one before is still being fetched takes over what there is of it.
func TestNewVersionInTheMiddle(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 2_000_000, "b": 2_000_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often, limit(50<<10))
		o, err := n.Get(t.Context(), GetRequest{Link: c.feed.Link, Follow: true, Sequential: true})
		if err != nil {
			t.Fatal(err)
		}
		half := until(t, n, o.ID, "half", func(o Object) bool { return o.BytesDone > 1_000_000 })
		scribble(t, filepath.Join(c.src, "a"), 0, 5)
		writeTree(t, c.src, map[string]int{"b": 1_500_000})
		done := untilVersion(t, n, half)
		compareTrees(t, c.src, done.Path)
		if done.Downloaded > 4_000_000 {
			t.Errorf("%d bytes were fetched in all", done.Downloaded)
		}
	})
}

// Old items, and items that the publisher did not sign, change nothing.
func TestForgedAndReplayedItems(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often)
		o := c.follow(n)
		r := n.books.ByID(o.ID).Record()
		key, err := c.publisher.feeds.Key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := []byte("d2:ih20:" + strings.Repeat("x", 20) + "e")
		c.publisher.Close()
		// A node that forgets what it had, as any may.
		old, err := krpc.Sign(key, []byte("daily"), elsewhere, r.Feed.Sequence-5)
		if err != nil {
			t.Fatal(err)
		}
		_, stranger, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		forged, err := krpc.Sign(stranger, []byte("daily"), elsewhere, r.Feed.Sequence+5)
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range []krpc.Item{old, forged} {
			_, _, _ = c.town[0].dht.Items().Put(context.Background(), item)
		}
		time.Sleep(10 * time.Minute) // virtual
		if again, err := n.Object(o.ID); err != nil || again.InfoHashV2 != o.InfoHashV2 || again.Feed.Sequence != o.Feed.Sequence || again.State != "seeding" {
			t.Errorf("%+v, %v", again, err)
		}
	})
}

// A home whose state is an older copy goes on above the number that the DHT has.
func TestPublisherNeverGoesBack(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000}, func(t *testing.T, c *channel) {
		o := c.publisher.books.ByID(c.feed.ID)
		ahead := c.feed.Feed.Sequence + 1000
		key, err := c.publisher.feeds.Key(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		item, err := krpc.Sign(key, []byte("daily"), []byte("d2:ih20:"+strings.Repeat("x", 20)+"e"), ahead)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // virtual
		if _, _, err := c.town[0].dht.Items().Put(t.Context(), item); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // virtual: it is put again
		until(t, c.publisher, o.ID, "above it", func(o Object) bool { return o.Feed.Sequence > ahead })
	})
}

func TestFeedRefusals(t *testing.T) {
	inChannel(t, "hybrid", uneven, func(t *testing.T, c *channel) {
		other := filepath.Join(c.dir, "other")
		writeTree(t, other, map[string]int{"x": 1000})
		for name, f := range map[string]func() error{
			"another path": func() error {
				req := c.req
				req.Path = other
				_, err := c.publisher.Publish(t.Context(), req, "daily", nil, nil)
				return err
			},
			"another name": func() error {
				_, err := c.publisher.Publish(t.Context(), c.req, "weekly", nil, nil)
				return err
			},
			"no name": func() error {
				_, err := c.publisher.Publish(t.Context(), c.req, "", nil, nil)
				return err
			},
			"a long name": func() error {
				_, err := c.publisher.Publish(t.Context(), c.req, strings.Repeat("x", 65), nil, nil)
				return err
			},
			"private": func() error {
				req := c.req
				req.Path, req.Private = other, true
				_, err := c.publisher.Publish(t.Context(), req, "secret", nil, nil)
				return err
			},
			"follow one version": func() error {
				_, err := c.publisher.Get(t.Context(), GetRequest{Link: c.feed.VersionLink, Follow: true})
				return err
			},
		} {
			if err := f(); exit(err) != fault.ExitUsage {
				t.Errorf("%s: %v", name, err)
			}
		}
		again := c.publish(c.publisher, "daily")
		if again.ID != c.feed.ID || again.Link != c.feed.Link {
			t.Errorf("%+v", again)
		}
		n := c.fetcher("22.1.0.1", inTable)
		none := strings.Replace(c.feed.Link, "&s=", "&s=00", 1)
		if _, err := n.Get(t.Context(), GetRequest{Link: none, Wait: time.Minute}); exit(err) != fault.ExitNobody {
			t.Errorf("of nobody: %v", err)
		}
		offline := c.fetcher("23.1.0.1")
		if _, err := offline.Get(t.Context(), GetRequest{Link: c.feed.Link}); err == nil || fault.Explain(err).Code != "offline" {
			t.Errorf("without a DHT: %v", err)
		}
	})
}

// Each version is told to be done, with its number.
func TestEachVersionIsDone(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often)
		told := make(chan int64, 10)
		go func() {
			defer close(told)
			for e := range n.Subscribe(t.Context()) {
				if e.Kind == news.EventDone {
					told <- e.Object.Feed.Sequence
				}
			}
		}()
		synctest.Wait()
		first := c.follow(n)
		want := []int64{first.Feed.Sequence}
		for i := range 2 {
			scribble(t, filepath.Join(c.src, "a"), int64(1000*i), 5)
			first = untilVersion(t, n, first)
			want = append(want, first.Feed.Sequence)
		}
		n.Close()
		var got []int64
		for sequence := range told {
			got = append(got, sequence)
		}
		if !slices.Equal(got, want) {
			t.Errorf("told of %v, want %v", got, want)
		}
	})
}

// Only the files that were selected are fetched, of each version.
func TestFollowASelection(t *testing.T) {
	inChannel(t, "v1", map[string]int{"a": 100_000, "b": 500_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often)
		first := c.follow(n, func(r *GetRequest) { r.Select = []string{"a"} })
		scribble(t, filepath.Join(c.src, "a"), 1000, 5)
		writeTree(t, c.src, map[string]int{"b": 600_000})
		second := untilVersion(t, n, first)
		want, _ := os.ReadFile(filepath.Join(c.src, "a"))
		if got, err := os.ReadFile(filepath.Join(second.Path, "a")); err != nil || !bytes.Equal(got, want) {
			t.Error("a is not the new one", err)
		}
		if got := fmt.Sprint(list(t, second.Path)); got != "map[a:100000]" {
			t.Error(got)
		}
		if r := n.books.ByID(first.ID).Record(); r.Feed.Role != catalog.Followed || len(r.Selected) != 1 {
			t.Errorf("%+v", r)
		}
	})
}

// Who changes much pauses the feed meanwhile: nothing is published before it goes on, and then at once.
func TestPausedFeed(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000}, func(t *testing.T, c *channel) {
		if err := c.publisher.Pause(c.feed.ID); err != nil {
			t.Fatal(err)
		}
		scribble(t, filepath.Join(c.src, "a"), 0, 5)
		time.Sleep(time.Minute) // virtual
		if o, err := c.publisher.Object(c.feed.ID); err != nil || o.State != "paused" || o.Feed.Sequence != c.feed.Feed.Sequence {
			t.Errorf("%+v, %v", o, err)
		}
		if err := c.publisher.Resume(c.feed.ID); err != nil {
			t.Fatal(err)
		}
		if o, err := c.publisher.Object(c.feed.ID); err != nil || o.State != "seeding" || o.Feed.Sequence <= c.feed.Feed.Sequence {
			t.Errorf("%+v, %v", o, err)
		}
		compareTrees(t, c.src, c.follow(c.fetcher("22.1.0.1", often)).Path)
	})
}

// Without hash trees, files that did not change and did not move against each other are found by their pieces, and stay.
func TestFollowInPlaceWithoutTrees(t *testing.T) {
	inChannel(t, "v1", map[string]int{"a": 300_000, "b": 300_000, "c": 100_001}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often)
		first := c.follow(n)
		stays, err := os.Stat(filepath.Join(first.Path, "a"))
		if err != nil {
			t.Fatal(err)
		}
		scribble(t, filepath.Join(c.src, "c"), 90_000, 10)
		second := untilVersion(t, n, first)
		compareTrees(t, c.src, second.Path)
		if again, err := os.Stat(filepath.Join(second.Path, "a")); err != nil || !os.SameFile(stays, again) {
			t.Error("it was copied", err)
		}
		if fetched := second.Downloaded - first.Downloaded; fetched > 2*32<<10 {
			t.Errorf("%d bytes were fetched", fetched)
		}
	})
}

// A feed may be one file.
func TestFollowALoneFile(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 100_000}, func(t *testing.T, c *channel) {
		name := filepath.Join(c.dir, "talk.bin")
		writeTree(t, c.dir, map[string]int{"talk.bin": 400_000})
		c.req.Path = name
		c.feed = c.publish(c.publisher, "talk")
		n := c.fetcher("22.1.0.1", often)
		first := c.follow(n)
		scribble(t, name, 200_000, 10)
		second := untilVersion(t, n, first)
		want, _ := os.ReadFile(name)
		if got, err := os.ReadFile(second.Path); err != nil || !bytes.Equal(got, want) || second.Path != first.Path {
			t.Errorf("%s after %s is not the new one, %v", second.Path, first.Path, err)
		}
		if fetched := second.Downloaded - first.Downloaded; fetched > 2*32<<10 {
			t.Errorf("%d bytes were fetched", fetched)
		}
		if got := list(t, filepath.Dir(first.Path)); len(got) != 1 {
			t.Errorf("there is more than the file: %v", got)
		}
	})
}

// untilUpdating waits until an object is on its way to another version than it was.
func untilUpdating(t *testing.T, n *Node, was Object) Object {
	t.Helper()
	return until(t, n, was.ID, "on its way to a new version", func(o Object) bool {
		return o.Feed.Sequence > was.Feed.Sequence && o.State == "fetching" && o.Done.IsZero()
	})
}

// Versions may come faster than they are fetched: the last one counts, and nothing is left of any other.
func TestVersionsThatOvertake(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 500_000, "b": 300_000, "gone": 50_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often, limit(20<<10))
		first := c.follow(n)
		writeTree(t, c.src, map[string]int{"a": 500_000, "soon gone": 400_000})
		if err := os.Remove(filepath.Join(c.src, "gone")); err != nil {
			t.Fatal(err)
		}
		second := untilUpdating(t, n, first)
		if got := list(t, first.Path); got["a"] != 500_000 || got["gone"] != 50_000 {
			t.Errorf("the old version is not whole while the new one comes: %v", got)
		}
		if err := os.Remove(filepath.Join(c.src, "soon gone")); err != nil {
			t.Fatal(err)
		}
		scribble(t, filepath.Join(c.src, "b"), 0, 10)
		third := untilVersion(t, n, second)
		compareTrees(t, c.src, third.Path)
	})
}

// While a new version comes, the object is not moved; removed with its files, it leaves nothing of either version.
func TestManageWhileUpdating(t *testing.T) {
	inChannel(t, "hybrid", map[string]int{"a": 500_000, "gone": 50_000, "sub/same": 50_000}, func(t *testing.T, c *channel) {
		n := c.fetcher("22.1.0.1", often, limit(20<<10))
		first := c.follow(n)
		writeTree(t, c.src, map[string]int{"a": 500_000})
		if err := os.Remove(filepath.Join(c.src, "gone")); err != nil {
			t.Fatal(err)
		}
		untilUpdating(t, n, first)
		if err := n.Move(t.Context(), first.ID, filepath.Join(c.dir, "elsewhere"), nil); err == nil || fault.Explain(err).Code != "updating" {
			t.Error(err)
		}
		if err := n.Pause(first.ID); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // virtual
		if err := n.Resume(first.ID); err != nil {
			t.Error(err)
		}
		if err := n.Remove(t.Context(), first.ID, true); err != nil {
			t.Error(err)
		}
		if got := list(t, first.Path); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	})
}
