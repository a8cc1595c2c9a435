package schedule

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// plain reads rates without units.
func plain(s string) (int64, string) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, "is not a rate"
	}
	return int64(n), ""
}

func text(e Entry) string { return e.Text(func(n int64) string { return strconv.FormatInt(n, 10) }) }

func daysOf(list ...time.Weekday) (d Days) {
	for _, w := range list {
		d |= 1 << w
	}
	return d
}

func TestParse(t *testing.T) {
	one, two := int64(1), int64(2)
	weekdays := daysOf(time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday)
	tests := []struct {
		text string
		want Entry
		back string // what Text makes of it; empty: text
	}{
		{"mon-fri 08:00-18:00 up=1 down=2", Entry{weekdays, 8 * time.Hour, 18 * time.Hour, &one, &two}, ""},
		{"  MON-Fri   8:00-18:00\tdown=2 up=1 ", Entry{weekdays, 8 * time.Hour, 18 * time.Hour, &one, &two}, "mon-fri 08:00-18:00 up=1 down=2"},
		{"up=1", Entry{Days: EveryDay, To: day, Up: &one}, ""},
		{"22:30-06:00 down=2", Entry{Days: EveryDay, From: 22*time.Hour + 30*time.Minute, To: 6 * time.Hour, Down: &two}, ""},
		{"sat-mon up=1", Entry{Days: daysOf(time.Saturday, time.Sunday, time.Monday), To: day, Up: &one}, "mon sat-sun up=1"},
		{"mon wed fri 12:00-24:00 up=1", Entry{daysOf(time.Monday, time.Wednesday, time.Friday), 12 * time.Hour, day, &one, nil}, ""},
		{"tue-tue up=1", Entry{Days: daysOf(time.Tuesday), To: day, Up: &one}, "tue up=1"},
		{"mon-sun 00:00-24:00 up=1", Entry{Days: EveryDay, To: day, Up: &one}, "up=1"},
	}
	for _, tt := range tests {
		got, err := Parse(tt.text, plain)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: %v, %v", tt.text, got, err)
		}
		if tt.back == "" {
			tt.back = tt.text
		}
		if back := text(got); back != tt.back {
			t.Errorf("%q is written %q, want %q", tt.text, back, tt.back)
		}
	}
}

func TestParseSaysWhatAndWhere(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "has no rate",
		"mon 08:00-18:00":           "has no rate",
		"monday up=1":               `"monday" is not a day`,
		"mon- up=1":                 `"mon-" is not a day`,
		"08:00 up=1":                `"08:00" is not a span of time`,
		"08:00-25:00 up=1":          `"08:00-25:00" is not a span of time`,
		"08:60-09:00 up=1":          `"08:60-09:00" is not a span of time`,
		"24:00-09:00 up=1":          `"24:00-09:00" is not a span of time`,
		"08:00-08:00 up=1":          `"08:00-08:00" ends when it begins`,
		"8:00-9:00 10:00-11:00 up=": `"10:00-11:00" is a second time`,
		"08:00-09:00 mon up=1":      `"mon" comes after the times`,
		"up=1 mon":                  `"mon" comes after a rate`,
		"up=1 up=2":                 `"up=2" is there twice`,
		"up=fast":                   `"up=fast" is not a rate`,
		"left=1":                    `"left=1" is neither up= nor down=`,
		strings.Repeat("mon ", 11):  "has too many words",
	} {
		_, err := Parse(text, plain)
		var wrong *Error
		if !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"mon-fri 08:00-18:00 up=1 down=2", "22:00-06:00 up=0", "sun sat-tue down=5", "00:00-24:00 up=1", "8:00-9:00-10:00 up=1", "up==1", "mon-fri-sun up=1",
	} {
		f.Add(seed)
	}
	now := time.Date(2026, 3, 28, 23, 0, 0, 0, berlin(f))
	f.Fuzz(func(t *testing.T, in string) {
		e, err := Parse(in, plain)
		if err != nil {
			return
		}
		if e.Days == 0 || e.From < 0 || e.From >= day || e.To < 0 || e.To > day || e.From == e.To || e.Up == nil && e.Down == nil {
			t.Fatalf("%q gives %+v", in, e)
		}
		again, err := Parse(text(e), plain)
		if err != nil || !reflect.DeepEqual(e, again) {
			t.Fatalf("%q is written %q, which reads %+v, %v", in, text(e), again, err)
		}
		s := Schedule{Entries: []Entry{e}}
		if next := s.Next(now); !next.IsZero() && !next.After(now) {
			t.Fatalf("%q: the next change is at %v, not after %v", in, next, now)
		}
	})
}
