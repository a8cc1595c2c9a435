package tracker

import (
	"context"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"
	"time"
)

// farewell bounds how long a good-bye may take, and so the end of a program.
const farewell = 3 * time.Second

// Runner announces objects for as long as each wants it. An object at rest is a deadline in a heap: neither goroutine nor timer.
// It is safe for concurrent use.
type Runner struct {
	client *Client
	rng    *rand.Rand
	mail   mail
	asking sync.WaitGroup

	mu        sync.Mutex
	over      bool // nothing is announced any more
	deadlines deadlines
}

// NewRunner makes a runner; nothing happens before Run. Rand is used by the runner alone.
func NewRunner(c *Client, rng *rand.Rand) *Runner {
	return &Runner{client: c, rng: rng, mail: mail{wake: make(chan struct{}, 1)}}
}

// Announce announces an object according to a plan from now on, instead of what was announced before. Trackers never hear last
// that it left: a good-bye that is under way is waited for, and who is announced now gets none.
func (r *Runner) Announce(o *Announced, p Plan) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over || o.retired {
		return
	}
	o.plan, o.active = &p, true
	r.mail.post(o, nil)
}

// Silence ends the announcing of an object: the trackers that know it are told good-bye, for 3 s at most.
func (r *Runner) Silence(o *Announced) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silence(o)
}

func (r *Runner) silence(o *Announced) {
	o.plan, o.leaves = nil, true
	if o.active {
		r.mail.post(o, nil)
	}
}

// Retire is Silence for good. It returns when nothing of the object's task is called any more.
func (r *Runner) Retire(o *Announced) {
	r.mu.Lock()
	r.silence(o)
	o.retired = true
	if o.gone == nil {
		o.gone = make(chan struct{})
		if !o.active {
			close(o.gone)
		}
	}
	gone := o.gone
	r.mu.Unlock()
	<-gone
}

// Wake makes the runner look at an object's facts again: it is complete, or has got hungry.
func (r *Runner) Wake(o *Announced) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.active {
		r.mail.post(o, nil)
	}
}

// Status tells how each tracker of an object is doing; nil while it is not announced.
func (r *Runner) Status(o *Announced) []Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case o.plan != nil:
		return Unasked(o.plan.Tiers)
	case o.phase == announcing && !o.leaves:
		return o.core.Status()
	}
	return nil
}

// Run announces until ctx ends, and then says good-bye for all objects, which takes 3 s at most. Nothing is announced after it.
func (r *Runner) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	under := context.WithoutCancel(ctx) // announces are cancelled one by one
	ended := ctx.Done()
	for {
		for o, news := range r.mail.take() {
			r.look(under, o, news)
		}
		for o := r.due(); o != nil; o = r.due() {
			r.look(under, o, nil)
		}
		next, some := r.next()
		if !some && ended == nil {
			break
		}
		timer.Reset(time.Until(next))
		select {
		case <-timer.C:
		case <-r.mail.wake:
		case <-ended:
			ended = nil
			r.end()
		}
	}
	r.asking.Wait()
}

// end silences all objects.
func (r *Runner) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	for _, o := range r.deadlines {
		r.silence(o)
	}
}

// due is an object whose time has come, nil if there is none.
func (r *Runner) due() *Announced {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.deadlines) == 0 || r.deadlines[0].at.After(time.Now()) {
		return nil
	}
	return r.deadlines[0]
}

// next is when the next object is due, if there are any that are announced.
func (r *Runner) next() (at time.Time, some bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.deadlines) == 0 {
		return time.Now().Add(never), false
	}
	return r.deadlines[0].at, true
}

// look takes care of one object: of news of its announces, of what its user wants, and of what is due.
func (r *Runner) look(ctx context.Context, o *Announced, news []*announce) {
	if !r.isActive(o) {
		return
	}
	answered := r.hear(o, news)
	whole := false
	o.task.Guarded(func() {
		stats := o.task.Stats()
		for _, a := range answered {
			if r.done(o, a) {
				o.pass(a, stats)
			}
		}
		for _, job := range r.decide(time.Now(), o, stats) {
			r.queue(o, job)
		}
		for _, a := range o.underway {
			if a.state == begun {
				r.ask(ctx, o, a, stats)
			}
		}
		whole = true
	})
	r.rest(o, whole)
}

// isActive reports whether there is anything to do with an object.
func (r *Runner) isActive(o *Announced) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return o.active
}

// hear takes the news of announces, and returns those that are over.
func (r *Runner) hear(o *Announced, news []*announce) (answered []*announce) {
	for _, a := range news {
		switch {
		case a.state == asking:
			a.cancel()
			o.strike(a)
			answered = append(answered, a)
		case a.unwanted:
			r.client.lines.leave(a.place)
			o.strike(a)
		default:
			a.state = begun
		}
	}
	return answered
}

// done tells an object's core how an announce ended; not if it was cancelled, so that its tracker hears a good-bye. It reports
// whether the answer counts.
func (r *Runner) done(o *Announced, a *announce) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if o.phase != announcing {
		return false
	}
	o.core.Done(time.Now(), a.job, a.resp, a.err)
	return a.err == nil
}

// decide returns the announces to be made for an object.
func (r *Runner) decide(now time.Time, o *Announced, s Stats) []Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		o.plan, o.leaves = nil, true
	}
	if goodbyes := r.depart(now, o); len(goodbyes) > 0 {
		return goodbyes
	}
	if o.phase == quiet {
		o.leaves = false
		if o.plan != nil {
			o.core, o.phase, o.lacks, o.plan = NewAnnouncer(*o.plan, r.rng), announcing, s.Left > 0, nil
		}
	}
	if o.phase != announcing {
		return nil
	}
	if o.lacks && s.Left == 0 {
		o.core.Completed(now)
	}
	o.lacks = s.Left > 0
	o.core.SetPartial(now, s.Partial)
	o.core.SetHungry(s.Hungry)
	return o.core.Due(now)
}

// depart brings what is announced to its end, if it is to have one: first nothing more is under way, then good-byes are.
func (r *Runner) depart(now time.Time, o *Announced) (goodbyes []Job) {
	switch {
	case o.phase == announcing && (o.leaves || o.plan != nil):
		o.phase = ending
		r.drop(o)
	case o.phase == leaving && !now.Before(o.until):
		o.until = now.Add(never)
		r.drop(o)
	}
	if len(o.underway) > 0 || o.phase == announcing || o.phase == quiet {
		return nil
	}
	if o.phase == ending && o.leaves {
		goodbyes = o.core.Stop()
	}
	if o.leaves = false; len(goodbyes) == 0 {
		o.phase, o.core = quiet, nil
	} else {
		o.phase, o.until = leaving, now.Add(farewell)
	}
	return goodbyes
}

// drop ends the announces of an object: those that wait in line are withdrawn, the others cancelled.
func (r *Runner) drop(o *Announced) {
	for _, a := range slices.Clone(o.underway) {
		if a.state == asking {
			a.cancel()
			continue
		}
		o.core.Withdraw(a.job)
		switch {
		case a.state == begun:
			r.client.lines.leave(a.place)
			o.strike(a)
		case r.client.lines.withdraw(a.place):
			o.strike(a)
		default:
			a.unwanted = true // word that it may begin is on its way
		}
	}
}

// queue puts an announce into the line of its host.
func (r *Runner) queue(o *Announced, job Job) {
	host := "" // of those that are refused without being asked
	if u, err := url.Parse(job.Server.URL); err == nil {
		host = u.Host
	}
	a := &announce{job: job}
	o.underway = append(o.underway, a)
	a.place = r.client.lines.join(host, func() { r.mail.post(o, a) })
}

// ask makes an announce that may begin.
func (r *Runner) ask(ctx context.Context, o *Announced, a *announce, s Stats) {
	ctx, a.cancel = context.WithCancel(ctx)
	a.state = asking
	req := o.request(a.job, s)
	r.asking.Go(func() {
		a.resp, a.err = r.client.Announce(ctx, req)
		r.client.lines.leave(a.place)
		r.mail.post(o, a)
	})
}

// rest lets go of an object until something happens or is due. One that was not taken care of as a whole, since its task or core
// panicked, is not announced any more.
func (r *Runner) rest(o *Announced, whole bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !whole {
		o.plan, o.leaves = nil, false
		if o.phase != quiet {
			o.phase = ending
			r.drop(o)
		}
		if len(o.underway) == 0 {
			o.phase, o.core = quiet, nil
		}
	}
	if o.phase != quiet || o.plan != nil {
		r.deadlines.set(o, o.next(time.Now()))
		return
	}
	r.deadlines.remove(o)
	o.active, o.leaves = false, false
	if o.gone != nil {
		close(o.gone)
	}
}
