package sources

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/scheduler"
)

// TestPunish: a name is punished once, whether its source is there or has left after it gave something.
func TestPunish(t *testing.T) {
	now := time.Unix(1, 0)
	var l List
	woken := 0
	enter := func(id scheduler.SourceID, name string) *Source {
		l.Enter(id, Joining{Name: name, Wake: func() { woken++ }})
		return l.Find(id)
	}
	here, again := enter(1, "http://a/"), enter(2, "http://a/")
	enter(3, "http://b/").Down.Add(now, 1)
	enter(4, "http://c/")
	if !l.Leave(3) || !l.Leave(4) || l.Leave(4) || len(l.All()) != 2 {
		t.Fatal("not gone as they went")
	}
	for _, c := range []struct {
		id           scheduler.SourceID
		known, first bool
	}{
		{1, true, true},
		{2, true, false},  // of the same name
		{3, true, true},   // it left
		{3, false, false}, // it is forgotten now
		{4, false, false}, // it gave nothing
		{5, false, false},
	} {
		if src, first := l.Punish(c.id); (src != nil) != c.known || first != c.first {
			t.Errorf("%d: %v, %v", c.id, src, first)
		}
	}
	if here.Kicked != ErrBanned || again.Kicked != ErrBanned || woken != 3 {
		t.Errorf("%v, %v, woken %d times", here.Kicked, again.Kicked, woken)
	}
	if !l.IsBanned("http://a/") || !l.IsBanned("http://b/") || l.IsBanned("http://c/") {
		t.Error("the wrong ones are kept away")
	}
	// One that was found out is not remembered when it leaves.
	here.Down.Add(now, 1)
	if l.Leave(1); len(l.gone) != 0 {
		t.Error("remembered")
	}
}

// TestMemory is bounded: the longest gone is forgotten.
func TestMemory(t *testing.T) {
	var l List
	for id := range scheduler.SourceID(maxGone + 1) {
		l.Enter(id, Joining{Name: "x", Wake: func() {}})
		l.Find(id).Down.Add(time.Unix(1, 0), 1)
		l.Leave(id)
	}
	if src, _ := l.Punish(0); src != nil || len(l.gone) != maxGone {
		t.Errorf("%d remembered", len(l.gone))
	}
	if src, _ := l.Punish(1); src == nil {
		t.Error("forgotten too early")
	}
}
