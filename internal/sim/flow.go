package sim

import (
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// end is one side of a connection: what the real shell's reader and writer of one peer are.
type end struct {
	run      *run
	link     *link
	addr     netip.AddrPort // of the other side, as seen from here
	outgoing bool
	try      int
	joined   bool
	closed   bool
	id       swarm.PeerID

	// Inbound.
	parser   wire.Parser
	in       []byte
	msgs     []wire.Message
	payloads [][]byte
	arrivals []swarm.Arrival
	complete []int
	rest     *rest
	tail     wire.Message // a Piece about the blocks of a run that have not begun to come

	// Outbound.
	box     swarm.Outbox
	busy    bool // bytes are on the line
	flying  int  // bytes that have not got there yet
	reached int  // bytes that have
	woken   bool // pump is about to be called
}

// rest is a block of which the beginning is here.
type rest struct {
	arrival swarm.Arrival
	data    []byte
	spilled bool
	since   time.Time
}

func newEnd(r *run, l *link, addr netip.AddrPort) *end { return &end{run: r, link: l, addr: addr} }

// leave ends this side.
func (e *end) leave(cause error) {
	e.closed = true
	r, w := e.run, e.run.n.w
	r.ends = slices.DeleteFunc(r.ends, func(o *end) bool { return o == e })
	w.judge.ended(e, cause)
	if e.joined {
		r.swarm.Leave(w.now, e.id, cause)
	} else if e.outgoing {
		r.swarm.DialFailed(w.now, e.addr)
	}
}

// --- the handshake

func (e *end) expectHandshake() {
	e.run.n.w.after(handshakePatience, func() {
		if !e.joined {
			e.hangUp(errTimeout)
		}
	})
}

func (e *end) speakFirst() {
	if e.closed {
		return
	}
	names := e.run.hash().Wire()
	e.expectHandshake()
	e.transmit(e.handshake(names[e.try%len(names)]))
}

func (e *end) handshake(name [20]byte) []byte {
	features := []wire.Feature{wire.FeatureFast, wire.FeatureExtended}
	if _, ok := e.run.hash().V2(); ok {
		features = append(features, wire.FeatureV2)
	}
	return wire.AppendHandshake(nil, wire.Handshake{
		Reserved: wire.MakeReserved(features...), InfoHash: name, PeerID: e.run.n.peerID,
	})
}

// greet answers or heeds a handshake, and joins the swarm.
func (e *end) greet(theirs wire.Handshake) {
	hash, w := e.run.hash(), e.run.n.w
	if !hash.Matches(theirs.InfoHash) {
		e.hangUp(errBroken)
		return
	}
	name := theirs.InfoHash
	v2, ok := hash.V2()
	if !e.outgoing {
		// BEP 52: a peer that sets the v2 bit is answered with the v2 info-hash, which upgrades the connection.
		if ok && theirs.Reserved.Has(wire.FeatureV2) {
			name = [20]byte(v2[:20])
		}
		e.transmit(e.handshake(name))
	}
	id, err := e.run.swarm.Join(w.now, swarm.Joining{
		Addr: e.addr, Outgoing: e.outgoing, Remote: theirs, V2: ok && name == [20]byte(v2[:20]), Wake: e.wake,
	})
	if err != nil {
		w.judge.refused(e, err)
		e.hangUp(err)
		return
	}
	e.id, e.joined = id, true
	e.tick()
}

// --- inbound

// take is told of bytes that have come.
func (e *end) take(b []byte) {
	if e.closed || e.link.mute {
		return
	}
	e.run.n.w.note(e.run.n.i, "takes", b)
	if len(e.in) == 0 {
		e.in = b
	} else {
		e.in = append(e.in, b...)
	}
	if !e.joined {
		if len(e.in) < wire.HandshakeSize {
			return
		}
		theirs, err := wire.ParseHandshake(e.in)
		if err != nil {
			e.hangUp(err)
			return
		}
		e.in = e.in[wire.HandshakeSize:]
		if e.greet(theirs); e.closed {
			return
		}
	}
	if err := e.digest(); err != nil {
		e.hangUp(err)
	}
	if len(e.in) == 0 {
		e.in = nil
	}
}

const maxBatch = 128

// digest handles everything that has come, batch by batch.
func (e *end) digest() error {
	w := e.run.n.w
	for !e.closed {
		if e.rest != nil && !e.fillRest() {
			return nil
		}
		e.parser.Limits = wire.Limits{Block: torrent.BlockSize, Extended: 64 << 10}
		if e.run.n.plan.Runs {
			e.parser.Limits.Block = wire.MaxRun
		}
		if b := e.run.body; b != nil {
			e.parser.Limits.Bitfield = (b.layout.Pieces() + 7) / 8
		}
		missing, err := e.parse()
		if err != nil {
			return err
		}
		if len(e.msgs) == 0 {
			return nil
		}
		e.arrivals, err = e.run.swarm.Receive(w.now, e.id, e.msgs, e.arrivals[:0])
		if err != nil {
			return err
		}
		whole := e.arrivals
		if missing {
			whole = whole[:len(whole)-1]
		}
		for i := range whole {
			if err := e.store(&whole[i], e.payloads[i]); err != nil {
				return err
			}
		}
		if len(whole) > 0 {
			e.landed(whole)
		}
		if missing {
			e.begin(e.arrivals[len(whole)], e.payloads[len(whole)])
		}
	}
	return nil
}

// parse finds a batch of messages; missing says that the payload of the last one is not all here.
func (e *end) parse() (missing bool, err error) {
	e.msgs, e.payloads = e.msgs[:0], e.payloads[:0]
	for len(e.in) > 0 && len(e.msgs) < maxBatch && !missing {
		m := e.tail
		if m.Length == 0 {
			var n int
			if m, n, err = e.parser.Next(e.in); err != nil || n == 0 {
				return false, err
			}
			e.in = e.in[n:]
		}
		if m.Type == wire.Piece {
			e.tail = m
			m.Length = min(m.Length, torrent.BlockSize)
			e.tail.Begin, e.tail.Length = m.Begin+m.Length, e.tail.Length-m.Length
		}
		e.msgs = append(e.msgs, m)
		if m.Type == wire.Piece {
			have := min(int(m.Length), len(e.in))
			e.payloads = append(e.payloads, e.in[:have])
			e.in = e.in[have:]
			missing = have < int(m.Length)
		}
	}
	return missing, nil
}

// wanted reports whether a block has a place to go.
func (e *end) wanted(a *swarm.Arrival) bool {
	return a.Wanted && e.run.body != nil && e.run.body.intake != nil
}

// store puts a block in its place.
func (e *end) store(a *swarm.Arrival, payload []byte) error {
	if !e.wanted(a) {
		return nil
	}
	e.run.n.w.judge.tookBlock(e, a, payload)
	if dst := e.run.body.intake.Place(a.Piece, a.Begin, a.Length); dst != nil {
		copy(dst, payload)
		return nil
	}
	return e.spill(a, payload)
}

func (e *end) spill(a *swarm.Arrival, payload []byte) error {
	err := e.run.body.intake.Spill(a.Piece, a.Begin, payload)
	if err != nil {
		e.run.halt(err)
	}
	return err
}

// begin takes the first bytes of a block that is not all here.
func (e *end) begin(a swarm.Arrival, head []byte) {
	w := e.run.n.w
	r := &rest{arrival: a, since: w.now}
	if e.wanted(&a) {
		r.data = e.run.body.intake.Place(a.Piece, a.Begin, a.Length)
		r.spilled = r.data == nil
	}
	if r.data == nil {
		r.data = make([]byte, a.Length)
	}
	r.data = r.data[:copy(r.data, head)]
	e.rest = r
	w.after(payloadPatience, func() {
		if e.rest == r {
			e.hangUp(errTimeout)
		}
	})
}

// fillRest goes on with a block; it reports whether it is all here.
func (e *end) fillRest() bool {
	r := e.rest
	n := copy(r.data[len(r.data):r.arrival.Length], e.in)
	r.data, e.in = r.data[:len(r.data)+n], e.in[n:]
	if len(r.data) < r.arrival.Length {
		return false
	}
	e.rest = nil
	if e.wanted(&r.arrival) {
		e.run.n.w.judge.tookBlock(e, &r.arrival, r.data)
		if r.spilled {
			if err := e.spill(&r.arrival, r.data); err != nil {
				e.hangUp(err)
				return false
			}
		}
	}
	e.landed([]swarm.Arrival{r.arrival})
	return true
}

// landed reports blocks in place, and hands over the pieces that they made complete.
func (e *end) landed(arrivals []swarm.Arrival) {
	e.complete = e.run.swarm.Landed(e.run.n.w.now, e.id, arrivals, e.complete[:0])
	for _, piece := range e.complete {
		e.run.body.intake.Complete(piece)
	}
}

// --- outbound

// wake has the writer look soon whether there is something to send.
func (e *end) wake() {
	if e.woken || e.closed || e.busy {
		return
	}
	e.woken = true
	e.run.n.w.after(0, func() {
		e.woken = false
		e.pump()
	})
}

// tick runs the peer's timers and plans the next time.
func (e *end) tick() {
	if e.closed {
		return
	}
	w := e.run.n.w
	next, err := e.run.swarm.Tick(w.now, e.id)
	if err != nil {
		e.hangUp(err)
		return
	}
	w.at(later(next, w.now.Add(time.Millisecond)), e.tick)
	e.pump()
}

// pump sends until nothing waits or the line is busy.
func (e *end) pump() {
	w := e.run.n.w
	for !e.closed && e.joined && !e.busy && e.flying < e.window() {
		room := min(256<<10, max(torrent.BlockSize, int(e.run.n.plan.Up/8)))
		if err := e.run.swarm.Outbound(w.now, e.id, &e.box, room); err != nil {
			e.hangUp(err)
			return
		}
		size := len(e.box.Frames)
		for _, b := range e.box.Uploads {
			size += wire.PieceHeaderSize + b.Length
		}
		out := append(make([]byte, 0, size), e.box.Frames...)
		e.run.n.forge(out)
		for _, b := range e.box.Uploads {
			at := len(out) + wire.PieceHeaderSize
			out = wire.AppendPieceHeader(out, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
			out = out[:at+b.Length]
			if err := e.run.body.read(out[at:], b.Piece, b.Begin); err != nil {
				e.run.halt(err)
				return
			}
			w.judge.sendsBlock(e, b, out[at:])
			e.run.n.lie(out[at:])
		}
		for _, work := range e.box.Leaves {
			e.answer(work)
		}
		if len(out) > 0 {
			e.transmit(out)
		} else if len(e.box.Leaves) == 0 {
			if held := e.box.Held; !held.IsZero() {
				w.at(held, e.pump)
			}
			return
		}
	}
}

// answer makes the hashes of blocks anew from the pieces.
func (e *end) answer(work swarm.LeafWork) {
	var leaves []metainfo.HashV2
	for piece := work.First; piece < work.End; piece++ {
		data := make([]byte, e.run.body.layout.Need(piece))
		if err := e.run.body.read(data, piece, 0); err != nil {
			e.run.halt(err)
			return
		}
		leaves = torrent.AppendLeafHashes(leaves, data)
	}
	e.run.swarm.AnswerHashes(e.id, work, leaves)
}
