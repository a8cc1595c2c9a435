package bittorrent

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestKeepAlive(t *testing.T) {
	c := begin(all, 10)
	now, sent := epoch, 0
	for range 20 {
		next, err := c.Tick(now)
		if err != nil || !next.After(now) {
			t.Fatalf("at %v: next %v, %v", now.Sub(epoch), next.Sub(epoch), err)
		}
		if m := parse(t, c.TakeOut(now, nil)); len(m) > 0 {
			sent++
		}
		now = next
		hearAt(t, c, now, only(peer.KeepAlive))
	}
	if want := int(now.Sub(epoch) / keepAliveAfter); sent < want-1 || sent > want+1 {
		t.Errorf("%d keep-alives in %v", sent, now.Sub(epoch))
	}
}

func TestSilence(t *testing.T) {
	c := begin(all, 10)
	if _, err := c.Tick(after(deadAfter - 1)); err != nil {
		t.Error(err)
	}
	hearAt(t, c, after(deadAfter-1), only(peer.KeepAlive))
	if _, err := c.Tick(after(2*deadAfter - 2)); err != nil {
		t.Error(err)
	}
	if _, err := c.Tick(after(2*deadAfter - 1)); err != ErrSilent {
		t.Errorf("error %v", err)
	}
}

// TestTickComesForTheSnub: whoever sleeps until the time that Tick names must not sleep over a snub.
func TestTickComesForTheSnub(t *testing.T) {
	c := begin(all, 10)
	c.Request(after(time.Second), blk(0, 0))
	next, err := c.Tick(after(time.Second))
	if err != nil || !next.Equal(after(time.Second+snubAfter)) || !c.Snubbed(next) {
		t.Errorf("next %v, %v", next.Sub(epoch), err)
	}
}

// TestUploadIsAWord: payload that is sent needs no keep-alive beside it.
func TestUploadIsAWord(t *testing.T) {
	c := serving(t, all, 1)
	c.TakeUploads(after(keepAliveAfter), nil, 1<<20)
	if _, err := c.Tick(after(keepAliveAfter + time.Second)); err != nil || c.HasOut() {
		t.Errorf("keep-alive beside payload, %v", err)
	}
}
