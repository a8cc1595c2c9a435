package utp

import (
	"time"

	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

// reorderThreshold is how many packets sent later have to be acknowledged for one to be lost. BEP 29: "but 3 or more packets have
// been acked past it (through Selective ACK), the packet is assumed to have been lost."
const reorderThreshold = 3

// idleRing is how many slots for packets a connection keeps that has none in flight.
const idleRing = 64

// outgoing is the stream as it leaves: bytes not yet in packets, and packets not yet acknowledged. BEP 29: "This means uTP cannot
// repackage data when resending it", so a packet once sent keeps its bytes.
//
// Every transmission has a number of its own, in the order in which they were made. So the loss of a packet sent again is noticed
// as the loss of any other, and not only by a timeout.
type outgoing struct {
	data   fifo   // from the oldest byte not acknowledged
	packed uint64 // position in the stream of the first byte that is in no packet
	end    finState

	ring      []sent // by sequence number; its length is a power of two
	una, next uint16 // oldest not acknowledged; next to be used
	inFlight  int    // bytes
	flying    int    // packets
	resent    int    // of these, sent more than once
	lost      int    // packets to be sent again
	lostBytes int
	lostFrom  uint16 // none before it is lost

	order     uint64 // of the next transmission
	pastOrder uint64 // largest of an acknowledged one

	dups    int // acknowledgements that said nothing new
	dupDone bool
}

// finState is how far the end of the stream is.
type finState uint8

const (
	finNone   finState = iota
	finQueued          // follows what is written
	finSent
	finAcked
)

type packetState uint8

const (
	packetInFlight packetState = iota
	packetLost
	packetAcked
)

// sent is a packet.
type sent struct {
	kind    wire.Type
	state   packetState
	sends   int
	off     uint64 // of its payload in the stream
	n       int    // bytes of payload
	padding int    // makes it a probe
	order   uint64
	at      time.Time // last sent
}

func (o *outgoing) at(seq uint16) *sent { return &o.ring[int(seq)&(len(o.ring)-1)] }

// pending is how many bytes are in no packet yet.
func (o *outgoing) pending() int { return int(o.data.end - o.packed) }

// push makes a packet of the next n bytes, or of the end.
func (o *outgoing) push(kind wire.Type, n, padding int) (seq uint16) {
	if k := int(o.next - o.una); k >= len(o.ring) {
		old := o.ring
		o.ring = make([]sent, max(16, 2*len(old)))
		for i := range k {
			s := o.una + uint16(i)
			*o.at(s) = old[int(s)&(len(old)-1)]
		}
	}
	seq = o.next
	*o.at(seq) = sent{kind: kind, state: packetLost, off: o.packed, n: n, padding: padding}
	o.next++
	o.packed += uint64(n)
	return seq
}

// transmit notes that a packet goes out now.
func (o *outgoing) transmit(now time.Time, seq uint16) *sent {
	p := o.at(seq)
	if p.sends > 0 {
		o.lost--
		o.lostBytes -= p.n
		o.resent++
	}
	p.state, p.at, p.order = packetInFlight, now, o.order
	p.sends++
	o.order++
	o.flying++
	o.inFlight += p.n
	return p
}

// firstLost is the oldest packet to be sent again; there must be one.
func (o *outgoing) firstLost() uint16 {
	if before(o.lostFrom, o.una) {
		o.lostFrom = o.una
	}
	for o.at(o.lostFrom).state != packetLost {
		o.lostFrom++
	}
	return o.lostFrom
}

func (o *outgoing) lose(seq uint16) (wasProbe bool) {
	p := o.at(seq)
	o.land(p)
	p.state = packetLost
	if o.lost == 0 || before(seq, o.lostFrom) {
		o.lostFrom = seq
	}
	o.lost++
	o.lostBytes += p.n
	wasProbe = p.padding > 0
	p.padding = 0
	return wasProbe
}

// land takes a packet out of flight.
func (o *outgoing) land(p *sent) {
	o.flying--
	o.inFlight -= p.n
	if p.sends > 1 {
		o.resent--
	}
}

// news is what an acknowledgement told.
type news struct {
	packets, bytes int
	largest        int           // payload of a packet, bytes
	rtt            time.Duration // of the last transmission acknowledged; 0 for none that counts
	probe          bool          // a probe arrived
}

// acknowledge takes an acknowledgement of all up to ack, which must have been sent, and of what the mask names. Least is the
// shortest round trip known: an answer that comes faster is to an earlier transmission.
func (o *outgoing) acknowledge(now time.Time, ack uint16, mask []byte, least time.Duration) (n news) {
	var newest uint64
	take := func(p *sent) {
		if p.state == packetAcked {
			return
		}
		if p.state == packetInFlight {
			o.land(p)
		} else {
			o.lost--
			o.lostBytes -= p.n
		}
		p.state = packetAcked
		n.packets++
		n.bytes += p.n
		n.largest = max(n.largest, p.n)
		n.probe = n.probe || p.padding > 0
		if p.kind == wire.Fin {
			o.end = finAcked
		}
		elapsed := now.Sub(p.at)
		if p.sends == 1 && p.order >= newest {
			newest, n.rtt = p.order, max(elapsed, 1)
		}
		if p.sends == 1 || elapsed >= least {
			o.pastOrder = max(o.pastOrder, p.order)
		}
	}
	for seq := o.una; !before(ack, seq); seq++ {
		take(o.at(seq))
	}
	for offset := range wire.Acked(mask) {
		// BEP 29: "Bits that are outside of the send window are ignored."
		if seq := ack + offset; before(seq, o.next) && !before(seq, o.una) {
			take(o.at(seq))
		}
	}
	for o.una != o.next && o.at(o.una).state == packetAcked {
		p := o.at(o.una)
		o.data.discard(p.off + uint64(p.n))
		o.una++
		o.dups, o.dupDone = 0, false
	}
	if o.una == o.next && len(o.ring) > idleRing {
		o.ring = nil
	}
	return n
}

// losses is what was given up for lost.
type losses struct {
	packets int
	newest  uint64 // order of the last of those that were no probes, plus one; 0 for none
	probe   bool
	again   time.Time // when to look next; zero for not before another acknowledgement
}

func (l *losses) add(p *sent, wasProbe bool) {
	l.packets++
	if wasProbe {
		l.probe = true
	} else {
		l.newest = max(l.newest, p.order+1)
	}
}

// detect finds the packets that are lost since later ones arrived: three later ones, or one much later.
func (o *outgoing) detect(now time.Time, patience time.Duration) (l losses) {
	for seq := o.una; seq != o.next; seq++ {
		p := o.at(seq)
		if p.state != packetInFlight || p.order >= o.pastOrder {
			continue
		}
		if late := p.at.Add(patience); p.order+reorderThreshold > o.pastOrder && now.Before(late) {
			l.again = earliest(l.again, late)
			continue
		}
		l.add(p, o.lose(seq))
	}
	return l
}

// duplicate counts an acknowledgement of nothing new by a peer that acknowledges nothing selectively. BEP 29: "when receiving 3
// duplicate acks, ack_nr + 1 is assumed to have been lost".
func (o *outgoing) duplicate() (l losses) {
	if o.una == o.next || o.at(o.una).state != packetInFlight || o.dupDone {
		return l
	}
	if o.dups++; o.dups >= reorderThreshold {
		o.dups, o.dupDone = 0, true
		l.add(o.at(o.una), o.lose(o.una))
	}
	return l
}

// loseAll gives up all that is in flight.
func (o *outgoing) loseAll() {
	for seq := o.una; seq != o.next; seq++ {
		if o.at(seq).state == packetInFlight {
			o.lose(seq)
		}
	}
}

// drop forgets everything.
func (o *outgoing) drop() {
	o.data.clear()
	*o = outgoing{una: o.next, next: o.next, end: o.end, data: o.data, packed: o.data.end}
}
