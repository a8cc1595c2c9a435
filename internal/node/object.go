package node

import (
	"context"
	"sync"
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

	mu         sync.Mutex
	record     catalog.Record // as in the catalog, but for the byte counts
	body       *body
	announcing announcing
	seen       time.Time // when a source was last seen; patience counts from here
	patience   time.Duration
	unsynced   int64
	shown      swarm.State // the state last published
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
}

// wants reports whether a file is wanted.
func (b *body) wants(file int) bool { return b.wanted == nil || b.wanted[file] }

func (o *object) theBody() *body {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.body
}

func (o *object) theRecord() catalog.Record {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.record
}

// newObject makes the parts of an object that do not need its metadata, and registers it.
func (n *Node) newObject(r catalog.Record) *object {
	now := n.cfg.Now()
	o := &object{
		id: r.ID, record: r, seen: now,
		up: netx.NewLimiter(r.UpLimit), down: netx.NewLimiter(r.DownLimit),
		dirty: make(chan struct{}, 1),
	}
	o.life, o.end = context.WithCancel(n.life)
	o.swarm = swarm.New(now, swarm.Config{
		InfoHash: r.InfoHash, PeerID: n.peerID, Client: n.client(), Port: n.port(),
		MaxPeers: n.cfg.MaxPeers, Sequential: r.Sequential, Rand: newRand(), Wake: n.poke,
	})
	o.net = &bittorrent.Object{
		Hash: r.InfoHash, Swarm: o.swarm,
		Down: netx.Chain{n.down, o.down}, Up: netx.Chain{n.up, o.up},
		Failed: func(err error) { n.unreadable(o, err) },
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lastNum++
	o.num = n.lastNum
	n.objects = append(n.objects, o)
	n.register(o, r.InfoHash)
	return o
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
	for name, x := range n.byHash {
		if x == o {
			delete(n.byHash, name)
		}
	}
	for i, x := range n.objects {
		if x == o {
			n.objects = append(n.objects[:i], n.objects[i+1:]...)
			break
		}
	}
}

// all lists the objects in the order they were added.
func (n *Node) all() []*object {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*object(nil), n.objects...)
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

// update changes an object's record, in the catalog and in memory.
func (n *Node) update(ctx context.Context, o *object, change func(*catalog.Record)) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := n.catalog.Update(ctx, o.id, change); err != nil {
		return err
	}
	change(&o.record)
	return nil
}

// run starts work for an object, which contains its panic: the object fails, the node goes on (promise 4.8).
func (n *Node) run(o *object, f func()) {
	o.work.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				n.panicked(r)
				o.swarm.Stop(swarm.Failed, &Error{"internal", "an internal error stopped this object", "restart potluck, and report what the log says", ExitFailed, nil})
			}
		}()
		f()
	})
}

// fail stops an object for a reason of ours, the disk's or the content's.
func (n *Node) fail(o *object, state swarm.State, err error) {
	e := explain(err)
	n.cfg.Log.Warn("object stopped", "id", o.id, "state", state, "why", e.Message)
	o.swarm.Stop(state, e)
	if err := n.update(context.Background(), o, func(r *catalog.Record) {
		r.State, r.Error = catalog.State(state), e.Message
	}); err != nil {
		n.cfg.Log.Warn("cannot record the state", "id", o.id, "err", err)
	}
	n.poke()
}
