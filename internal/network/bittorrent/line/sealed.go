package line

import (
	"errors"
	"net"
	"sync"
)

const (
	// maxRecord is how much a record of TLS carries. RFC 8446, section 5.1: "The length MUST NOT exceed 2^14 bytes."
	maxRecord = 1 << 14
	// maxSealed is what such a record takes. RFC 8446, section 5.2: "The length MUST NOT exceed 2^14 + 256 bytes", and a header.
	maxSealed = maxRecord + 256 + 5
	// maxAside bounds the records that come about while nothing is written: answers to a change of keys, which a peer may ask
	// for as often as it likes. As much may come about while we seal.
	maxAside = 4 << 10

	// largePlain is how much is sealed at once in a large buffer, and smallSealed what one record needs where there is none.
	largePlain  = (BufferSize - 2*maxAside) / maxSealed * maxRecord
	smallSealed = 2*maxAside + maxSealed
)

var errAside = errors.New("asks for new keys, and does not take the answers")

// sealed are records of TLS that wait to be written, in the order in which they were made. While the writer seals what it has to
// send they go into one buffer, which it empties and gives back; an idle connection has none.
type sealed struct {
	mu      sync.Mutex
	sealing bool
	aside   []byte  // what came about otherwise
	full    []byte  // what is to be written next
	leased  *[]byte // what full lies in; nil: it is our own
}

// add takes a record.
func (s *sealed) add(record []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to, most := &s.aside, maxAside
	if s.sealing {
		to, most = &s.full, cap(s.full)
	}
	if len(*to)+len(record) > most {
		return 0, errAside
	}
	*to = append(*to, record...)
	return len(record), nil
}

// begin is told that the writer seals from now on, and says how many bytes it may.
func (s *sealed) begin(from *Buffers) (room int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealing = true
	if s.leased = from.Lease(); s.leased != nil {
		s.full, room = (*s.leased)[:0], largePlain
	} else {
		s.full, room = make([]byte, 0, smallSealed), maxRecord
	}
	s.full = append(s.full, s.aside...)
	s.aside = nil
	return room
}

// end is what is to be written now, before anything that comes about later.
func (s *sealed) end() net.Buffers {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealing = false
	return net.Buffers{s.full}
}

// release gives the buffer back, when what was in it is written or never will be.
func (s *sealed) release(to *Buffers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leased != nil {
		to.GiveBack(s.leased)
	}
	s.full, s.leased = nil, nil
}
