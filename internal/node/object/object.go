package object

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/presence"
	"github.com/potluck-p2p/potluck/internal/node/reach"
	"github.com/potluck-p2p/potluck/internal/node/scouting"
	"github.com/potluck-p2p/potluck/internal/node/turn"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Object is one object with all its rooms. It is safe for concurrent use.
type Object struct {
	ID    string
	Swarm *swarm.Swarm
	Net   *bittorrent.Object
	// Life ends when the object is removed or the node ends.
	Life context.Context

	rooms *Rooms
	end   context.CancelFunc
	work  sync.WaitGroup // all that runs for it

	// The books'.
	num     uint64 // the choker's name for it
	place   uint64
	entries entries

	booked  atomic.Bool // it is in the books
	stirred atomic.Bool // there is news of it that nobody has taken
	resting atomic.Bool // it needed no looking after, last

	scouting *scouting.Scouting // nil but of a scout
	trackers *presence.Trackers

	up, down *netx.Limiter
	dirty    chan struct{} // something was verified; the keeper makes it durable

	managing  sync.Mutex // held by whoever pauses, resumes, verifies, moves or removes it; see Manage
	recording sync.Mutex // held while the record is changed on the disk; before mu
	failing   sync.Mutex // held while it is stopped for a reason; before the swarm's lock

	mu       sync.Mutex
	over     bool           // no more work is taken on
	opened   chan struct{}  // closed when restore is done; nil if that is not needed
	record   catalog.Record // as in the catalog
	body     *local.Object  // nil while it is resolving
	asking   asking         // web servers
	blamed   string         // what was wrong with the web server that failed last
	saving   saving
	counting counting
	reaching reach.Watch
	named    []inspect.Peer // by the user
	stranger string         // who was met where the link means somebody else
	seen     time.Time      // when a source was last seen; patience counts from here
	patience time.Duration
	unsynced int64
	shown    swarm.State // the state last published
	waiting  bool        // stopped until it is its turn; nothing if the record says that the user has paused it
	progress turn.Progress
	insists  bool // the user resumed it after it had been given enough

	peerID [20]byte // how we call ourselves to its peers and trackers

	astray int      // the patrol's alone: the file that it found wrong last
	stands Standing // the loop's alone: what it was when that was asked for last
}

// New makes the parts of an object that do not need its metadata. Nobody knows it before it is booked. Patience is how long
// to go on without any source before it fails; 0 is for ever.
func New(rooms *Rooms, r catalog.Record, patience time.Duration) *Object {
	now := rooms.Now()
	o := &Object{
		ID: r.ID, rooms: rooms, record: r, seen: now, patience: patience,
		up: netx.NewLimiter(r.UpLimit), down: netx.NewLimiter(r.DownLimit),
		dirty: make(chan struct{}, 1), counting: counting{before: counts{r.DownloadedBytes, r.UploadedBytes}},
	}
	o.Life, o.end = context.WithCancel(rooms.Life)
	o.peerID = rooms.PeerID()
	o.Swarm = swarm.New(now, swarm.Config{
		InfoHash: r.InfoHash, PeerID: o.peerID, Client: rooms.Client, Port: rooms.Sockets.PublicPort(), DHTPort: rooms.dhtPort(),
		MaxPeers: rooms.MaxPeers, Seats: rooms.Seats, Sequential: r.Sequential,
		SuperSeeding: rooms.SuperSeeding && r.Kind == catalog.Shared, Rand: rooms.Rand(), Wake: o.Stir,
		Accept: rooms.accept, Key: rooms.Key, Holepunch: rooms.HolePunching, LargeRequests: rooms.LargeRequests,
	})
	o.trackers = o.newTrackers()
	o.tellOwn()
	o.Net = &bittorrent.Object{
		Hash: r.InfoHash, Swarm: o.Swarm,
		Down: netx.Chain{rooms.Down, o.down}, Up: netx.Chain{rooms.Up, o.up},
		Failed: o.Unreadable, Identity: rooms.Identity(), Estranged: o.estranged,
	}
	return o
}

// Body is the object as it lies on this disk; nil while it is resolving.
func (o *Object) Body() *local.Object {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.body
}

// Record is what the catalog has of the object.
func (o *Object) Record() catalog.Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.record
}

// InfoHash is all that is known of the object's info-hashes.
func (o *Object) InfoHash() metainfo.InfoHash {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.body != nil {
		return o.body.Info.Hash
	}
	return o.record.InfoHash
}

// Num is the choker's name for the object, once it is booked.
func (o *Object) Num() uint64 { return o.num }

// update changes an object's record, in the catalog and in memory. Whoever looks at the record meanwhile does not wait for
// the disk.
func (o *Object) update(ctx context.Context, change func(*catalog.Record)) error {
	o.recording.Lock()
	defer o.recording.Unlock()
	if o.scouting == nil {
		if err := o.rooms.Catalog.Update(ctx, o.ID, change); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.record)
	return nil
}

// Limit limits the payload of the object, in bytes per second; 0 takes a limit away, and a negative one leaves it as it is.
func (o *Object) Limit(ctx context.Context, up, down int64) error {
	now := o.rooms.Now()
	if up >= 0 {
		o.up.SetRate(now, up)
	}
	if down >= 0 {
		o.down.SetRate(now, down)
	}
	return o.update(ctx, func(r *catalog.Record) {
		if up >= 0 {
			r.UpLimit = up
		}
		if down >= 0 {
			r.DownLimit = down
		}
	})
}

// Run starts work for an object; false if it has been halted.
func (o *Object) Run(f func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.work.Go(func() { o.Guarded(f) })
	}
	return !o.over
}

// Do works for an object as Run does, and waits.
func (o *Object) Do(f func()) bool {
	o.mu.Lock()
	over := o.over
	if !over {
		o.work.Add(1)
	}
	o.mu.Unlock()
	if !over {
		defer o.work.Done()
		o.Guarded(f)
	}
	return !over
}

// Guarded does something for an object and contains its panic: the object fails, the node goes on (promise 4.8).
func (o *Object) Guarded(f func()) {
	if !o.contained(f) {
		why := fault.New(fault.ExitFailed, "internal", "an internal error stopped this object", "restart potluck, and report what the log says", nil)
		o.contained(func() { o.Swarm.Stop(swarm.Failed, why) }) // the swarm may be what is broken
	}
}

func (o *Object) contained(f func()) (whole bool) {
	defer func() {
		if r := recover(); r != nil {
			o.rooms.Panicked(r)
		}
	}()
	f()
	return true
}

// Halt ends everything that runs for an object, and returns when nothing does any more.
func (o *Object) Halt() {
	o.mu.Lock()
	o.over = true
	o.mu.Unlock()
	o.Swarm.Stop(swarm.Paused, nil)
	o.end()
	o.Net.Close()
	o.trackers.Silence() // meanwhile
	o.work.Wait()
	o.trackers.Retire()
	if b := o.Body(); b != nil && b.Intake != nil {
		b.Intake.Close()
	}
}

// WaitWork returns when nothing runs for an object any more, after the node's life has ended.
func (o *Object) WaitWork() { o.work.Wait() }

// isOver reports whether the object has been halted.
func (o *Object) isOver() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.over
}

// Fail stops an object for a reason of ours, the disk's or the content's.
func (o *Object) Fail(state swarm.State, err error) {
	if o.Life.Err() != nil {
		return // it was told to end, and this is how it did
	}
	if o.scouting != nil {
		o.scouting.Fail(err)
		return
	}
	e := fault.Explain(err)
	if !o.stop(state, e) {
		return
	}
	o.rooms.Log.Warn("object stopped", "id", o.ID, "state", state, "why", e.Message)
	o.trackers.Silence()
	if err := o.update(context.Background(), func(r *catalog.Record) {
		r.State, r.Error = catalog.State(state), e.Message
	}); err != nil {
		o.rooms.Log.Warn("cannot record the state", "id", o.ID, "err", err)
	}
	o.Stir()
}

// stop stops an object, unless it has been stopped for the same reason: several pieces fail at once when a disk does.
func (o *Object) stop(state swarm.State, e *fault.Error) (first bool) {
	o.failing.Lock()
	defer o.failing.Unlock()
	if was, why := o.Swarm.State(); was == state && why != nil && fault.Explain(why).Code == e.Code {
		return false
	}
	o.Swarm.Stop(state, e)
	return true
}

// Unreadable is told that an object's files cannot be read as they were hashed (promise 4.5).
func (o *Object) Unreadable(err error) {
	if state, _ := o.Swarm.State(); state == swarm.Changed || state == swarm.Missing || state == swarm.Failed {
		return
	}
	o.Fail(StateOf(err), err)
}

// StateOf is the state of an object whose files cannot be read.
func StateOf(err error) swarm.State {
	switch {
	case errors.Is(err, store.ErrChanged):
		return swarm.Changed
	case errors.Is(err, store.ErrMissing):
		return swarm.Missing
	}
	return swarm.Failed
}

// Moving reports whether an object in a state has to do with peers.
func Moving(s swarm.State) bool {
	return s == swarm.Resolving || s == swarm.Fetching || s == swarm.Seeding
}
