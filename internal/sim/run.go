package sim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// run is one life of potluck on a node: what is in memory, and lost when it ends.
type run struct {
	n      *node
	swarm  *swarm.Swarm
	choker *choker.Choker
	store  *store.Store
	body   *body // once the metadata is known
	ends   []*end
	jobs   []func() // pieces handed over to be checked
	woken  bool     // attend is about to be called
	dirty  bool     // persist is about to be called
	halted bool
	over   bool
}

// haltedFor is how long a user takes to make room on a full disk.
const haltedFor = 10 * time.Second

// theObject is the number of a node's one object at its choker.
const theObject = 1

func newRun(n *node) *run {
	w := n.w
	r := &run{n: n, store: store.New(n.faults, store.Options{Now: n.clock})}
	r.choker = choker.New(choker.Config{Slots: n.plan.Slots, Rand: generator(w.plan.Seed, 1000*n.runs+3*n.i)})
	r.swarm = swarm.New(w.now, swarm.Config{
		InfoHash: w.object.info.Hash, PeerID: n.peerID, Client: "sim", Port: n.addr.Port(), MaxPeers: n.plan.MaxPeers, Sequential: n.plan.InOrder,
		SuperSeeding: n.plan.Super, LargeRequests: n.plan.Runs,
		Rand: generator(w.plan.Seed, 1000*n.runs+3*n.i+1), Wake: r.wake,
	})
	return r
}

// hash is the info-hash as the node knows it.
func (r *run) hash() metainfo.InfoHash { return r.n.w.object.info.Hash }

// begin takes the object up from the catalog and the disk.
func (r *run) begin() {
	if r.n.book.info != nil {
		if err := r.open(); err != nil {
			r.n.w.fail("node %d cannot take up its object: %v", r.n.i, err)
			return
		}
	}
	if r.over {
		return
	}
	r.beat()
	r.round()
	r.announce()
	r.keepBooks()
}

// does plans something that the run does later, if it still lives then.
func (r *run) does(d time.Duration, do func()) {
	r.n.w.after(d, func() {
		if !r.over {
			do()
		}
	})
}

// wake has the control loop look soon.
func (r *run) wake() {
	if r.woken || r.over {
		return
	}
	r.woken = true
	r.does(0, func() {
		r.woken = false
		r.attend()
	})
}

// attend takes the swarm's news, and dials whom it wants.
func (r *run) attend() {
	f := r.swarm.TakeFacts()
	for _, a := range f.Accused {
		r.n.w.judge.accused(r, a)
	}
	if f.Metadata != nil {
		r.n.book.info = f.Metadata
		if err := r.open(); err != nil {
			r.n.w.fail("node %d cannot open what it got metadata of: %v", r.n.i, err)
			return
		}
	}
	if f.Layers {
		r.n.book.layers = r.body.hashes.Layers()
	}
	if f.Complete {
		r.markDirty()
	}
	if f.SomeoneToServe {
		r.grant(r.choker.Grant(r.n.w.now, r.swarm.Applicants(r.n.w.now, theObject, nil)))
	}
	for !r.over {
		addr, try, ok := r.swarm.NextDial(r.n.w.now)
		if !ok {
			return
		}
		r.n.w.dial(r, addr, try)
	}
}

// beat looks at everything, news or not.
func (r *run) beat() {
	r.attend()
	if r.over {
		return
	}
	r.swarm.Beat(r.n.w.now)
	r.does(scheduler.Retry, r.beat)
}

// round is one of the choker.
func (r *run) round() {
	w := r.n.w
	r.grant(r.choker.Run(w.now, r.swarm.Applicants(w.now, theObject, nil)))
	r.does(r.choker.Next().Sub(w.now), r.round)
}

func (r *run) grant(set choker.Set) {
	r.swarm.Grant(r.n.w.now, func(id swarm.PeerID) bool { return set.Has(theObject, uint64(id)) })
}

// tracker knows who is there, and who was until not long ago.
type tracker struct {
	list []visitor
}

type visitor struct {
	addr netip.AddrPort
	last time.Time
}

const (
	announceEvery  = 30 * time.Second
	announceAnswer = 200 * time.Millisecond
	forgottenAfter = 3 * time.Minute
	addressesGiven = 30
)

// announce tells the tracker of this node, and takes some addresses from it; its own may be among them.
func (r *run) announce() {
	w := r.n.w
	t := &w.tracker
	if i := slices.IndexFunc(t.list, func(v visitor) bool { return v.addr == r.n.addr }); i >= 0 {
		t.list[i].last = w.now
	} else {
		t.list = append(t.list, visitor{r.n.addr, w.now})
	}
	t.list = slices.DeleteFunc(t.list, func(v visitor) bool { return w.now.Sub(v.last) > forgottenAfter })
	var found []netip.AddrPort
	for _, i := range w.rng.Perm(len(t.list))[:min(addressesGiven, len(t.list))] {
		found = append(found, t.list[i].addr)
	}
	r.does(announceAnswer, func() { r.swarm.Found(swarm.FromTracker, found...) })
	r.does(announceEvery, r.announce)
}

// cease ends the run at once: nothing is put in order.
func (r *run) cease(cause error) {
	r.over = true
	add(&r.n.before, r.swarm.Snapshot(r.n.w.now))
	for len(r.ends) > 0 {
		r.ends[0].hangUp(cause)
	}
	r.jobs = nil
}

// halt is what follows an error of the disk: the object stops, and is taken up anew when its user has seen to it.
func (r *run) halt(err error) {
	if r.over || r.halted {
		return
	}
	n := r.n
	n.w.notef(n.i, "halts: %v", err)
	n.w.judge.halted(r, err)
	r.halted = true
	r.swarm.Stop(swarm.Failed, err)
	r.does(haltedFor, func() {
		r.settle()
		n.run = nil
		n.faults.SetSpace(diskFull)
		n.resume()
	})
}

// settle ends the run in good order.
func (r *run) settle() {
	for len(r.jobs) > 0 {
		r.work()
	}
	r.cease(errShutDown)
	if r.body != nil {
		r.preserve()
	}
}

// queue is the intake's pool: a piece is checked some time after it was handed over.
func (r *run) queue(job func()) {
	r.jobs = append(r.jobs, job)
	r.does(time.Duration(1+r.n.rng.IntN(20))*time.Millisecond, r.work)
}

// work does the oldest job.
func (r *run) work() {
	if len(r.jobs) == 0 {
		return
	}
	job := r.jobs[0]
	r.jobs = r.jobs[1:]
	job()
}
