package utp

// maxAhead is how many packets beyond the next expected one are kept.
const maxAhead = 8192

// reorder keeps packets that came before an earlier one did, until that is there.
//
// What they hold is bounded in packets and in memory: payloads are put behind each other into chunks, and a chunk is given
// back when nothing in it is waited for any more. A peer that pins chunks with single packets gets no more than maxBlocks.
type reorder struct {
	slots     []slot // a ring, by sequence number; its length is a power of two
	count     int    // packets kept
	bytes     int    // of payload
	blocks    []*block
	maxBlocks int
	account   *account
}

type slotKind uint8

const (
	slotEmpty slotKind = iota
	slotData
	slotFin
)

type slot struct {
	in     *block
	off, n int
	kind   slotKind
}

type block struct {
	bytes *chunk
	used  int // bytes
	live  int // packets
}

func (r *reorder) at(seq uint16) *slot { return &r.slots[int(seq)&(len(r.slots)-1)] }

// has reports whether a packet that is ahead of ack is kept.
func (r *reorder) has(ack, seq uint16) bool {
	return int(seq-ack) <= len(r.slots) && r.at(seq).kind != slotEmpty
}

// put keeps a packet that is not kept, unless there is no room for it. Ack is the last one received in order.
func (r *reorder) put(ack, seq uint16, kind slotKind, payload []byte) bool {
	ahead := int(seq - ack)
	if ahead > maxAhead || len(payload) > chunkSize {
		return false
	}
	in := r.room(len(payload))
	if in == nil {
		return false
	}
	if ahead > len(r.slots) {
		r.grow(ack, ahead)
	}
	*r.at(seq) = slot{in: in, off: in.used, n: len(payload), kind: kind}
	in.used += copy(in.bytes[in.used:], payload)
	in.live++
	r.count++
	r.bytes += len(payload)
	return true
}

// room finds a block with n free bytes; nil if there is none and may be no more.
func (r *reorder) room(n int) *block {
	if k := len(r.blocks); k > 0 && r.blocks[k-1].used+n <= chunkSize {
		return r.blocks[k-1]
	}
	if len(r.blocks) >= r.maxBlocks || r.account.room() < n {
		return nil
	}
	b := &block{bytes: r.account.take()}
	r.blocks = append(r.blocks, b)
	return b
}

func (r *reorder) grow(ack uint16, ahead int) {
	size := max(idleRing, len(r.slots))
	for size < ahead {
		size *= 2
	}
	old := r.slots
	r.slots = make([]slot, size)
	for i := range old {
		seq := ack + 1 + uint16(i)
		*r.at(seq) = old[int(seq)&(len(old)-1)]
	}
}

// take removes a packet. Its payload is valid until done is called.
func (r *reorder) take(seq uint16) (s slot, payload []byte) {
	if r.count == 0 || r.at(seq).kind == slotEmpty {
		return slot{}, nil
	}
	s = *r.at(seq)
	*r.at(seq) = slot{}
	r.count--
	r.bytes -= s.n
	return s, s.in.bytes[s.off : s.off+s.n]
}

// done gives back the memory of a packet that was taken.
func (r *reorder) done(s slot) {
	if s.in.live--; s.in.live > 0 {
		return
	}
	for i, b := range r.blocks {
		if b == s.in {
			r.account.give(b.bytes)
			r.blocks = append(r.blocks[:i], r.blocks[i+1:]...)
			break
		}
	}
	if r.count == 0 && len(r.slots) > idleRing {
		r.slots = nil
	}
}

// clear drops all packets.
func (r *reorder) clear() {
	for _, b := range r.blocks {
		r.account.give(b.bytes)
	}
	*r = reorder{maxBlocks: r.maxBlocks, account: r.account}
}

// mask appends which packets after the first missing one are kept, as a selective acknowledgement of up to limit bytes. BEP 29:
// "Its payload is a bitmask of at least 32 bits, in multiples of 32 bits."
func (r *reorder) mask(b []byte, ack uint16, limit int) []byte {
	if r.count == 0 {
		return b
	}
	from := len(b)
	for left, i := r.count, 0; left > 0 && i < min(8*limit, len(r.slots)-1); i++ {
		if i%32 == 0 {
			b = append(b, 0, 0, 0, 0)
		}
		if r.at(ack+2+uint16(i)).kind != slotEmpty {
			b[from+i/8] |= 1 << (i % 8)
			left--
		}
	}
	return b
}
