package main

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

func TestObjectText(t *testing.T) {
	n, eta := int64(4_100_000_000), 42.0
	for want, o := range map[string]v1.Object{
		"asking what it is  0 peers":                          {State: "resolving"},
		"checking what is there  1 peer":                      {State: "checking", Peers: 1},
		"62%  2.5 GB of 4.1 GB  38 MB/s  0:42 left  14 peers": {State: "fetching", BytesDone: 2_550_000_000, BytesWanted: &n, DownRate: 38e6, ETA: &eta, Peers: 14},
		"0%  0 B of 4.1 GB  0 B/s  0 peers":                   {State: "fetching", BytesWanted: &n},
		"paused  0 peers":                                     {State: "paused"},
	} {
		if got := objectText(o); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Off a terminal there is a line a second at most, and none for what takes less.
func TestLinesAreRare(t *testing.T) {
	var stdout, stderr buffer
	out := newOutput(&stdout, &stderr, func(string) string { return "" })
	p := out.progress()
	defer p.end()
	for range 100 {
		p.object(v1.Object{ID: "1", Name: "evil\x1b[2J", State: "fetching"})
	}
	if stderr.String() != "" {
		t.Errorf("said %q within the first second", stderr.String())
	}
	p.began = p.began.Add(-2 * time.Second)
	for range 100 {
		p.object(v1.Object{ID: "1", Name: "evil\x1b[2J", State: "fetching"})
	}
	if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, `evil\x1b[2J  `) {
		t.Errorf("said %q", got)
	}
	out.json = true
	for range 100 {
		p.object(v1.Object{ID: "1", State: "fetching"})
		p.object(v1.Object{ID: "1", State: "seeding"})
	}
	if got := lines(t, stdout.String()); len(got) != 2 || got[0]["state"] != "fetching" || got[1]["state"] != "seeding" {
		t.Errorf("said %v", got)
	}
}

// Many failures of one command are one exit code.
func TestTally(t *testing.T) {
	for _, c := range []struct {
		ok    int
		codes []int
		want  error
	}{{1, nil, nil}, {0, nil, nil}, {1, []int{7}, exit(3)}, {0, []int{7, 4}, exit(7)}} {
		if got := (&tally{ok: c.ok, codes: c.codes}).exit(); got != c.want {
			t.Errorf("%+v ends with %v", c, got)
		}
	}
}
