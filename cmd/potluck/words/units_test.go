package words

import "testing"

func TestUnits(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 1000: "1.0 kB", 9949: "9.9 kB", 9950: "10 kB", 999_499: "999 kB", 999_500: "1.0 MB", 4_402_341_888: "4.4 GB",
		38e6: "38 MB", 7e12: "7.0 TB", 3e15: "3.0 PB", 9e18: "9000 PB",
	} {
		if got := Size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
	for s, want := range map[float64]string{0: "0:00", 42: "0:42", 3600: "1:00:00", 3723: "1:02:03", 1e6: "11 d", 1e300: "11574 d"} {
		if got := Clock(s); got != want {
			t.Errorf("clock(%v) = %s, want %s", s, got, want)
		}
	}
	for _, c := range []struct {
		done, total int64
		want        string
	}{{0, 0, "0%"}, {999, 1000, "99%"}, {1000, 1000, "100%"}, {1, 3, "33%"}} {
		if got := Percent(c.done, c.total); got != c.want {
			t.Errorf("percent(%d, %d) = %s", c.done, c.total, got)
		}
	}
	for text, want := range map[string]string{"short": "short", "0123456789": "0123456789", "0123456789abc": "01234…9abc"} {
		if got := Shorten(text, 10); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
}
