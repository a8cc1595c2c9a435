package node

import (
	"context"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// object is one object with all its rooms. It is resolving while body is nil.
type object struct {
	id    string
	num   uint64 // the choker's name for it
	swarm *swarm.Swarm
	net   *bittorrent.Object

	// life ends when the object is removed or the node closes; work waits for everything that runs for it.
	life context.Context
	end  context.CancelFunc
	work sync.WaitGroup

	up, down *netx.Limiter
	dirty    chan struct{} // something was verified; the keeper makes it durable

	managing  sync.Mutex // held by whoever pauses, resumes, verifies or removes it
	recording sync.Mutex // held while the record is changed on the disk; before mu

	mu         sync.Mutex
	over       bool           // no more work is taken on
	opened     chan struct{}  // closed when restoreOne is done; nil if that is not needed
	record     catalog.Record // as in the catalog
	body       *body
	announcing announcing
	asking     asking           // web servers; set by the loop
	named      []netip.AddrPort // peers that the user named
	seen       time.Time        // when a source was last seen; patience counts from here
	patience   time.Duration
	unsynced   int64
	shown      swarm.State // the state last published
	turn       turn
	priorities []catalog.Priority // by file; nil if none is special
	insists    bool               // the user resumed it after it had been given enough
	noted      bool               // the keeper's alone: the record says what unfinished files are like
}

// body is what is known of an object with its metadata.
type body struct {
	info   *metainfo.Info
	object content.Object // under the name it has on disk
	layout *torrent.Layout
	hashes *torrent.Hashes
	files  *store.Object
	intake *intake.Intake // nil for a share
	wanted []bool         // by file; nil is all
	// settled are the unfinished files that are as an earlier run left them: nothing in them is right but what is recorded.
	settled []bool // by file; nil is none

	layersKept atomic.Bool // the catalog has all piece layers
}

// wants reports whether a file is wanted.
func (b *body) wants(file int) bool { return b.wanted == nil || b.wanted[file] }

func (o *object) theBody() *body {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.body
}

func (o *object) thePriorities() []catalog.Priority {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.priorities
}

func (o *object) theRecord() catalog.Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.record
}

// newObject makes the parts of an object that do not need its metadata. The loop does not know it before it is booked.
func (n *Node) newObject(r catalog.Record, patience time.Duration) *object {
	now := n.cfg.Now()
	o := &object{
		id: r.ID, record: r, seen: now, patience: patience,
		up: netx.NewLimiter(r.UpLimit), down: netx.NewLimiter(r.DownLimit),
		dirty: make(chan struct{}, 1),
	}
	o.life, o.end = context.WithCancel(n.life)
	o.swarm = swarm.New(now, swarm.Config{
		InfoHash: r.InfoHash, PeerID: n.peerID, Client: n.client(), Port: n.port(),
		MaxPeers: min(n.cfg.MaxPeers, maxObjectPeers), Seats: n.seats, Sequential: r.Sequential, Rand: newRand(), Wake: n.poke,
		Accept: n.acceptTold,
	})
	o.net = &bittorrent.Object{
		Hash: r.InfoHash, Swarm: o.swarm,
		Down: netx.Chain{n.down, o.down}, Up: netx.Chain{n.up, o.up},
		Failed: func(err error) { n.unreadable(o, err) },
	}
	return o
}

// acceptTold decides about an address that a peer has told of: offline, only what the user or the link names is dialled.
func (n *Node) acceptTold(a netip.AddrPort) bool {
	return !n.cfg.Offline && netx.AcceptPeer(netx.FromPublic, a, n.ListenAddrs())
}

// book enters an object into the node's books, in the place of another that has been halted if there is one.
func (n *Node) book(o, instead *object) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lastNum++
	o.num = n.lastNum
	at := len(n.objects)
	if instead != nil {
		at = n.strike(instead)
	}
	n.objects = slices.Insert(n.objects, at, o)
	r := o.theRecord()
	n.register(o, r.InfoHash)
	if r.Kind == catalog.Fetched && r.Name != "" {
		n.places[filepath.Join(r.Root, r.Name)] = o
	}
}

// register makes an object findable by its info-hashes. The caller holds n.mu.
func (n *Node) register(o *object, hash metainfo.InfoHash) {
	for _, name := range hash.Wire() {
		if n.byHash[name] == nil {
			n.byHash[name] = o
		}
	}
}

// unregister takes an object out of the node's books.
func (n *Node) unregister(o *object) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.strike(o)
}

// strike takes an object out of the node's books, and says where in the list it was. The caller holds n.mu.
func (n *Node) strike(o *object) int {
	maps.DeleteFunc(n.byHash, func(_ [20]byte, x *object) bool { return x == o })
	maps.DeleteFunc(n.places, func(_ string, x *object) bool { return x == o })
	at := slices.Index(n.objects, o)
	if at < 0 {
		return len(n.objects)
	}
	n.objects = slices.Delete(n.objects, at, at+1)
	return at
}

// holds reports whether an object is in the node's books.
func (n *Node) holds(o *object) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Contains(n.objects, o)
}

// all lists the objects in the order they were added.
func (n *Node) all() []*object {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.objects)
}

// holding is the object that has one of the info-hashes, if there is one.
func (n *Node) holding(hash metainfo.InfoHash) *object {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, name := range hash.Wire() {
		if o := n.byHash[name]; o != nil {
			return o
		}
	}
	return nil
}

// update changes an object's record, in the catalog and in memory. Whoever looks at the record meanwhile does not wait for
// the disk.
func (n *Node) update(ctx context.Context, o *object, change func(*catalog.Record)) error {
	o.recording.Lock()
	defer o.recording.Unlock()
	if err := n.catalog.Update(ctx, o.id, change); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.record)
	return nil
}

// run starts work for an object; false if it has been halted.
func (n *Node) run(o *object, f func()) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.over {
		o.work.Go(func() { n.guarded(o, f) })
	}
	return !o.over
}

// guarded does something for an object and contains its panic: the object fails, the node goes on (promise 4.8).
func (n *Node) guarded(o *object, f func()) {
	defer func() {
		if r := recover(); r != nil {
			n.panicked(r)
			o.swarm.Stop(swarm.Failed, &Error{"internal", "an internal error stopped this object", "restart potluck, and report what the log says", ExitFailed, nil})
		}
	}()
	f()
}

// halt ends everything that runs for an object, and returns when nothing does any more.
func (n *Node) halt(o *object) {
	o.mu.Lock()
	o.over = true
	o.mu.Unlock()
	o.swarm.Stop(swarm.Paused, nil)
	o.end()
	o.net.Close()
	o.work.Wait()
	if b := o.theBody(); b != nil && b.intake != nil {
		b.intake.Close()
	}
}

// fail stops an object for a reason of ours, the disk's or the content's.
func (n *Node) fail(o *object, state swarm.State, err error) {
	if o.life.Err() != nil {
		return // it was told to end, and this is how it did
	}
	e := explain(err)
	n.cfg.Log.Warn("object stopped", "id", o.id, "state", state, "why", e.Message)
	o.swarm.Stop(state, e)
	o.silence()
	if err := n.update(context.Background(), o, func(r *catalog.Record) {
		r.State, r.Error = catalog.State(state), e.Message
	}); err != nil {
		n.cfg.Log.Warn("cannot record the state", "id", o.id, "err", err)
	}
	n.poke()
}
