// Package news is what is seen of a node from outside: its objects as they are at one moment, and the events that tell when
// they change. A reader who is slow holds nobody up, and misses nothing but progress that is out of date.
package news

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
	EventReach    EventKind = "reach"    // it was found out whether others find it in the DHT
	EventAccused  EventKind = "accused"  // a peer sent bad data; Text names it
	EventRemoved  EventKind = "removed"
	EventNetwork  EventKind = "network" // of no object: the only way that may be taken is closed, or open again; Text says which
)

// Event is a change of an object.
type Event struct {
	Kind   EventKind
	Object Object
	Text   string
}

// Feed hands events to subscribers, each at its own pace. The zero Feed is ready for use.
type Feed struct {
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

// IsHeard reports whether somebody listens.
func (f *Feed) IsHeard() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.subs) > 0
}

// Publish hands an event to everybody who has subscribed. It never blocks: of what is not taken, progress of an object keeps the latest
// only, and beyond a backlog of 4096 the oldest is dropped.
func (f *Feed) Publish(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subs {
		s.put(e)
	}
}

// Subscribe returns a channel of all events from now on. It is closed when the context or life ends; running has what is behind it.
func (f *Feed) Subscribe(ctx, life context.Context, running *sync.WaitGroup) <-chan Event {
	s := &subscriber{news: make(chan struct{}, 1)}
	out := make(chan Event)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		close(out)
		return out
	}
	if f.subs == nil {
		f.subs = make(map[*subscriber]struct{})
	}
	f.subs[s] = struct{}{}
	running.Go(func() {
		defer close(out)
		defer f.drop(s)
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

func (f *Feed) drop(s *subscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subs, s)
}

// Close makes later subscriptions end at once.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
}
