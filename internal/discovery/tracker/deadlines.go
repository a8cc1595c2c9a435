package tracker

import (
	"container/heap"
	"iter"
	"sync"
	"time"
)

// deadlines is a heap of the objects that are announced: first what is due first.
type deadlines []*Announced

// set puts an object at its deadline, or moves it there.
func (d *deadlines) set(o *Announced, at time.Time) {
	o.at = at
	if o.index < 0 {
		heap.Push(d, o)
	} else {
		heap.Fix(d, o.index)
	}
}

func (d *deadlines) remove(o *Announced) {
	if o.index >= 0 {
		heap.Remove(d, o.index)
	}
}

func (d deadlines) Len() int { return len(d) }

func (d deadlines) Less(i, j int) bool { return d[i].at.Before(d[j].at) }

func (d deadlines) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i, j
}

// Push is heap.Interface's.
func (d *deadlines) Push(o any) {
	a := o.(*Announced)
	a.index = len(*d)
	*d = append(*d, a)
}

// Pop is heap.Interface's.
func (d *deadlines) Pop() any {
	last := len(*d) - 1
	o := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	o.index = -1
	return o
}

// mail is the objects that are to be looked at, with the news of their calls.
type mail struct {
	wake chan struct{}

	mu   sync.Mutex
	list []*Announced
}

// post has an object looked at; a is the call that may begin, or has ended, nil if there is none.
func (m *mail) post(o *Announced, a *announce) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a != nil {
		o.news = append(o.news, a)
	}
	if !o.posted {
		o.posted = true
		m.list = append(m.list, o)
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// take empties the mail.
func (m *mail) take() iter.Seq2[*Announced, []*announce] {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := m.list
	m.list = nil
	return func(yield func(*Announced, []*announce) bool) {
		for _, o := range list {
			m.mu.Lock()
			news := o.news
			o.posted, o.news = false, nil
			m.mu.Unlock()
			if !yield(o, news) {
				return
			}
		}
	}
}
