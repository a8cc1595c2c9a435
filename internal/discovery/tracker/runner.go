package tracker

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

const (
	// farewell bounds how long the end of a program waits for trackers to hear of it.
	farewell = 3 * time.Second
	// maxAtOnce bounds the announces of one object that are under way.
	maxAtOnce = 50
	maxWant   = 200
)

// Task is what a runner announces.
type Task struct {
	Plan
	PeerID [20]byte
	// Key tells a tracker that announces from several addresses are of one client; nobody else may know it.
	Key  uint32
	Port func() uint16 // where we take peers
	Rand *rand.Rand    // used by the runner alone
	// Told is called when a tracker says what our address is (BEP 24), by the goroutine of Run; nil if nobody cares.
	Told func(tracker, own netip.Addr)
}

// Runner announces one object for as long as it is active.
type Runner struct {
	client *Client
	task   Task
	wake   chan struct{}

	mu        sync.Mutex
	announcer *Announcer
}

// NewRunner makes a runner; nothing happens before Run.
func NewRunner(c *Client, t Task) *Runner {
	return &Runner{client: c, task: t, wake: make(chan struct{}, 1), announcer: NewAnnouncer(t.Plan, t.Rand)}
}

// Wake makes the runner look at the facts again: the object is complete, or has got hungry.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Status tells how each tracker is doing.
func (r *Runner) Status() []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.announcer.Status()
}

// result is how a job ended.
type result struct {
	job  Job
	resp *Response
	err  error
}

// ErrReplaced is the cause of the end of a Run's context when another runner announces the same object from then on: nobody
// is told good-bye.
var ErrReplaced = errors.New("announced by another runner")

// Run announces until ctx ends, and then says good-bye, which takes 3 s at most. Facts are asked for before every
// announce; peers that may be dialled go to found. Both are called by the goroutine of Run only.
func (r *Runner) Run(ctx context.Context, facts func() Stats, found func([]netip.AddrPort)) {
	var (
		wg      sync.WaitGroup
		results = make(chan result)
		todo    []Job
		running int
		before  = facts()
	)
	for {
		now := time.Now()
		stats := facts()
		r.mu.Lock()
		if before.Left > 0 && stats.Left == 0 {
			r.announcer.Completed(now)
		}
		before = stats
		r.announcer.SetPartial(now, stats.Partial)
		r.announcer.SetHungry(stats.Hungry)
		todo = append(todo, r.announcer.Due(now)...)
		next := r.announcer.Next()
		r.mu.Unlock()

		for ; len(todo) > 0 && running < maxAtOnce; todo = todo[1:] {
			job := todo[0]
			running++
			wg.Go(func() {
				resp, err := r.client.Announce(ctx, r.request(job, stats))
				select {
				case results <- result{job, resp, err}:
				case <-ctx.Done():
				}
			})
		}

		timer := time.NewTimer(time.Until(next))
		expired := timer.C
		if next.IsZero() {
			expired = nil
		}
		select {
		case <-expired:
		case <-r.wake:
		case res := <-results:
			running--
			r.done(res, stats, found)
		case <-ctx.Done():
			timer.Stop()
			wg.Wait()
			if !errors.Is(context.Cause(ctx), ErrReplaced) {
				r.goodbye(ctx, facts())
			}
			return
		}
		timer.Stop()
	}
}

// done records a result and passes its peers on.
func (r *Runner) done(res result, stats Stats, found func([]netip.AddrPort)) {
	r.mu.Lock()
	r.announcer.Done(time.Now(), res.job, res.resp, res.err)
	r.mu.Unlock()
	if res.err != nil {
		return
	}
	var peers []netip.AddrPort
	for _, p := range res.resp.Peers {
		if netx.AcceptPeer(res.resp.From, p, stats.Own) {
			peers = append(peers, p)
		}
	}
	if len(peers) > 0 {
		found(peers)
	}
	if own := res.resp.ExternalIP; own.IsValid() && r.task.Told != nil {
		r.task.Told(res.resp.Tracker, own)
	}
}

// goodbye tells all trackers that know us that we leave.
func (r *Runner) goodbye(ctx context.Context, stats Stats) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	r.mu.Lock()
	jobs := r.announcer.Stop()
	r.mu.Unlock()
	var wg sync.WaitGroup
	for _, job := range jobs {
		wg.Go(func() {
			// Nothing is left to be done about an error.
			_, _ = r.client.Announce(ctx, r.request(job, stats))
		})
	}
	wg.Wait()
}

func (r *Runner) request(job Job, s Stats) Request {
	want := min(max(s.Want, 0), maxWant)
	if job.Event == wire.Stopped {
		want = 0
	}
	return Request{Server: job.Server, Family: job.Family, Announce: wire.Announce{
		InfoHash: job.Hash, PeerID: r.task.PeerID, Uploaded: s.Uploaded, Downloaded: s.Downloaded, Left: s.Left,
		Event: job.Event, NumWant: want, Key: r.task.Key, Port: r.task.Port(), TrackerID: job.TrackerID,
	}}
}
