package node

import (
	"testing"
	"time"
)

// A fetched object that has been given as often as it is large is paused, over restarts, and stays in motion when the user
// resumes it; a share is never paused.
func TestRatio(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 300_000}, func(t *testing.T, h *house) {
		ratio := func(c *Config) { c.Ratio = 1.5 }
		h.seed.Close()
		h.seed = start(t, h.world.Host("10.0.0.1"), h.home("seed"), ratio)
		untilState(t, h.seed, h.shared.ID, "seeding")
		n := h.fetcher("10.0.0.2", ratio)
		id := untilDone(t, n, h.get(n).ID).ID
		if err := h.seed.Pause(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		fromN := func(r *GetRequest) { r.Peers = []string{peerOf(n)} }
		third := h.fetcher("10.0.0.3")
		untilDone(t, third, h.get(third, fromN).ID)
		third.Close()
		// What was given before a restart counts.
		n.Close()
		n = h.fetcher("10.0.0.2", ratio)
		untilState(t, n, id, "seeding")
		fourth := h.fetcher("10.0.0.4")
		untilDone(t, fourth, h.get(fourth, fromN).ID)
		if o := untilState(t, n, id, "paused"); o.Queued || o.Uploaded < 450_000 {
			t.Errorf("%+v", o)
		}
		n.Close()
		n = h.fetcher("10.0.0.2", ratio)
		untilState(t, n, id, "paused")
		for range 2 {
			if err := n.Resume(id); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			untilState(t, n, id, "seeding")
			n.Close()
			n = h.fetcher("10.0.0.2", ratio)
			untilState(t, n, id, "seeding")
			time.Sleep(time.Minute)
			if o, _ := n.Object(id); o.State != "seeding" {
				t.Errorf("%+v", o)
			}
			if err := n.Pause(id); err != nil {
				t.Fatal(err)
			}
		}
		// Shares know no limit.
		if err := h.seed.Resume(h.shared.ID); err != nil {
			t.Fatal(err)
		}
		for _, ip := range []string{"10.0.0.5", "10.0.0.6"} {
			x := h.fetcher(ip)
			untilDone(t, x, h.get(x).ID)
		}
		time.Sleep(time.Minute)
		if o, _ := h.seed.Object(h.shared.ID); o.State != "seeding" {
			t.Errorf("%+v", o)
		}
	})
}

func TestSeedTime(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		n := h.fetcher("10.0.0.2", func(c *Config) { c.SeedTime = 2 * time.Hour })
		done := untilDone(t, n, h.get(n).ID)
		time.Sleep(119 * time.Minute)
		if o, _ := n.Object(done.ID); o.State != "seeding" {
			t.Errorf("%+v", o)
		}
		time.Sleep(2 * time.Minute)
		if o, _ := n.Object(done.ID); o.State != "paused" {
			t.Errorf("%+v", o)
		}
	})
}
