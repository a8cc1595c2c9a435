package feed

import "time"

const (
	// firstLook is the time between two looks at a folder that are cheap; one takes dutyCycle times as long as it waits.
	firstLook = 2 * time.Second
	dutyCycle = 50
	// quiet is how long nothing may have changed before what is there is taken: files still being written are not published.
	quiet = 3 * time.Second
	// takeRetry is how long after a version could not be taken it is tried again.
	takeRetry = 30 * time.Second
)

// Print tells what a folder holds from what it held before.
type Print [32]byte

// Watch decides when the folder of a published feed is looked at, and when what is seen there is taken as a new version.
type Watch struct {
	next      time.Time
	published Print
	seen      Print
	since     time.Time // when seen was seen first
	notBefore time.Time // no version is taken earlier
}

// NewWatch begins to watch a folder, at once; published is what its last version was taken of.
func NewWatch(now time.Time, published Print) *Watch {
	return &Watch{next: now, published: published, seen: published}
}

// Next is when to look.
func (w *Watch) Next() time.Time { return w.next }

// Look takes what was seen at a time, and how long that took. It reports whether this is to be published.
func (w *Watch) Look(now time.Time, took time.Duration, seen Print) bool {
	w.next = now.Add(max(firstLook, dutyCycle*took))
	if seen != w.seen {
		w.seen, w.since = seen, now
		return false
	}
	return seen != w.published && now.Sub(w.since) >= quiet && !now.Before(w.notBefore)
}

// Blind says that the folder could not be looked at.
func (w *Watch) Blind(now time.Time) { w.next = now.Add(takeRetry) }

// Taken says what the version that is the newest now was taken of.
func (w *Watch) Taken(published Print) { w.published = published }

// Failed says that the new version could not be taken.
func (w *Watch) Failed(now time.Time) { w.notBefore = now.Add(takeRetry) }
