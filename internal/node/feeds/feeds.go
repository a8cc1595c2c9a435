// Package feeds carries out what package feed decides: it watches the folders of feeds that are published and puts their pointers
// into the DHT (publish), looks up those that are followed and brings their objects to the newest version (follow, succeed).
//
// Each feed has one goroutine, which goes on for as long as its object is known. The object is the same under its id from version to
// version; who publishes or follows what is in its record.
package feeds

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Items is where the pointers of feeds are: the DHT (BEP 44).
type Items interface {
	// Get finds the newest item of a publisher's key and a salt. That there is none is an error.
	Get(ctx context.Context, key, salt []byte) (krpc.Item, error)
	// Put stores an item, and returns how many nodes took it, none being an error. A newer one that is met is returned, and
	// nothing is stored.
	Put(ctx context.Context, item krpc.Item) (taken int, newer *krpc.Item, err error)
}

// Config is what a Desk is made of. All of it is required but Items.
type Config struct {
	Life    context.Context
	Running *sync.WaitGroup // knows what runs for feeds
	Now     func() time.Time
	Rand    func() *rand.Rand
	Log     *slog.Logger
	Items   Items // nil: there is no DHT, and nothing is published or looked up
	Catalog *catalog.Catalog
	Disk    *local.Disk
	Books   *object.Books
	// Poll is how often a followed feed is looked up.
	Poll time.Duration
	// Accept takes what lies at the place of a share as its new version.
	Accept func(ctx context.Context, id string) error
	// Guarded runs something and contains its panic (promise 4.8).
	Guarded func(func())
}

// Desk is where the feeds of a node are seen to. It is safe for concurrent use.
type Desk struct {
	cfg Config

	making    sync.Mutex // held while the key is made
	beginning sync.Mutex // held while it is decided whose the name of a feed is

	mu    sync.Mutex
	wakes map[string]chan struct{} // of the goroutines, by id of the object
}

// New makes a desk.
func New(cfg Config) *Desk { return &Desk{cfg: cfg, wakes: make(map[string]chan struct{})} }

// Attend sees to the feed of an object from now on, if it has one; at once, if it is seen to already.
func (d *Desk) Attend(o *object.Object) {
	see := map[catalog.FeedRole]func(string, <-chan struct{}){catalog.Published: d.publish, catalog.Followed: d.follow}[o.Record().Feed.Role]
	if see == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	wake, known := d.wakes[o.ID]
	if !known {
		wake = make(chan struct{}, 1)
		d.wakes[o.ID] = wake
		d.cfg.Running.Go(func() {
			defer d.leave(o.ID)
			d.cfg.Guarded(func() { see(o.ID, wake) })
		})
	}
	select {
	case wake <- struct{}{}:
	default:
	}
}

func (d *Desk) leave(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.wakes, id)
}

// rest is how long a feed is left alone at most: its object may have been paused or removed meanwhile.
const rest = 2 * time.Second

// errands bounds one look-up, or one item that is put.
const errands = 2 * time.Minute

// sleep waits until it is time, or the feed is woken; false if the node ends.
func (d *Desk) sleep(next time.Time, wake <-chan struct{}) (woken, ok bool) {
	timer := time.NewTimer(min(rest, max(0, next.Sub(d.cfg.Now()))))
	defer timer.Stop()
	select {
	case <-d.cfg.Life.Done():
		return false, false
	case <-wake:
		return true, true
	case <-timer.C:
		return false, true
	}
}

// sooner is the earlier of two times.
func sooner(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
