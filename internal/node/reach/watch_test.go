package reach_test

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/reach"
)

// A search costs what an announce does, so it is made when there is something to learn.
func TestWatch(t *testing.T) {
	begin := time.Unix(1e9, 0)
	var w reach.Watch
	for _, c := range []struct {
		what  string
		at    time.Duration
		taken bool
		check bool
		found bool // by the check
		fails bool // the check found out nothing
	}{
		{what: "nobody is there just after the start", at: 0},
		{what: "still nobody", at: 19 * time.Second},
		{what: "nobody comes", at: 27 * time.Second, check: true},
		{what: "nobody comes, again", at: 80 * time.Second, check: true},
		{what: "taken, but the search ends with something else", at: 90 * time.Second, taken: true, check: true, fails: true},
		{what: "taken, but not found", at: 100 * time.Second, taken: true, check: true},
		{what: "taken and found", at: 15 * time.Minute, taken: true, check: true, found: true},
		{what: "announced again", at: 30 * time.Minute, taken: true},
		{what: "and again", at: 60 * time.Minute, taken: true},
		{what: "long ago", at: 70 * time.Minute, taken: true, check: true, found: true},
		{what: "lost", at: 71 * time.Minute, check: true},
		{what: "taken again", at: 72 * time.Minute, taken: true, check: true, found: true},
	} {
		now := begin.Add(c.at)
		before := w.Known()
		if got := w.Begin(now, c.taken); got != c.check {
			t.Fatalf("%s: check is %t", c.what, got)
		}
		if !c.check {
			continue
		}
		if w.Begin(now, c.taken) {
			t.Errorf("%s: two checks at once", c.what)
		}
		var result news.Reach
		if !c.fails {
			result = news.Reach{Found: c.found, Checked: now}
		}
		if w.End(result) == c.fails {
			t.Errorf("%s: told wrongly", c.what)
		}
		switch known := w.Known(); {
		case c.fails:
			if *known != *before {
				t.Errorf("%s: forgot what was known", c.what)
			}
		case *known != result:
			t.Errorf("%s: %+v", c.what, known)
		}
	}
}
