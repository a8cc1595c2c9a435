package intake

import "sync"

// Pool is the workers that hash and write, shared by all objects. Each has one small buffer for pieces that are read back.
type Pool struct {
	jobs    chan func(*scratch)
	workers sync.WaitGroup
	panics  func(any)
	hand    func(job func()) // instead of the workers
}

// NewPool starts n workers. onPanic is told of a panic in a job, which ends the job but not the worker (promise 4.8).
func NewPool(n int, onPanic func(any)) *Pool {
	p := &Pool{jobs: make(chan func(*scratch), n), panics: onPanic}
	for range n {
		p.workers.Go(p.run)
	}
	return p
}

// NewPoolBy makes a pool without workers: hand is given each job, to have it done once, one at a time. A simulation decides
// so when a piece is checked.
func NewPoolBy(hand func(job func())) *Pool { return &Pool{hand: hand} }

func (p *Pool) run() {
	var s scratch
	for job := range p.jobs {
		p.guarded(job, &s)
	}
}

func (p *Pool) guarded(job func(*scratch), s *scratch) {
	defer func() {
		if r := recover(); r != nil {
			p.panics(r)
		}
	}()
	job(s)
}

// do queues a job; it waits while all workers are busy and as many jobs wait.
func (p *Pool) do(job func(*scratch)) {
	if p.hand != nil {
		p.hand(func() { job(&scratch{}) })
		return
	}
	p.jobs <- job
}

// Close waits until all queued jobs are done and ends the workers. Nothing may be queued after it.
func (p *Pool) Close() {
	if p.hand != nil {
		return
	}
	close(p.jobs)
	p.workers.Wait()
}
