package bittorrent

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

const (
	// idleBuffer is what an idle peer waits on; a large buffer is leased while payload flows.
	idleBuffer = 4 << 10
	// portionSize is how much payload moves at once. In a large buffer there is room for its headers too, and for the longest
	// message there is.
	portionSize = 256 << 10
)

const (
	// maxBatch bounds the messages handled at once, and with them the memory that hostile ones take: a buffer holds
	// thousands of the shortest. A run of blocks is not torn apart.
	maxBatch = 128
	// maxExtended bounds an extended message. The longest that we ask for is a piece of metadata, of 16 KiB.
	maxExtended = 64 << 10
)

// inbound is what a reader keeps between reads: buf[at:end] is received and not parsed.
type inbound struct {
	buf      []byte
	at, end  int
	small    []byte
	large    *[]byte   // leased
	flowing  bool      // payload came with the last read
	timed    bool      // the socket has a read deadline
	until    time.Time // when the message under way, which needs the large buffer, must be there; zero: none is
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

// parse finds messages in buf, a batch at most; more says that there may be others. A run of blocks is as many messages as
// it has blocks. If the payload of the last ones has not been received whole, buf is used up, and missing is how many bytes
// are still to come.
func (in *inbound) parse() (missing int, more bool, err error) {
	in.msgs, in.payloads = in.msgs[:0], in.payloads[:0]
	for in.at < in.end && missing == 0 {
		if len(in.msgs) >= maxBatch {
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
		in.until = time.Time{}
		if m.Type != wire.Piece {
			in.msgs = append(in.msgs, m)
			continue
		}
		for block := range m.Cut(torrent.BlockSize) {
			have := min(int(block.Length), in.end-in.at)
			in.msgs = append(in.msgs, block)
			in.payloads = append(in.payloads, in.buf[in.at:in.at+have])
			in.at += have
			missing += int(block.Length) - have
		}
	}
	return missing, false, nil
}

// whole counts the arrivals at the front whose payload is in buf to its end.
func (in *inbound) whole() int {
	for i := range in.arrivals {
		if len(in.payloads[i]) < in.arrivals[i].Length {
			return i
		}
	}
	return len(in.arrivals)
}

// resize moves what is not parsed to the front of a buffer that fits what flows. What is merely announced takes no memory:
// a message gets the large buffer when it has filled the small one. Payload makes do with the small one when no other is left;
// a message that does not fit waits for its turn.
func (in *inbound) resize(ctx context.Context, from *line.Buffers, flowing bool) error {
	in.flowing = flowing
	long := in.end-in.at >= idleBuffer
	if in.large == nil {
		if err := in.lease(ctx, from, long); err != nil {
			return err
		}
	}
	if in.large != nil && (flowing || long) {
		in.move(*in.large)
		return nil
	}
	in.move(in.small)
	in.release(from)
	return nil
}

// lease takes a large buffer if there is need of one: by all means for a long message.
func (in *inbound) lease(ctx context.Context, from *line.Buffers, long bool) (err error) {
	if long {
		in.large, err = from.Wait(ctx)
	} else if in.flowing {
		in.large = from.Lease()
	}
	return err
}

// move takes what is not parsed along to the front of the next buffer, which may be the same.
func (in *inbound) move(next []byte) {
	in.at, in.end = 0, copy(next, in.buf[in.at:in.end])
	in.buf = next
}

// release gives back the large buffer, and what its many messages took.
func (in *inbound) release(to *line.Buffers) {
	if in.large == nil {
		return
	}
	to.GiveBack(in.large)
	in.large = nil
	in.msgs, in.payloads, in.arrivals, in.complete = nil, nil, nil, nil
}

// portion is how much payload moves at once: little where the rate is limited to little, so that it flows evenly.
func portion(limits netx.Chain) int {
	n := portionSize
	for _, l := range limits {
		if r := l.Rate(); r > 0 {
			n = int(min(int64(n), max(wire.MetadataBlock, r/8)))
		}
	}
	return n
}
