package store

import (
	"sync"
	"sync/atomic"

	"github.com/potluck-p2p/potluck/internal/vfs"
)

// cache bounds the number of open files of a store. Finding an open file takes no lock: a slot points to its handle,
// and a handle counts its users. Only opening and closing meet in the cache, which keeps the handles in a ring and
// gives each a second chance before it closes it.
type cache struct {
	limit int

	mu   sync.Mutex
	ring []*handle
	hand int
}

// slot is the place of one file of an object.
type slot struct {
	handle   atomic.Pointer[handle]
	identity atomic.Pointer[Identity] // of a file that is Whole
	looked   atomic.Int64             // when the path was last compared with the identity
	state    atomic.Uint32            // a FileState
}

// handle is an open file.
type handle struct {
	file   vfs.File
	slot   *slot
	device uint64
	closed func(error) // told the outcome of the close

	turn sync.Mutex // to write, for a slice

	users atomic.Int32 // plus one for the cache, until it lets go
	used  atomic.Bool  // since the hand of the clock last passed
	at    int          // in the ring, under the cache's lock; -1 when not in it
}

// acquire takes the slot's open file into use; nil if there is none.
func (s *slot) acquire() *handle {
	h := s.handle.Load()
	if h == nil {
		return nil
	}
	for {
		n := h.users.Load()
		if n == 0 {
			return nil // closed since we looked
		}
		if h.users.CompareAndSwap(n, n+1) {
			break
		}
	}
	if !h.used.Load() {
		h.used.Store(true)
	}
	return h
}

// release gives a handle back; the last one out closes the file.
func (h *handle) release() {
	if h.users.Add(-1) == 0 {
		h.closed(h.file.Close())
	}
}

// install offers h, used by the caller, as its slot's open file. If somebody was faster, theirs is returned in use
// instead and h is closed.
func (c *cache) install(h *handle) *handle {
	h.users.Store(2)
	h.at = -1
	for !h.slot.handle.CompareAndSwap(nil, h) {
		if theirs := h.slot.acquire(); theirs != nil {
			h.users.Store(1)
			h.release()
			return theirs
		}
	}
	for _, victim := range c.add(h) {
		c.letGo(victim)
	}
	return h
}

// letGo gives up the cache's use of h. Whoever empties the slot does that, and so nobody does it twice.
func (c *cache) letGo(h *handle) {
	if h.slot.handle.CompareAndSwap(h, nil) {
		h.release()
	}
}

// add puts h into the ring and returns the handles that must go for it.
func (c *cache) add(h *handle) (victims []*handle) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h.slot.handle.Load() != h {
		return nil // dropped before it got here
	}
	h.at = len(c.ring)
	c.ring = append(c.ring, h)
	for len(c.ring) > c.limit {
		v := c.ring[c.hand%len(c.ring)]
		if v == h || v.used.Swap(false) {
			c.hand = (c.hand + 1) % len(c.ring)
			continue
		}
		c.unlink(v)
		victims = append(victims, v)
	}
	return victims
}

// unlink takes h out of the ring, by putting the last one in its place.
func (c *cache) unlink(h *handle) {
	last := len(c.ring) - 1
	c.ring[h.at] = c.ring[last]
	c.ring[h.at].at = h.at
	c.ring[last] = nil
	c.ring = c.ring[:last]
	h.at = -1
}

// drop closes the slot's file as soon as nobody uses it.
func (c *cache) drop(s *slot) {
	h := s.handle.Load()
	if h == nil {
		return
	}
	c.mu.Lock()
	if h.at >= 0 {
		c.unlink(h)
	}
	c.mu.Unlock()
	c.letGo(h)
}
