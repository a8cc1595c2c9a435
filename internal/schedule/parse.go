package schedule

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Error says what is wrong with the text of an entry.
type Error struct {
	Word   string // where; empty for the entry as a whole
	Reason string
	Hint   string // what to write instead; may be empty
}

func (e *Error) Error() string {
	if e.Word == "" {
		return e.Reason
	}
	return fmt.Sprintf("%.40q %s", e.Word, e.Reason)
}

// names are the days as they are written, by [time.Weekday].
var names = [week]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// maxWords bounds the text of an entry: seven days, the times, two rates.
const maxWords = week + 3

// Parse reads one entry. Rate reads a rate, or says why it is none. An error is an [*Error].
func Parse(text string, rate func(string) (bytesPerSecond int64, reason string)) (Entry, error) {
	var e Entry
	timed := false
	words := strings.Fields(strings.ToLower(text))
	if len(words) > maxWords {
		return Entry{}, &Error{Reason: "has too many words"}
	}
	for _, w := range words {
		name, value, isRate := strings.Cut(w, "=")
		rated := e.Up != nil || e.Down != nil
		var err *Error
		switch {
		case isRate:
			err = e.setRate(name, value, rate)
		case rated:
			err = &Error{Reason: "comes after a rate", Hint: "write the days first, then the times, then the rates"}
		case w[0] >= '0' && w[0] <= '9':
			if timed {
				err = &Error{Reason: "is a second time", Hint: "write another entry for it"}
			} else {
				timed = true
				err = e.setTimes(w)
			}
		case timed:
			err = &Error{Reason: "comes after the times", Hint: "write the days first, then the times, then the rates"}
		default:
			err = e.addDays(w)
		}
		if err != nil {
			err.Word = w
			return Entry{}, err
		}
	}
	if e.Up == nil && e.Down == nil {
		return Entry{}, &Error{Reason: "has no rate", Hint: "write an entry as in mon-fri 08:00-18:00 up=1M down=5M"}
	}
	if e.Days == 0 {
		e.Days = EveryDay
	}
	if !timed {
		e.To = day
	}
	return e, nil
}

func (e *Entry) setRate(name, value string, rate func(string) (int64, string)) *Error {
	to := &e.Up
	switch name {
	case "up":
	case "down":
		to = &e.Down
	default:
		return &Error{Reason: "is neither up= nor down="}
	}
	if *to != nil {
		return &Error{Reason: "is there twice"}
	}
	n, reason := rate(value)
	if reason != "" {
		return &Error{Reason: reason, Hint: "write bytes per second as up=800, up=500K or up=1.5M; 0 is no limit"}
	}
	*to = &n
	return nil
}

func (e *Entry) setTimes(word string) *Error {
	from, to, ok := strings.Cut(word, "-")
	var okFrom, okTo bool
	e.From, okFrom = parseClock(from)
	e.To, okTo = parseClock(to)
	switch {
	case !ok || !okFrom || !okTo || e.From == day:
		return &Error{Reason: "is not a span of time", Hint: "write hours and minutes as 08:00-18:00, to 24:00 at most"}
	case e.From == e.To:
		return &Error{Reason: "ends when it begins", Hint: "leave the times out for the whole day"}
	}
	return nil
}

// parseClock reads HH:MM from 00:00 to 24:00.
func parseClock(s string) (time.Duration, bool) {
	h, m, ok := strings.Cut(s, ":")
	if !ok || len(h) == 0 || len(h) > 2 || len(m) != 2 {
		return 0, false
	}
	hours, err := strconv.ParseUint(h, 10, 8)
	minutes, bad := strconv.ParseUint(m, 10, 8)
	d := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	return d, err == nil && bad == nil && minutes < 60 && d <= day
}

// addDays takes a day, or the days from one to another, over the end of the week if need be.
func (e *Entry) addDays(word string) *Error {
	first, last, span := strings.Cut(word, "-")
	if !span {
		last = first
	}
	from, to := slices.Index(names[:], first), slices.Index(names[:], last)
	if from < 0 || to < 0 {
		return &Error{Reason: "is not a day", Hint: "the days are mon tue wed thu fri sat sun, and mon-fri is five of them"}
	}
	for d := from; ; d = (d + 1) % week {
		e.Days |= 1 << d
		if d == to {
			return nil
		}
	}
}

// runs are the words for a set of days, from Monday on.
func (d Days) runs() (words []string) {
	const first = int(time.Monday)
	for i := 0; i < week; i++ {
		begin := i
		for i < week && d.Has(time.Weekday((first+i)%week)) {
			i++
		}
		switch name := func(i int) string { return names[(first+i)%week] }; {
		case i == begin:
		case i == begin+1:
			words = append(words, name(begin))
		default:
			words = append(words, name(begin)+"-"+name(i-1))
		}
	}
	return words
}
