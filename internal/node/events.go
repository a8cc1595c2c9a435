package node

import (
	"context"
	"sync"
)

// EventKind tells events apart.
type EventKind string

// The kinds of events.
const (
	EventAdded    EventKind = "added"    // an object was shared or accepted
	EventProgress EventKind = "progress" // bytes arrived, or rates changed; only the latest of an object is kept
	EventState    EventKind = "state"    // the state changed
	EventDone     EventKind = "done"     // every wanted byte is verified, durable and under its own name
	EventAccused  EventKind = "accused"  // a peer sent bad data; Text names it
	EventRemoved  EventKind = "removed"
)

// Event is a change of an object.
type Event struct {
	Kind   EventKind
	Object Object
	Text   string
}

// events hands news to subscribers, each at its own pace.
type events struct {
	mu     sync.Mutex
	subs   map[*subscriber]struct{}
	closed bool
}

// maxBacklog bounds what waits for one subscriber; beyond it the oldest is dropped.
const maxBacklog = 4096

type subscriber struct {
	mu      sync.Mutex
	backlog []Event
	news    chan struct{}
}

func (s *subscriber) put(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Kind == EventProgress {
		for i := range s.backlog {
			if s.backlog[i].Kind == EventProgress && s.backlog[i].Object.ID == e.Object.ID {
				s.backlog[i] = e
				return
			}
		}
	}
	if len(s.backlog) >= maxBacklog {
		s.backlog = s.backlog[1:]
	}
	s.backlog = append(s.backlog, e)
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *subscriber) take() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.backlog
	s.backlog = nil
	return b
}

// any reports whether somebody listens.
func (ev *events) any() bool {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	return len(ev.subs) > 0
}

func (ev *events) publish(e Event) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	for s := range ev.subs {
		s.put(e)
	}
}

// subscribe returns a channel of all news from now on. It is closed when the context or the node ends.
func (ev *events) subscribe(ctx, life context.Context, running *sync.WaitGroup) <-chan Event {
	s := &subscriber{news: make(chan struct{}, 1)}
	out := make(chan Event)
	ev.mu.Lock()
	defer ev.mu.Unlock()
	if ev.closed {
		close(out)
		return out
	}
	if ev.subs == nil {
		ev.subs = make(map[*subscriber]struct{})
	}
	ev.subs[s] = struct{}{}
	running.Go(func() {
		defer close(out)
		defer ev.drop(s)
		for {
			select {
			case <-ctx.Done():
				return
			case <-life.Done():
				return
			case <-s.news:
			}
			for _, e := range s.take() {
				select {
				case out <- e:
				case <-ctx.Done():
					return
				case <-life.Done():
					return
				}
			}
		}
	})
	return out
}

func (ev *events) drop(s *subscriber) {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	delete(ev.subs, s)
}

// close makes later subscriptions end at once.
func (ev *events) close() {
	ev.mu.Lock()
	defer ev.mu.Unlock()
	ev.closed = true
}
