package object

import (
	"context"
	"errors"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// countsEvery is how often the byte counts of an object are recorded beside the transfer: a run that is killed loses no more
// than this.
const countsEvery = time.Minute

// counts are bytes of payload, to and fro.
type counts struct{ down, up int64 }

// counting is what an object remembers of recording its counts.
type counting struct {
	before counts    // when this run began; never changed
	at     time.Time // of the last look
}

// countsOf are those of an object ever, whose swarm is as s says.
func (o *Object) countsOf(s swarm.Snapshot) counts {
	return counts{o.counting.before.down + s.DownBytes, o.counting.before.up + s.UpBytes}
}

// SaveCounts records now and then how much went to and fro.
func (o *Object) SaveCounts(now time.Time) {
	if o.due(now, &o.counting.at, countsEvery) && o.uncounted() {
		o.Run(func() {
			if err := o.saveCounts(); err != nil && !errors.Is(err, catalog.ErrNotFound) {
				o.rooms.Log.Warn("cannot record how much went to and fro", "id", o.ID, "err", err)
			}
		})
	}
}

// uncounted reports whether the record does not say how much went to and fro.
func (o *Object) uncounted() bool {
	r, c := o.Record(), o.countsOf(o.Swarm.Snapshot(o.rooms.Now()))
	return c != counts{r.DownloadedBytes, r.UploadedBytes}
}

// saveCounts does so at once, if there is news.
func (o *Object) saveCounts() error {
	if !o.uncounted() {
		return nil
	}
	c := o.countsOf(o.Swarm.Snapshot(o.rooms.Now()))
	return o.update(context.WithoutCancel(o.Life), func(r *catalog.Record) { r.DownloadedBytes, r.UploadedBytes = c.down, c.up })
}
