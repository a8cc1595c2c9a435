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

// TestMute: who is asked for something and says nothing at all is gone long before who is only silent.
func TestMute(t *testing.T) {
	c := begin(all, 10)
	c.Request(after(time.Second), blk(0, 0))
	c.Request(after(20*time.Second), blk(0, 1))
	c.DropRequests(after(21 * time.Second))
	if next, err := c.Tick(after(muteAfter)); err != nil || !next.Equal(after(muteAfter+time.Second)) {
		t.Errorf("next %v, %v", next.Sub(epoch), err)
	}
	if _, err := c.Tick(after(muteAfter + time.Second)); err != ErrMute {
		t.Errorf("error %v", err)
	}
	for name, forgiven := range map[string]func(*Conversation){
		"its word":                       func(c *Conversation) { hearAt(t, c, after(2*time.Second), only(peer.KeepAlive)) },
		"our cancel":                     func(c *Conversation) { c.Cancel(blk(0, 0)) },
		"that we ourselves read nothing": func(c *Conversation) { c.Hold(after(20 * time.Second)) },
	} {
		c := begin(all, 10)
		c.Request(after(time.Second), blk(0, 0))
		forgiven(c)
		if _, err := c.Tick(after(muteAfter + 2*time.Second)); err != nil {
			t.Errorf("in spite of %s: %v", name, err)
		}
	}
}
