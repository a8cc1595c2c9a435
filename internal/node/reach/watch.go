package reach

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/node/news"
)

const (
	// again is how long it is believed that others find a share; that they do not is looked into at every announce.
	again = 50 * time.Minute
	// patience is how long announces may be in vain before the user is told: after the start there is nobody to take them.
	patience = 20 * time.Second
)

// Watch decides when it is to be found out whether others find a share, and keeps what was. The zero Watch is ready for use. It
// is not safe for concurrent use.
type Watch struct {
	known    news.Reach // nothing while it is not Checked
	announce time.Time  // when the first one was over
	checking bool
}

// Begin is told that an announce is over, and whether anybody took it. It reports whether the reach is to be found out anew;
// End must follow then.
func (w *Watch) Begin(now time.Time, taken bool) bool {
	if w.announce.IsZero() {
		w.announce = now
	}
	switch {
	case w.checking,
		!taken && now.Sub(w.announce) < patience,
		taken && w.known.Found && now.Sub(w.known.Checked) < again:
		return false
	}
	w.checking = true
	return true
}

// End keeps what was found out, and reports whether anything was: not what is not Checked.
func (w *Watch) End(found news.Reach) bool {
	w.checking = false
	if found.Checked.IsZero() {
		return false
	}
	w.known = found
	return true
}

// Known is what is known now; nil if nothing is.
func (w *Watch) Known() *news.Reach {
	if w.known.Checked.IsZero() {
		return nil
	}
	known := w.known
	return &known
}
