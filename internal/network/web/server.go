package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

const (
	// maxFailures is how many times in a row a server may fail before it is dropped.
	maxFailures = 5
	// A server that failed is left alone for firstRest, then for twice as long each time, up to longestRest.
	firstRest   = time.Second
	longestRest = 5 * time.Minute
	// stopped is how long to wait before looking again whether an object that has stopped goes on.
	stopped = time.Second
)

// server is one web seed of one object.
type server struct {
	sh    *Shell
	o     *Object
	at    *addresses
	guard urls.Guard
	// lacks are the files that it has been found not to have.
	lacks    map[int]bool
	failures int
	// whole is nil until it has shown that it gives files only as a whole.
	whole *whole
}

// serve asks one server until the context ends or it is dropped.
func (sh *Shell) serve(ctx context.Context, o *Object, url string) {
	v := &server{sh: sh, o: o, guard: urls.Guard{Purpose: urls.ForWebSeed, Trusted: o.Trusted}, lacks: make(map[int]bool)}
	var err error
	if v.at, err = locate(v.guard, url, o.Info); err != nil {
		o.Dropped("a web seed", err)
		return
	}
	for {
		err := v.round(ctx)
		if ctx.Err() != nil {
			return
		}
		if v.hopeless(err) {
			if errors.Is(err, swarm.ErrBanned) {
				err = errWrong
			}
			o.Dropped(v.at.name, err)
			return
		}
		if v.failures > 0 && !errors.Is(err, swarm.ErrNotMoving) {
			o.Failing(v.at.name, err)
		}
		if netx.Pause(ctx, v.rest(err)) != nil {
			return
		}
	}
}

// hopeless reports whether a server is not to be asked again after a round that ended so.
func (v *server) hopeless(err error) bool {
	var refused *urls.Error
	switch {
	case errors.Is(err, swarm.ErrBanned), errors.Is(err, errPanicked), errors.As(err, &refused):
		return true
	case errors.Is(err, swarm.ErrNotMoving):
		return false
	case errors.Is(err, errNoRanges):
		v.whole = newWhole(v.o.Layout.Pieces())
		return false
	}
	var absent *absentError
	if errors.As(err, &absent) {
		v.lacks[absent.file] = true
		if !v.hasAny() {
			return true
		}
	}
	v.failures++
	return v.failures >= maxFailures
}

// hasAny reports whether there is a file left that the server may have.
func (v *server) hasAny() bool {
	for i, f := range v.o.Info.Files {
		if f.Size > 0 && !v.lacks[i] {
			return true
		}
	}
	return len(v.o.Info.Files) == 1 // its only one may come yet
}

// rest is how long a server is left alone.
func (v *server) rest(err error) time.Duration {
	if errors.Is(err, swarm.ErrNotMoving) {
		return stopped
	}
	return min(firstRest<<max(0, v.failures-1), longestRest)
}

// round is the server's time in the swarm, until it fails or is of no use. All that it was asked for is free after it.
func (v *server) round(ctx context.Context) error {
	among := perServer
	if v.whole != nil {
		among = 1
		v.whole.again()
	}
	wakes := make([]chan struct{}, among)
	for i := range wakes {
		wakes[i] = make(chan struct{}, 1)
	}
	id, err := v.o.Swarm.JoinSource(v.sh.cfg.Now(), swarm.JoiningSource{Name: v.at.name, Network: "web", Wake: func() {
		for _, w := range wakes {
			select {
			case w <- struct{}{}:
			default:
			}
		}
	}})
	if err != nil {
		return err
	}
	for file := range v.lacks {
		if len(v.o.Info.Files) > 1 {
			first, end := v.o.Layout.FilePieces(file)
			v.o.Swarm.LackUnits(id, first, end)
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		running sync.WaitGroup
		mu      sync.Mutex
		good    bool
	)
	for _, wake := range wakes {
		c := &caller{sh: v.sh, o: v.o, at: v.at, guard: v.guard, id: id, wake: wake, among: among, whole: v.whole}
		running.Go(func() {
			err := errPanicked
			v.sh.guarded(func() {
				err = c.work(ctx, func() {
					mu.Lock()
					good = true
					mu.Unlock()
				})
			})
			cancel(err)
		})
	}
	running.Wait()
	// Whoever failed first ended the others.
	err = context.Cause(ctx)
	v.o.Swarm.LeaveSource(v.sh.cfg.Now(), id)
	if good {
		v.failures = 0
	}
	if ours := new(oursError); errors.As(err, &ours) {
		return swarm.ErrNotMoving
	}
	return err
}

var errPanicked = errors.New("an internal error at it was contained")

// oursError is what went wrong on our side.
type oursError struct{ error }

// work calls, portion by portion, and waits when there is nothing to ask for.
func (c *caller) work(ctx context.Context, succeeded func()) error {
	defer c.hangUp()
	for {
		some, err := c.call(ctx)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return err
		case some:
			succeeded()
			continue
		}
		c.hangUp()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.wake:
		}
	}
}
