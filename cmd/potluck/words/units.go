package words

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Size is a number of bytes for people.
func Size(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		if f /= 1000; f < 999.5 {
			return threeDigits(f) + " " + unit
		}
	}
	return threeDigits(f/1000) + " PB"
}

func threeDigits(f float64) string {
	if f < 9.95 {
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

// Rate is bytes per second for people.
func Rate(f float64) string { return Size(int64(f)) + "/s" }

// Clock is a time span for people: 0:42, 1:02:03, 4 d.
func Clock(seconds float64) string {
	d := time.Duration(math.Min(seconds, 1e9)) * time.Second
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h >= 48:
		return fmt.Sprintf("%d d", h/24)
	case h > 0:
		return fmt.Sprintf("%d:%02d:%02d", h, m, s)
	}
	return fmt.Sprintf("%d:%02d", m, s)
}

// Percent is how much of a whole there is. It says 100 of nothing less than the whole.
func Percent(done, total int64) string {
	if total <= 0 {
		return "0%"
	}
	return strconv.Itoa(int(math.Floor(float64(done)/float64(total)*100))) + "%"
}

// Counted is a number of things: 1 peer, 2 peers.
func Counted(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// Shorten cuts the middle out of a text.
func Shorten(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return fmt.Sprintf("%s…%s", string(r[:width/2]), string(r[len(r)-width/2+1:]))
}

// NameWidth is how much of a name is shown in a column.
const NameWidth = 40
