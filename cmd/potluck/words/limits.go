package words

import (
	"fmt"
	"strings"
	"time"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// limits is a line for the rates in force, and until when; nothing if there are none now and will be none.
func limits(l v1.Limits, now time.Time) string {
	if l.Up == 0 && l.Down == 0 && l.Until == nil {
		return ""
	}
	bound := func(n int64) string {
		if n == 0 {
			return "no limit"
		}
		return "at most " + Rate(float64(n))
	}
	s := fmt.Sprintf("\nLimits   down %s, up %s", bound(l.Down), bound(l.Up))
	if l.Until == nil {
		return s
	}
	layout := "15:04"
	if y, m, d := l.Until.Local().Date(); time.Date(y, m, d, 0, 0, 0, 0, time.Local).After(now) {
		layout = "Mon 15:04"
	}
	return s + ", until " + l.Until.Local().Format(layout)
}

// blocking is a line for what the block lists have refused, and one for each list with something to say.
func blocking(b *v1.Blocking) string {
	if b == nil {
		return ""
	}
	var s strings.Builder
	fmt.Fprintf(&s, "\nBlocked  %s, which kept out %s and %s", Counted(b.Ranges, "range"),
		Counted(int(b.Dials+b.Accepts), "connection"), Counted(int(b.Sent+b.Received), "datagram"))
	for _, l := range b.Lists {
		var notes []string
		if l.Unreadable > 0 {
			notes = append(notes, Counted(l.Unreadable, "line")+" cannot be read")
		}
		if l.Error != "" {
			notes = append(notes, "as it was before: "+printable(l.Error))
		}
		if len(notes) > 0 {
			fmt.Fprintf(&s, "\n         %s: %s", printable(l.Path), strings.Join(notes, "; "))
		}
	}
	return s.String()
}
