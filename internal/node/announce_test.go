package node

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

func told(log *asked) []string { return slices.DeleteFunc(log.take(), isScrape) }

// What a tracker hears last is never that we left while we are there: not after a pause that was short, and not when another
// tracker is added.
func TestTrackersHearLastThatWeAreThere(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		url, log := h.tracker("1.1.9.9")
		sharer := h.fetcher("1.1.1.1")
		h.req.Trackers = []string{url}
		o := h.share(sharer)
		<-time.After(time.Minute)
		if got := told(log); len(got) != 1 || !strings.HasPrefix(got[0], "started") {
			t.Errorf("a share is told as %q", got)
		}
		h.req.Trackers = append(h.req.Trackers, "http://1.1.9.8/announce")
		h.share(sharer)
		<-time.After(time.Minute)
		if got := told(log); len(got) != 1 || !strings.HasPrefix(got[0], "started") {
			t.Errorf("with one more tracker the first was told %q", got)
		}
		h.world.SetLink(nil, nil, netxtest.Link{Delay: 200 * time.Millisecond})
		if err := sharer.Pause(o.ID); err != nil {
			t.Fatal(err)
		}
		if err := sharer.Resume(o.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		got := told(log)
		if len(got) != 2 || !strings.HasPrefix(got[0], "stopped") || !strings.HasPrefix(got[1], "started") {
			t.Errorf("paused and resumed, told %q", got)
		}
	})
}
