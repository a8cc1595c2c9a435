package words

import (
	"testing"
	"time"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

func TestLimitsText(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.Local)
	at := func(hours int) *time.Time {
		u := now.Add(time.Duration(hours) * time.Hour)
		return &u
	}
	for _, tt := range []struct {
		limits v1.Limits
		want   string
	}{
		{v1.Limits{}, ""},
		{v1.Limits{Up: 1_000_000}, "\nLimits   down no limit, up at most 1.0 MB/s"},
		{v1.Limits{Up: 1_000_000, Down: 5_000_000, Until: at(6)}, "\nLimits   down at most 5.0 MB/s, up at most 1.0 MB/s, until 18:00"},
		{v1.Limits{Until: at(12)}, "\nLimits   down no limit, up no limit, until Sat 00:00"},
	} {
		if got := limits(tt.limits, now); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.limits, got, tt.want)
		}
	}
}

func TestBlockingText(t *testing.T) {
	if got := blocking(nil); got != "" {
		t.Errorf("without lists: %q", got)
	}
	got := blocking(&v1.Blocking{Ranges: 1, Dials: 2, Received: 3, Lists: []v1.BlockList{
		{Path: "/fine", Ranges: 1}, {Path: "/a\x1bb", Unreadable: 1, Error: "gone"},
	}})
	want := "\nBlocked  1 range, which kept out 2 connections and 3 datagrams\n         /a\\x1bb: 1 line cannot be read; as it was before: gone"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
