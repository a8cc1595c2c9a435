package schedule

import (
	"math/rand/v2"
	"testing"
	"time"
	_ "time/tzdata" // summer time is the same on every machine
)

func parse(t testing.TB, texts ...string) (list []Entry) {
	t.Helper()
	for _, text := range texts {
		e, err := Parse(text, plain)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		list = append(list, e)
	}
	return list
}

func berlin(t testing.TB) *time.Location {
	t.Helper()
	l, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAtAndNext(t *testing.T) {
	office := []string{"mon-fri 08:00-18:00 up=1000 down=5000"}
	night := []string{"fri 22:00-06:00 up=7"}
	tests := []struct {
		name    string
		entries []string
		now     string // in Berlin
		want    Limits
		next    string // empty: never
	}{
		{"no entries", nil, "2026-11-16 12:00", Limits{1, 2}, ""},
		{"before", office, "2026-11-16 07:59", Limits{1, 2}, "2026-11-16 08:00"},
		{"it begins", office, "2026-11-16 08:00", Limits{1000, 5000}, "2026-11-16 18:00"},
		{"it ends", office, "2026-11-16 18:00", Limits{1, 2}, "2026-11-17 08:00"},
		{"over the weekend", office, "2026-11-20 18:00", Limits{1, 2}, "2026-11-23 08:00"},
		{"over midnight, before it", night, "2026-11-20 23:00", Limits{7, 2}, "2026-11-21 06:00"},
		{"over midnight, after it", night, "2026-11-21 05:59", Limits{7, 2}, "2026-11-21 06:00"},
		{"over midnight, another night", night, "2026-11-21 23:00", Limits{1, 2}, "2026-11-27 22:00"},
		{"over the end of the week", []string{"sun 23:00-01:00 up=7"}, "2026-11-23 00:30", Limits{7, 2}, "2026-11-23 01:00"},
		{"later entries win", []string{"up=10 down=20", "12:00-13:00 down=0"}, "2026-11-16 12:30", Limits{10, 0}, "2026-11-16 13:00"},
		{"a later entry that says the same is no change", []string{"08:00-12:00 up=9", "12:00-16:00 up=9"}, "2026-11-16 09:00", Limits{9, 2}, "2026-11-16 16:00"},
		{"always", []string{"up=9"}, "2026-11-16 09:00", Limits{9, 2}, ""},
		{"to the end of the day", []string{"mon 12:00-24:00 up=9"}, "2026-11-16 13:00", Limits{9, 2}, "2026-11-17 00:00"},
		{"days of their own", []string{"mon wed sat-sun up=9"}, "2026-11-18 13:00", Limits{9, 2}, "2026-11-19 00:00"},
		// In the night to 2026-03-29 the clock jumps from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00.
		{"begins in the hour that is left out", []string{"02:30-05:00 up=9"}, "2026-03-29 01:00", Limits{1, 2}, "2026-03-29 03:00"},
		{"ends in the hour that is left out", []string{"01:00-02:30 up=9"}, "2026-03-29 01:30", Limits{9, 2}, "2026-03-29 03:00"},
		{"within the hour that is left out", []string{"sun 02:10-02:50 up=9"}, "2026-03-28 12:00", Limits{1, 2}, "2026-04-05 02:10"},
		{"at the usual time after the jump", []string{"08:00-18:00 up=9"}, "2026-03-29 00:00", Limits{1, 2}, "2026-03-29 08:00"},
		{"at the usual time after the hour that comes twice", []string{"08:00-18:00 up=9"}, "2026-10-25 00:00", Limits{1, 2}, "2026-10-25 08:00"},
	}
	loc := berlin(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := Schedule{Entries: parse(t, tt.entries...), Ordinary: Limits{1, 2}}
			now, err := time.ParseInLocation("2006-01-02 15:04", tt.now, loc)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.At(now); got != tt.want {
				t.Errorf("at %v: %+v, want %+v", now, got, tt.want)
			}
			got := ""
			if next := s.Next(now); !next.IsZero() {
				got = next.Format("2006-01-02 15:04")
			}
			if got != tt.next {
				t.Errorf("next change %q, want %q", got, tt.next)
			}
		})
	}
}

// TestTheHourThatComesTwice: what ends within it ends twice.
func TestTheHourThatComesTwice(t *testing.T) {
	s := Schedule{Entries: parse(t, "00:00-02:30 up=9")}
	now := time.Date(2026, 10, 25, 0, 0, 0, 0, berlin(t))
	var changes []string
	for range 3 {
		now = s.Next(now)
		changes = append(changes, now.Format("02 15:04 MST"))
	}
	want := []string{"25 02:30 CEST", "25 02:00 CET", "25 02:30 CET"}
	for i := range want {
		if changes[i] != want[i] {
			t.Errorf("change %d at %s, want %s", i, changes[i], want[i])
		}
	}
}

// TestNextAgainstTheClock compares Next with looking at every minute, around changes of the clock.
func TestNextAgainstTheClock(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	loc := berlin(t)
	for range 40 {
		var s Schedule
		for range 1 + rng.IntN(4) {
			e := Entry{Days: Days(1 + rng.IntN(127)), From: time.Duration(rng.IntN(48)) * 30 * time.Minute, To: day}
			for e.To == day || e.To == e.From {
				e.To = time.Duration(1+rng.IntN(48)) * 30 * time.Minute
				if e.From == 0 {
					break
				}
			}
			up := rng.Int64N(3)
			e.Up = &up
			s.Entries = append(s.Entries, e)
		}
		month := []time.Month{time.March, time.October, time.June}[rng.IntN(3)]
		now := time.Date(2026, month, 24+rng.IntN(6), rng.IntN(24), rng.IntN(60), rng.IntN(60), 0, loc)
		want := time.Time{}
		for at := now.Truncate(time.Minute).Add(time.Minute); at.Sub(now) < 8*day; at = at.Add(time.Minute) {
			if s.At(at) != s.At(now) {
				want = at
				break
			}
		}
		got := s.Next(now)
		if want.IsZero() && got.Sub(now) >= 8*day {
			continue // of another week
		}
		if !got.Equal(want) {
			t.Fatalf("%v at %v: next change %v, want %v", s.Entries, now, got, want)
		}
	}
}
