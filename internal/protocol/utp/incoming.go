package utp

// incoming is the stream as it arrives: in order for the reader, and what is ahead of it.
type incoming struct {
	data     fifo    // in order, not yet read
	ahead    reorder // after a packet that is missing
	ack      uint16  // last packet received in order
	end      endState
	fin      uint16 // sequence number of the FIN, once it was seen
	capacity int    // bytes
	account  *account
	deaf     bool // nobody will read: what arrives is acknowledged and dropped
}

// endState is how much is known of the end of the stream.
type endState uint8

const (
	endUnknown endState = iota
	endSeen             // a FIN came, packets before it are missing
	endReached          // all is here
)

// arrival is what became of a packet.
type arrival uint8

const (
	arrivedInOrder arrival = iota
	arrivedAhead
	arrivedAgain   // it is here already
	arrivedRefused // no room, or beyond the end
)

func newIncoming(ack uint16, capacity int, memory *Memory) incoming {
	a := &account{memory: memory}
	return incoming{
		ack: ack, capacity: capacity, account: a,
		data: fifo{account: a}, ahead: reorder{maxBlocks: 2*capacity/chunkSize + 1, account: a},
	}
}

// window is how many bytes there is room for. BEP 29: "this should be set to the number of bytes left in the socket's receive
// buffer."
func (in *incoming) window() int {
	return max(0, min(in.capacity-in.data.len()-in.ahead.bytes, in.account.room()))
}

// accept takes a packet with payload, or a FIN.
func (in *incoming) accept(seq uint16, payload []byte, isFin bool) arrival {
	if !before(in.ack, seq) || in.ahead.has(in.ack, seq) {
		return arrivedAgain
	}
	// BEP 29: "This connection will never have a sequence number greater than the sequence number in this packet."
	if in.end != endUnknown && (before(in.fin, seq) || isFin != (seq == in.fin)) {
		return arrivedRefused
	}
	// The next packet is taken even where those after it take up the window and the memory: it sets them free.
	room := in.window()
	if seq == in.ack+1 {
		room = min(in.capacity-in.data.len(), max(in.account.room(), least-in.data.len()))
	}
	if len(payload) > room {
		return arrivedRefused
	}
	kind := slotData
	if isFin {
		kind = slotFin
	}
	if seq != in.ack+1 {
		if !in.ahead.put(in.ack, seq, kind, payload) {
			return arrivedRefused
		}
		if isFin {
			in.end, in.fin = endSeen, seq
		}
		return arrivedAhead
	}
	if isFin {
		in.fin = seq
	}
	in.advance(kind, payload)
	for in.ahead.count > 0 && in.end != endReached {
		s, p := in.ahead.take(in.ack + 1)
		if s.kind == slotEmpty {
			break
		}
		in.advance(s.kind, p)
		in.ahead.done(s)
	}
	return arrivedInOrder
}

// advance takes the next packet in order.
func (in *incoming) advance(kind slotKind, payload []byte) {
	in.ack++
	if !in.deaf {
		in.data.write(payload)
	}
	if kind == slotFin {
		in.end = endReached
		in.ahead.clear()
	}
}

// ended reports whether the reader has all there will ever be.
func (in *incoming) ended() bool { return in.end == endReached && in.data.len() == 0 }

// deafen drops what is here and what will come.
func (in *incoming) deafen() {
	in.deaf = true
	in.data.clear()
}
