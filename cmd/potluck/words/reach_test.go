package words

import (
	"testing"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

func TestReachText(t *testing.T) {
	seconds := 2.06
	for want, r := range map[string]v1.Reach{
		"found by other nodes in 2.1 s":                   {Found: true, Seconds: &seconds},
		"found by other nodes in 2.1 s; but nobody comes": {Found: true, Seconds: &seconds, Why: "nobody comes"},
		"not found by other nodes: no answer":             {Seconds: &seconds, Why: "no answer"},
		`not found by other nodes: from \x1b[2Jelsewhere`: {Why: "from \x1b[2Jelsewhere"},
	} {
		if got := Reach(&r); got != want {
			t.Errorf("%+v is %q", r, got)
		}
	}
}

func TestCrowdText(t *testing.T) {
	one, many := 1, 12
	for want, r := range map[string]v1.Reach{
		"":                               {Seeders: &one},
		", about 1 seed and 12 leechers": {Seeders: &one, Leechers: &many},
	} {
		if got := Crowd(&r); got != want {
			t.Errorf("%q", got)
		}
	}
}
