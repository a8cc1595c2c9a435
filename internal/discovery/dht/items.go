package dht

import (
	"context"
	"errors"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Errors of items.
var (
	ErrNotFound = errors.New("no node of the DHT has it")
	ErrNotTaken = errors.New("no node of the DHT took it")
	errEnded    = errors.New("the DHT is not running")
)

// waiter waits until something is done that our nodes do.
type waiter struct {
	done func() bool
	over chan struct{}
}

// await begins something at every node, under the lock, and waits until it is done, or the context or the runner ends.
func (r *Runner) await(ctx context.Context, begin func(now time.Time) (done func() bool)) error {
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return errEnded
	}
	w := &waiter{done: begin(time.Now()), over: make(chan struct{})}
	r.waiting = append(r.waiting, w)
	r.mu.Unlock()
	r.nudge()
	select {
	case <-w.over:
	case <-ctx.Done():
		return ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !w.done() {
		return errEnded
	}
	return nil
}

// settle lets go of those whose waiting is over.
func (r *Runner) settle() {
	still := r.waiting[:0]
	for _, w := range r.waiting {
		if w.done() {
			close(w.over)
		} else {
			still = append(still, w)
		}
	}
	clear(r.waiting[len(still):])
	r.waiting = still
}

// Get finds the newest item of a publisher's key and a salt (BEP 44). Nothing is ErrNotFound.
func (r *Runner) Get(ctx context.Context, key, salt []byte) (krpc.Item, error) {
	var searches []*dht.ItemSearch
	err := r.await(ctx, func(now time.Time) func() bool {
		for _, m := range r.members {
			searches = append(searches, m.node.GetMutable(now, key, salt, nil))
		}
		return allDone(searches)
	})
	if err != nil {
		return krpc.Item{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	best, ok := newest(searches)
	if !ok {
		return krpc.Item{}, ErrNotFound
	}
	return best, nil
}

// Put stores an item at the nodes nearest to its target, and returns how many took it. A newer item that is met on the way is
// returned and nothing is stored: somebody else publishes with the same key. That nobody took it is ErrNotTaken.
func (r *Runner) Put(ctx context.Context, item krpc.Item) (taken int, newer *krpc.Item, err error) {
	var searches []*dht.ItemSearch
	var refused error
	err = r.await(ctx, func(now time.Time) func() bool {
		for _, m := range r.members {
			s, err := m.node.Put(now, item, nil)
			if err != nil {
				refused = err
				break
			}
			searches = append(searches, s)
		}
		return allDone(searches)
	})
	if err = errors.Join(refused, err); err != nil {
		return 0, nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range searches {
		taken += s.Written()
	}
	if best, ok := newest(searches); ok && best.Seq > item.Seq {
		return taken, &best, nil
	}
	if taken == 0 {
		return 0, nil, ErrNotTaken
	}
	return taken, nil, nil
}

func allDone(searches []*dht.ItemSearch) func() bool {
	return func() bool {
		for _, s := range searches {
			if !s.Done() {
				return false
			}
		}
		return true
	}
}

func newest(searches []*dht.ItemSearch) (best krpc.Item, ok bool) {
	for _, s := range searches {
		if it, found := s.Best(); found && (!ok || it.Seq > best.Seq) {
			best, ok = it, true
		}
	}
	return best, ok
}
