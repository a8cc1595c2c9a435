package output

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// Off a terminal there is a line a second at most, and none for what takes less.
func TestLinesAreRare(t *testing.T) {
	var stdout, stderr strings.Builder
	out := New(&stdout, &stderr, func(string) string { return "" })
	p := out.Progress()
	defer p.End()
	for range 100 {
		p.Object(v1.Object{ID: "1", Name: "evil\x1b[2J", State: "fetching"})
	}
	if stderr.String() != "" {
		t.Errorf("said %q within the first second", stderr.String())
	}
	p.began = p.began.Add(-2 * time.Second)
	for range 100 {
		p.Object(v1.Object{ID: "1", Name: "evil\x1b[2J", State: "fetching"})
	}
	if got := stderr.String(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, `evil\x1b[2J  `) {
		t.Errorf("said %q", got)
	}
	out.JSON = true
	for range 100 {
		p.Object(v1.Object{ID: "1", State: "fetching"})
		p.Object(v1.Object{ID: "1", State: "seeding"})
	}
	got := strings.Split(stdout.String(), "\n")
	if len(got) != 3 || !strings.Contains(got[0], `"state":"fetching"`) || !strings.Contains(got[1], `"state":"seeding"`) {
		t.Errorf("said %q", got)
	}
}
