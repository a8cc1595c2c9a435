package words

import (
	"fmt"
	"time"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// Reach says whether others find a share. It claims no more than that they find it: whether they can connect is not known.
func Reach(r *v1.Reach) string {
	if !r.Found || r.Seconds == nil {
		return "not found by other nodes: " + printable(r.Why)
	}
	text := fmt.Sprintf("found by other nodes in %.1f s", *r.Seconds)
	if r.Why != "" {
		text += "; but " + printable(r.Why)
	}
	return text
}

// Crowd says about how many have it, if that was said.
func Crowd(r *v1.Reach) string {
	if r.Seeders == nil || r.Leechers == nil {
		return ""
	}
	return fmt.Sprintf(", about %s and %s", Counted(*r.Seeders, "seed"), Counted(*r.Leechers, "leecher"))
}

// Checked says how long ago that was found out.
func Checked(r *v1.Reach) string {
	if r.Checked == nil {
		return ""
	}
	return fmt.Sprintf(" (%s ago)", Clock(time.Since(*r.Checked).Seconds()))
}
