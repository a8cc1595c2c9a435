package node

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/node/blocking"
	"github.com/potluck-p2p/potluck/internal/schedule"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// TestScheduleHoldsAtItsHours: rates change by the clock, with no one asking, and are told with the time of the next change.
func TestScheduleHoldsAtItsHours(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 100}, func(t *testing.T, h *house) {
		slow, none := int64(5000), int64(0)
		at := func(minutes int) time.Duration { return 2*time.Hour + time.Duration(minutes)*time.Minute }
		zone := time.FixedZone("", 7200)
		n := h.fetcher("10.0.0.2", func(c *Config) {
			c.Now = func() time.Time { return time.Now().In(zone) }
			c.Up, c.Down = 70_000, 80_000
			c.Schedule = []schedule.Entry{
				{Days: schedule.EveryDay, From: at(1), To: at(4), Up: &slow},
				{Days: schedule.EveryDay, From: at(2), To: at(3), Down: &none},
			}
		})
		// Virtual time begins at midnight UTC, which is 2 o'clock here.
		for _, want := range []string{
			"00 70000 80000 until 01", "01 5000 80000 until 02", "02 5000 0 until 03", "03 5000 80000 until 04", "04 70000 80000 until 01",
		} {
			now := n.cfg.Now()
			if next := want[:2]; next != "00" {
				time.Sleep(n.Limits().Until.Sub(now)) // virtual
				now = n.cfg.Now()
			}
			time.Sleep(2 * shows * beat)
			synctest.Wait()
			l := n.Limits()
			got := fmt.Sprintf("%02d %d %d until %02d", now.Minute(), n.rooms.Up.Rate(), n.rooms.Down.Rate(), l.Until.Minute())
			if got != want || l.Up != n.rooms.Up.Rate() || l.Down != n.rooms.Down.Rate() {
				t.Errorf("%s, and told %+v; want %s", got, l, want)
			}
		}
	})
}

// TestLocalPeersAreNotLimited: at 1000 bytes a second what is fetched would take minutes; from the local network it takes none.
func TestLocalPeersAreNotLimited(t *testing.T) {
	for _, c := range []struct {
		name     string
		fetcher  string
		limitLAN bool
		limited  bool
	}{
		{"local", "10.0.0.2", false, false},
		{"local, limited too", "10.0.0.2", true, true},
		{"not local", "8.8.8.8", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inHouse(t, "v1", map[string]int{"a": 300_000}, func(t *testing.T, h *house) {
				n := h.fetcher(c.fetcher, limit(1000), func(cfg *Config) { cfg.LimitLAN = c.limitLAN })
				seed := h.seed
				if c.fetcher == "8.8.8.8" {
					seed = start(t, h.world.Host("9.9.9.9"), h.home("far"))
					h.share(seed)
				}
				began := time.Now()
				o := h.get(n, func(r *GetRequest) { r.Peers = []string{peerOf(seed)} })
				if !c.limited {
					untilDone(t, n, o.ID)
					if took := time.Since(began); took > 30*time.Second {
						t.Errorf("took %v", took)
					}
					return
				}
				time.Sleep(30 * time.Second) // virtual
				if o, _ = n.Object(o.ID); o.BytesDone == o.BytesWanted {
					t.Error("the limit did not hold")
				}
			})
		})
	}
}

// TestBlockedPeers: who is in a list is neither dialled nor let in, is sent away when a list names him, and is dialled when the
// user names him.
func TestBlockedPeers(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 4_000_000}, func(t *testing.T, h *house) {
		list := filepath.Join(h.dir, "list")
		write := func(text string) {
			if err := os.WriteFile(list, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("the seed:10.0.0.1-10.0.0.1\nnonsense\n")
		blocked := func(c *Config) { c.BlockLists = []string{list} }
		n := h.fetcher("10.0.0.2", blocked)
		o := h.get(n, func(r *GetRequest) { r.Link += "&x.pe=" + r.Peers[0]; r.Peers = nil })
		until(t, n, o.ID, "refused", func(Object) bool {
			b, _ := n.Blocking()
			return b.Refused.Dials > 0 && b.Ranges == 1 && b.Files[0].Unreadable == 1
		})

		// Named, he is let through.
		h.get(n)
		untilDone(t, n, o.ID)

		// A list that names a peer who is there ends that.
		write("192.0.2.1\n")
		seed := start(t, h.world.Host("10.0.0.3"), h.home("second"), blocked)
		h.share(seed)
		slow := h.fetcher("10.0.0.4", limit(50_000)) // more than what is on its way it does not get
		p := h.get(slow, func(r *GetRequest) { r.Peers = []string{peerOf(seed)} })
		until(t, slow, p.ID, "connected", func(o Object) bool { return o.Peers == 1 })
		write("10.0.0.4 # no more\n")
		until(t, slow, p.ID, "sent away", func(o Object) bool { return o.Peers == 0 })
		until(t, slow, p.ID, "refused at the door", func(Object) bool {
			b, _ := seed.Blocking()
			return b.Refused.Accepts+b.Refused.Received > 0
		})
	})
}

// stumbling is a disk over which whoever asks for a file stumbles for a while.
type stumbling struct {
	vfs.FS
	over atomic.Pointer[string]
	hits atomic.Int32
}

func (s *stumbling) Stat(name string) (vfs.Info, error) {
	if over := s.over.Load(); over != nil && *over == name {
		s.hits.Add(1)
		panic("a list that nobody has thought of")
	}
	return s.FS.Stat(name)
}

// TestPanicOverABlockList: the node lives on, and the list is looked at again.
func TestPanicOverABlockList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(list, []byte("192.0.2.1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		var disk *stumbling
		n := start(t, netxtest.NewWorld(1).Host("10.0.0.1"), filepath.Join(t.TempDir(), "home"), func(c *Config) {
			disk = &stumbling{FS: c.FS}
			c.FS, c.BlockLists = disk, []string{list}
		})
		disk.over.Store(&list)
		time.Sleep(3 * blocking.Every)
		disk.over.Store(nil)
		if err := os.WriteFile(list, []byte("192.0.2.1\n198.51.100.1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * blocking.Every)
		if b, _ := n.Blocking(); b.Ranges != 2 || disk.hits.Load() < 2 {
			t.Errorf("%d ranges, %d panics", b.Ranges, disk.hits.Load())
		}
	})
}
