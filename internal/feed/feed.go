// Package feed decides about feeds (BEP 46): when the folder of one that is published is looked at and taken as a new version
// (Watch), when one that is followed is looked up (Follow), when its item is put into the DHT again (Post), and which
// sequence is newer. It does no I/O: it is told the time and what was seen, and returns when to come back.
package feed

import "time"

// Sequence is the number of the next item of a feed whose last one was last. Being at least the time in seconds, it does not
// go back when the last one is forgotten.
func Sequence(last int64, now time.Time) int64 { return max(last+1, now.Unix()) }

// Verdict is what becomes of an item that was found.
type Verdict uint8

// The verdicts.
const (
	Known  Verdict = iota + 1 // the one at hand
	Newer                     // to be taken
	Replay                    // older than the one at hand: it is not gone back to
)

// Judge compares the sequence of an item that was found, by its publisher's signature, with that of the one at hand.
func Judge(held, found int64) Verdict {
	switch {
	case found > held:
		return Newer
	case found < held:
		return Replay
	}
	return Known
}
