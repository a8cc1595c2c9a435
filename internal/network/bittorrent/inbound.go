package bittorrent

import (
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// Buffer sizes. An idle peer waits on a small buffer; a large one is leased while payload flows.
const (
	idleBuffer = 4 << 10
	bufferSize = 256 << 10
)

const (
	// maxBatch bounds the messages handled at once, and with them the memory that hostile ones take: a buffer holds
	// thousands of the shortest.
	maxBatch = 128
	// maxExtended bounds an extended message. The longest that we ask for is a piece of metadata, of 16 KiB.
	maxExtended = 64 << 10
)

// inbound is what a reader keeps between reads: buf[at:end] is received and not parsed.
type inbound struct {
	buf      []byte
	at, end  int
	small    []byte
	large    *[]byte // leased
	flowing  bool    // payload came with the last read
	timed    bool    // the socket has a read deadline
	msgs     []wire.Message
	payloads [][]byte // for each Piece message, what of its payload is in buf
	arrivals []swarm.Arrival
	complete []int
	parser   wire.Parser
}

func newInbound() *inbound {
	in := &inbound{small: make([]byte, idleBuffer)}
	in.buf = in.small
	return in
}

// parse finds messages in buf, a batch at most; more says that there may be others. missing is how many bytes of the last
// one's payload have not been received: then buf is used up.
func (in *inbound) parse() (missing int, more bool, err error) {
	in.msgs, in.payloads = in.msgs[:0], in.payloads[:0]
	for in.at < in.end {
		if len(in.msgs) == maxBatch {
			return 0, true, nil
		}
		m, n, err := in.parser.Next(in.buf[in.at:in.end])
		if err != nil {
			return 0, false, err
		}
		if n == 0 {
			break
		}
		in.at += n
		in.msgs = append(in.msgs, m)
		if m.Type != wire.Piece {
			continue
		}
		have := min(int(m.Length), in.end-in.at)
		in.payloads = append(in.payloads, in.buf[in.at:in.at+have])
		in.at += have
		if missing = int(m.Length) - have; missing > 0 {
			break
		}
	}
	return missing, false, nil
}

// resize moves what is not parsed to the front of a buffer that fits what flows. What is merely announced takes no memory:
// a message gets the next larger buffer when it has filled the one it is in.
func (in *inbound) resize(sh *Shell, flowing bool) {
	in.flowing = flowing
	rest := in.buf[in.at:in.end]
	next := in.small
	switch {
	case len(rest) >= bufferSize:
		// The parser's limits bound it.
		next = in.buf
		if need := in.parser.Need(rest); need > len(next) {
			next = make([]byte, need)
		}
	case flowing || len(rest) >= idleBuffer:
		next = in.lease(sh)
	}
	in.end = copy(next, rest)
	in.at = 0
	in.buf = next
	if in.large != nil && &next[0] != &(*in.large)[0] {
		in.release(sh)
	}
}

// lease takes the large buffer.
func (in *inbound) lease(sh *Shell) []byte {
	if in.large == nil {
		in.large = sh.lease()
	}
	return *in.large
}

// release gives back the large buffer, and what its many messages took.
func (in *inbound) release(sh *Shell) {
	if in.large == nil {
		return
	}
	sh.giveBack(in.large)
	in.large = nil
	in.msgs, in.payloads, in.arrivals, in.complete = nil, nil, nil, nil
}

// portion is how much payload moves at once: little where the rate is limited to little, so that it flows evenly.
func portion(limits netx.Chain) int {
	n := bufferSize
	for _, l := range limits {
		if r := l.Rate(); r > 0 {
			n = int(min(int64(n), max(wire.MetadataBlock, r/8)))
		}
	}
	return n
}
