package bittorrent

import (
	"errors"
	"net"
	"sync"
)

// maxAside bounds the records that come about while nothing is written: answers to a change of keys, which a peer may ask for
// as often as it likes.
const maxAside = 4 << 10

var errAside = errors.New("asks for new keys, and does not take the answers")

// sealed are records of TLS that wait to be written, in the order in which they were made. While the writer seals what it has to
// send they go into leased buffers, which it empties and gives back; an idle connection has none.
type sealed struct {
	mu      sync.Mutex
	sealing bool
	aside   []byte    // what came about otherwise
	full    []*[]byte // leased, and as many bytes in each as sizes says
	sizes   []int
}

// add takes a record.
func (s *sealed) add(sh *Shell, record []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sealing {
		s.put(sh, record)
		return len(record), nil
	}
	if len(s.aside)+len(record) > maxAside {
		return 0, errAside
	}
	s.aside = append(s.aside, record...)
	return len(record), nil
}

// put copies a record into the last buffer, or another one if it does not fit: it is much shorter than a buffer.
func (s *sealed) put(sh *Shell, record []byte) {
	last := len(s.full) - 1
	if last < 0 || bufferSize-s.sizes[last] < len(record) {
		s.full, s.sizes = append(s.full, sh.lease()), append(s.sizes, 0)
		last++
	}
	s.sizes[last] += copy((*s.full[last])[s.sizes[last]:], record)
}

// begin is told that the writer seals from now on.
func (s *sealed) begin(sh *Shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealing = true
	if len(s.aside) > 0 {
		s.put(sh, s.aside)
		s.aside = nil
	}
}

// end is what is to be written now, before anything that comes about later.
func (s *sealed) end() net.Buffers {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealing = false
	var vector net.Buffers
	for i, b := range s.full {
		vector = append(vector, (*b)[:s.sizes[i]])
	}
	return vector
}

// release gives the buffers back, when what was in them is written or never will be.
func (s *sealed) release(sh *Shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.full {
		sh.giveBack(b)
	}
	s.full, s.sizes = nil, nil
}
