package swarm

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// silent joins a peer that has everything, unchokes us, and then says nothing. Its writer is held up: nobody calls Tick.
func silent(t *testing.T, n *node, w *world, hangUp func(error)) PeerID {
	j := stranger(1)
	j.HangUp = hangUp
	id, err := n.swarm.Join(w.now, j)
	if err != nil {
		t.Fatal(err)
	}
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.HaveAll}, wire.Message{Type: wire.Unchoke})
	if n.swarm.sched.Outstanding(id) == 0 {
		t.Fatal("asked for nothing")
	}
	return id
}

// TestBeatReassigns: what a silent peer was asked for is free for others after ten seconds, though its writer is held up. One
// block it may have, should it wake up.
func TestBeatReassigns(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 200*block))
	n := w.leech()
	dead := silent(t, n, w, nil)
	held := func() int { return n.swarm.sched.Outstanding(dead) }
	many := held()
	for end := w.now.Add(9500 * time.Millisecond); w.now.Before(end); w.step(500 * time.Millisecond) {
		if held() != many {
			t.Fatalf("%d of %d", held(), many)
		}
	}
	w.step(500 * time.Millisecond)
	if many < 60 || held() > 1 {
		t.Errorf("it holds %d of %d", held(), many)
	}
	w.mustConnect(n, w.seed())
	w.until(5*time.Second, n.done)
}

// TestLateBlocksAreTaken: a peer that lost our patience and sends all it was asked for after all has not sent it in vain.
func TestLateBlocksAreTaken(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 40*block))
	n := w.leech()
	late := silent(t, n, w, nil)
	asked := n.swarm.sched.AppendOutstanding(nil, late)
	for end := w.now.Add(15 * time.Second); w.now.Before(end); w.step(500 * time.Millisecond) {
	}
	if len(asked) != 40 || n.swarm.sched.Outstanding(late) > 1 {
		t.Fatalf("asked for %d, and for %d still", len(asked), n.swarm.sched.Outstanding(late))
	}
	msgs := []wire.Message{{Type: wire.Piece, Index: 3, Begin: 7, Length: block}} // nobody asked for this one
	for _, r := range asked {
		msgs = append(msgs, wire.Message{Type: wire.Piece, Index: uint32(r.Unit), Begin: uint32(r.Block * block), Length: block})
	}
	arrivals, err := n.swarm.Receive(w.now, late, msgs, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range arrivals {
		if a.Wanted != (i > 0) {
			t.Errorf("%+v", a)
		}
	}
	if pieces := n.swarm.Landed(w.now, late, arrivals, nil); len(pieces) != 10 {
		t.Errorf("%d pieces are complete", len(pieces))
	}
	if wasted := n.swarm.Snapshot(w.now).WastedBytes; wasted != 0 {
		t.Errorf("%d bytes came in vain", wasted)
	}
}

// TestBeatHangsUp: a block that has begun and goes no further ends the connection, also when it is the last one asked for.
func TestBeatHangsUp(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, block, block))
	n := w.leech()
	var why error
	dead := silent(t, n, w, func(err error) { why = err })
	piece := wire.Message{Type: wire.Piece, Length: block}
	if _, err := n.swarm.Receive(w.now, dead, []wire.Message{piece}, nil); err != nil {
		t.Fatal(err)
	}
	begun := w.now
	for why == nil && w.now.Before(begun.Add(time.Minute)) {
		w.step(500 * time.Millisecond)
	}
	if took := w.now.Sub(begun); why == nil || took > 10*time.Second+500*time.Millisecond {
		t.Errorf("%v after %v", why, took)
	}
	n.swarm.Leave(w.now, dead, nil)
	w.mustConnect(n, w.seed())
	w.until(5*time.Second, n.done)
}

// TestTickComesForTheStall: whoever sleeps until the time that Tick names does not sleep over a block that stops.
func TestTickComesForTheStall(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV1, block, block))
	n := w.leech()
	dead := silent(t, n, w, nil)
	if _, err := n.swarm.Receive(w.now, dead, []wire.Message{{Type: wire.Piece, Length: block}}, nil); err != nil {
		t.Fatal(err)
	}
	begun := w.now
	for now, next := begun, begun; ; now = next {
		var err error
		if next, err = n.swarm.Tick(now, dead); err != nil {
			if now.Sub(begun) > 10*time.Second {
				t.Errorf("ended after %v", now.Sub(begun))
			}
			return
		}
		if now.Sub(begun) > time.Minute {
			t.Fatal("not ended")
		}
	}
}

// TestLapsedSlot: a peer that may ask and says nothing applies for no slot until its next word.
func TestLapsedSlot(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	s := w.seed().swarm
	id := join(t, s, w.now, 1)
	applies := func(now time.Time) bool {
		return s.Applicants(now, 1, []choker.Peer{})[0].Interested
	}
	tell(t, s, w.now, id, wire.Message{Type: wire.Interested})
	s.Grant(w.now, func(PeerID) bool { return true })
	if at := w.now.Add(lapseAfter - 1); !applies(at) {
		t.Error("lapsed early")
	}
	if !applies(w.now) || applies(w.now.Add(lapseAfter)) {
		t.Error("has its slot for good")
	}
	now := w.now.Add(lapseAfter)
	tell(t, s, now, id, wire.Message{Type: wire.Request, Length: block})
	for _, at := range []time.Duration{0, 10 * time.Minute} {
		if !applies(now.Add(at)) {
			t.Errorf("does not apply %v after it asked for something", at)
		}
	}
}

// TestTarpits: peers that keep every request for as long as they can without being snubbed hold nobody up.
func TestTarpits(t *testing.T) {
	took := func(tarpits int) time.Duration {
		w := newWorld(t, makeThing(t, metainfo.FormatV1, 4*block, 600*block))
		good, n := w.seed(), w.leech()
		good.rate = block / 2 // each 20 ms
		for range tarpits {
			slow := w.seed()
			slow.rate = block / 400 // a block in 8 s
			w.mustConnect(n, slow)
		}
		w.mustConnect(n, good)
		begun := w.now
		w.until(5*time.Minute, n.done)
		return w.now.Sub(begun)
	}
	alone, among := took(0), took(12)
	if among > alone*5/4 {
		t.Errorf("%v among tarpits, %v without", among, alone)
	}
}
