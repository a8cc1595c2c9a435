package dht

import (
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/lookup"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

const (
	// maxWalks is how many look-ups are under way at a time; the others wait.
	maxWalks = 16
	// maxWaiting bounds those that wait.
	maxWaiting = 4096
	// seedCount is how many nodes a look-up begins with: eight for each of its paths.
	seedCount = 32
	// retries is how often a query of a look-up that somebody wants, and what is to be written, is sent again. BEP 5 has "no
	// retry", but then a lossy line finds half of what is there.
	retries = 1
)

// A task is what a look-up is made for.
type task interface {
	// query is what every node on the way is asked.
	query(target krpc.ID) krpc.Query
	// heard gets what a node on the way answers, and reports whether it can be true.
	heard(from krpc.Node, r *krpc.Response) (ok bool)
	// arrived gets the nodes nearest to the target and says what to send them; it is asked again once all that is settled.
	// Nothing more to send ends the walk.
	arrived(target krpc.ID, closest []krpc.Node) []message
	// settled gets what came of a message of arrived: r and refusal are nil if there was no answer. It reports as heard does.
	settled(to krpc.Node, r *krpc.Response, refusal *krpc.Error) (ok bool)
	// ended tells that the walk is over; answered is how many nodes answered on the way.
	ended(now time.Time, s *side, answered int)
}

// message is a query for one node.
type message struct {
	to    krpc.Node
	query krpc.Query
}

// urgency is in which order look-ups begin.
type urgency uint8

const (
	upkeep   urgency = iota // of the table
	wanted                  // by somebody
	entering                // what the others need
)

// walk is a look-up under way, and what follows when it has arrived.
type walk struct {
	side     *side
	target   krpc.ID
	task     task
	urgency  urgency
	seeds    []krpc.Node
	lookup   *lookup.Lookup // nil: not begun
	answers  int
	writing  bool
	awaited  int // messages that are not settled
	wake     time.Time
	finished bool
}

// walks are the look-ups under way, and those that wait.
type walks struct {
	running []*walk
	waiting [entering + 1][]*walk // by urgency, the oldest first
}

// walk begins a look-up, now or when others are done. Without seeds it begins with what the table has; entering has both.
func (n *Node) walk(now time.Time, s *side, target krpc.ID, t task, u urgency, seeds []krpc.Node) {
	if len(n.walks.waiting[u]) >= maxWaiting {
		t.ended(now, s, 0)
		return
	}
	n.walks.waiting[u] = append(n.walks.waiting[u], &walk{side: s, target: target, task: t, urgency: u, seeds: seeds})
	n.startWalks(now)
}

// startWalks begins as many look-ups as may be under way, the urgent ones first.
func (n *Node) startWalks(now time.Time) {
	for u := range n.walks.waiting {
		queue := &n.walks.waiting[int(entering)-u]
		for i := 0; i < len(*queue) && len(n.walks.running) < maxWalks; {
			w := (*queue)[i]
			if w.mustWait() {
				i++
				continue
			}
			*queue = slices.Delete(*queue, i, i+1)
			n.walks.running = append(n.walks.running, w)
			n.begin(w)
			n.step(now, w)
		}
	}
}

// mustWait reports whether a look-up would find little: we do not know our neighbours yet.
func (w *walk) mustWait() bool {
	state := w.side.entry.state
	return w.urgency != entering && len(w.seeds) == 0 && (state == Contacting || state == Joining)
}

func (n *Node) begin(w *walk) {
	opt := lookup.Options{Self: w.side.id, Rand: n.rng, Nodes: w.side.density.Nodes()}
	if w.urgency == upkeep {
		opt.Paths, opt.Nodes = 1, 0
	}
	seeds := w.seeds
	if len(seeds) == 0 || w.urgency == entering {
		seeds = append(w.side.table.Seeds(w.target, seedCount), seeds...)
	}
	w.lookup = lookup.New(w.target, opt, seeds)
}

// step asks whom the look-up wants asked, and goes on once it has arrived.
func (n *Node) step(now time.Time, w *walk) {
	again := retries
	if w.urgency == upkeep {
		again = 0
	}
	for !w.writing {
		ask, done := w.lookup.Next(now)
		for _, to := range ask {
			n.ask(now, w.side, to, w.task.query(w.target), onTheWay{w}, again)
		}
		if !done {
			w.wake = w.lookup.Wake(now)
			return
		}
		if len(ask) == 0 {
			w.writing = true
			w.side.density.Observe(w.target, w.lookup.Closest())
		}
	}
	w.wake = time.Time{}
	for w.awaited == 0 && !w.finished {
		messages := w.task.arrived(w.target, w.lookup.Closest())
		w.awaited = len(messages)
		for _, m := range messages {
			n.ask(now, w.side, m.to, m.query, atTheGoal{w}, retries)
		}
		if len(messages) == 0 {
			w.finished = true
			w.task.ended(now, w.side, w.answers)
		}
	}
}

// advanceWalks goes on with the walks that have waited long enough for somebody, drops those that are over and begins others.
func (n *Node) advanceWalks(now time.Time) {
	for _, w := range slices.Clone(n.walks.running) {
		if !w.wake.IsZero() && !now.Before(w.wake) {
			n.step(now, w)
		}
	}
	n.walks.running = slices.DeleteFunc(n.walks.running, func(w *walk) bool { return w.finished })
	n.startWalks(now)
}

// onTheWay is why a node is asked that a look-up wants asked.
type onTheWay struct{ walk *walk }

func (p onTheWay) answered(n *Node, now time.Time, from krpc.Node, r *krpc.Response) {
	p.walk.answers++
	if !p.walk.task.heard(from, r) {
		n.refuse(WrongItem)
	}
	p.walk.lookup.Answered(now, from, p.walk.side.nodesOf(r))
	n.step(now, p.walk)
}

func (p onTheWay) failed(n *Node, now time.Time, to krpc.Node, _ *krpc.Error) {
	p.walk.lookup.Failed(now, to)
	n.step(now, p.walk)
}

// atTheGoal is why a node near the target is asked.
type atTheGoal struct{ walk *walk }

func (p atTheGoal) answered(n *Node, now time.Time, from krpc.Node, r *krpc.Response) {
	p.walk.awaited--
	if !p.walk.task.settled(from, r, nil) {
		n.refuse(WrongItem)
	}
	n.step(now, p.walk)
}

func (p atTheGoal) failed(n *Node, now time.Time, to krpc.Node, refusal *krpc.Error) {
	p.walk.awaited--
	p.walk.task.settled(to, nil, refusal)
	n.step(now, p.walk)
}

// refresh is a look-up for the table's sake: whoever answers enters it.
type refresh struct {
	joins bool // it looks up our own ID
}

func (*refresh) query(target krpc.ID) krpc.Query {
	return krpc.Query{Method: krpc.FindNode, Target: target}
}

func (*refresh) heard(krpc.Node, *krpc.Response) bool { return true }

func (*refresh) arrived(krpc.ID, []krpc.Node) []message { return nil }

func (*refresh) settled(krpc.Node, *krpc.Response, *krpc.Error) bool { return true }

func (r *refresh) ended(now time.Time, s *side, answered int) {
	if r.joins {
		s.entry.entered(now, answered)
	}
}
