// Package schedule says which limits of rate hold when: entries such as "mon-fri 08:00-18:00 up=1M down=5M" against the clock
// on the wall. It knows no clock: the moment, with its time zone, is handed in.
//
//	entry = [day | day "-" day]... [HH:MM "-" HH:MM] (up=RATE | down=RATE)...
//	day   = mon | tue | wed | thu | fri | sat | sun
//
// Without days an entry holds every day, without times all day. One that ends before it begins ends on the day after, so
// "fri 22:00-06:00" holds in the night to Saturday. Of entries that hold together the last one counts, for each direction of
// its own; where none does, the ordinary limit.
//
// What holds depends on the wall clock alone. When summer time begins an entry within the hour that is left out does not
// happen, and when it ends one within the hour that comes twice holds twice.
package schedule

import (
	"fmt"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7
)

// Days is a set of days of the week, a bit for each [time.Weekday].
type Days uint8

// EveryDay is all of them.
const EveryDay Days = 1<<week - 1

// Has reports whether a day is in the set.
func (d Days) Has(w time.Weekday) bool { return d&(1<<w) != 0 }

// Entry is limits for some hours of some days. An entry without Days never holds.
type Entry struct {
	Days Days
	// From and To are times on the wall clock after midnight, below 24 h and up to 24 h. From Before To within the day; if
	// not, To is on the day after.
	From, To time.Duration
	// Up and Down are bytes per second, 0 is no limit; nil leaves the direction alone.
	Up, Down *int64
}

// holds reports whether an entry holds at a time of the wall clock.
func (e *Entry) holds(w time.Weekday, at time.Duration) bool {
	if e.From < e.To {
		return e.Days.Has(w) && e.From <= at && at < e.To
	}
	return e.Days.Has(w) && e.From <= at || e.Days.Has((w+week-1)%week) && at < e.To
}

// Limits are rates in bytes per second; 0 is no limit.
type Limits struct{ Up, Down int64 }

// Schedule is entries, of which later ones win, and what holds where none does.
type Schedule struct {
	Entries  []Entry
	Ordinary Limits
}

// wall is what the clock on the wall shows.
func wall(t time.Time) (time.Weekday, time.Duration) {
	return t.Weekday(), time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute +
		time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
}

// At says what holds at a moment, by the clock of its location.
func (s *Schedule) At(t time.Time) Limits {
	l := s.Ordinary
	w, at := wall(t)
	for i := range s.Entries {
		e := &s.Entries[i]
		if !e.holds(w, at) {
			continue
		}
		if e.Up != nil {
			l.Up = *e.Up
		}
		if e.Down != nil {
			l.Down = *e.Down
		}
	}
	return l
}

// horizon is how far Next looks: a week has every entry in it, and in one with a change of the clock some may not happen.
const horizon = 2*week*day + day

// Next is when other limits begin to hold than at now, in now's location; the zero time if they never do.
func (s *Schedule) Next(now time.Time) time.Time {
	current := s.At(now)
	for t := now; len(s.Entries) > 0 && t.Sub(now) <= horizon; {
		t = s.following(t)
		if s.At(t) != current {
			return t
		}
	}
	return time.Time{}
}

// following is the first moment after t at which an entry begins or ends, or the clock on the wall jumps.
func (s *Schedule) following(t time.Time) time.Time {
	_, at := wall(t)
	soonest := day - at // midnight, from where the times of the next day are looked at
	for i := range s.Entries {
		for _, edge := range []time.Duration{s.Entries[i].From, s.Entries[i].To} {
			if edge > at {
				soonest = min(soonest, edge-at)
			}
		}
	}
	next := t.Add(soonest) // by the clock as it runs now
	if _, jump := t.ZoneBounds(); !jump.IsZero() && jump.Before(next) {
		return jump.In(t.Location())
	}
	return next
}

// Text is what Parse reads as the same entry, with rates as rate writes them.
func (e Entry) Text(rate func(bytesPerSecond int64) string) string {
	var words []string
	if e.Days != EveryDay {
		words = e.Days.runs()
	}
	if e.From != 0 || e.To != day {
		words = append(words, clock(e.From)+"-"+clock(e.To))
	}
	if e.Up != nil {
		words = append(words, "up="+rate(*e.Up))
	}
	if e.Down != nil {
		words = append(words, "down="+rate(*e.Down))
	}
	return strings.Join(words, " ")
}

func clock(d time.Duration) string {
	return fmt.Sprintf("%02d:%02d", d/time.Hour, d%time.Hour/time.Minute)
}
