package feed_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/feed"
)

var begin = time.Unix(1_800_000_000, 0)

func dice() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestWatchWaitsForQuiet(t *testing.T) {
	published, half, whole := feed.Print{1}, feed.Print{2}, feed.Print{3}
	for name, c := range map[string]struct {
		seen []feed.Print // one each look
		take int          // at which of them; -1: at none
	}{
		"nothing new":       {[]feed.Print{published, published, published}, -1},
		"written at once":   {[]feed.Print{published, whole, whole, whole}, 3},
		"written over time": {[]feed.Print{half, whole, half, whole, whole, whole}, 5},
		"put back":          {[]feed.Print{half, published, published, published, published}, -1},
	} {
		w := feed.NewWatch(begin, published)
		took := -1
		for i, seen := range c.seen {
			if w.Look(w.Next(), 0, seen) && took < 0 {
				took = i
			}
		}
		if took != c.take {
			t.Errorf("%s: taken at look %d, want %d", name, took, c.take)
		}
	}
}

func TestWatchCostsLittle(t *testing.T) {
	w := feed.NewWatch(begin, feed.Print{})
	if w.Next() != begin {
		t.Error("it does not begin at once")
	}
	w.Look(begin, time.Millisecond, feed.Print{})
	if got := w.Next().Sub(begin); got != 2*time.Second {
		t.Errorf("a small folder is looked at after %v", got)
	}
	w.Look(begin, time.Second, feed.Print{})
	if got := w.Next().Sub(begin); got != 50*time.Second {
		t.Errorf("a large folder is looked at after %v", got)
	}
}

func TestWatchAfterTrouble(t *testing.T) {
	fresh := feed.Print{1}
	w := feed.NewWatch(begin, feed.Print{})
	look := func() bool { return w.Look(w.Next(), 0, fresh) }
	looks := func() (n int) {
		for !look() {
			n++
		}
		return n
	}
	looks()
	w.Failed(w.Next())
	if n := looks(); n < 14 {
		t.Errorf("tried again after %d looks", n)
	}
	w.Taken(fresh)
	if look() {
		t.Error("taken twice")
	}
	w.Blind(begin)
	if got := w.Next().Sub(begin); got != 30*time.Second {
		t.Errorf("looked for after %v", got)
	}
}

func TestFollow(t *testing.T) {
	f := feed.NewFollow(begin, feed.DefaultPoll, dice())
	if f.Next() != begin {
		t.Error("it does not begin at once")
	}
	now := begin
	for range 100 {
		f.Looked(now)
		if got := f.Next().Sub(now); got < 225*time.Second || got > 375*time.Second {
			t.Fatalf("looked up after %v", got)
		}
		now = f.Next()
	}
	f.Looked(now)
	f.SourceLeft(now)
	var delays []time.Duration
	for range 8 {
		delays = append(delays, f.Next().Sub(now))
		now = f.Next()
		f.SourceLeft(now) // more that leave do not hurry it
		f.Looked(now)
	}
	for i, want := range []time.Duration{5, 10, 20, 40, 80} {
		if delays[i] != want*time.Second {
			t.Errorf("look-ups after %v", delays)
			break
		}
	}
	if delays[5] < 3*time.Minute {
		t.Errorf("eager for ever: %v", delays)
	}
}

func TestPost(t *testing.T) {
	p := feed.NewPost(dice())
	now := begin
	if p.Next(now, 7) != now {
		t.Error("a new item waits")
	}
	for _, want := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
		p.Put(now, false)
		if got := p.Next(now, 7).Sub(now); got != want*time.Second {
			t.Errorf("tried again after %v, want %v s", got, want)
		}
	}
	between := func(what string) {
		t.Helper()
		if got := p.Next(now, 7).Sub(now); got < 33*time.Minute || got > 57*time.Minute {
			t.Errorf("%s, put again after %v", what, got)
		}
	}
	p.Put(now, true)
	between("taken")
	if p.Next(now, 8) != now {
		t.Error("a newer item waits")
	}
}

func TestSequence(t *testing.T) {
	for _, c := range []struct{ last, want int64 }{{0, begin.Unix()}, {5, begin.Unix()}, {begin.Unix(), begin.Unix() + 1}, {1 << 50, 1<<50 + 1}} {
		if got := feed.Sequence(c.last, begin); got != c.want {
			t.Errorf("after %d comes %d", c.last, got)
		}
	}
	for _, c := range []struct {
		held, found int64
		want        feed.Verdict
	}{{1, 2, feed.Newer}, {2, 2, feed.Known}, {2, 1, feed.Replay}} {
		if got := feed.Judge(c.held, c.found); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
