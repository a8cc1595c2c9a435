package swarm

import (
	"errors"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// wants makes a node that wants the pieces for which want is true.
func wants(want func(piece int) bool) func(*Config, *Content) {
	return func(_ *Config, c *Content) {
		c.Priority = func(i int) scheduler.Priority {
			if want(i) {
				return scheduler.Normal
			}
			return scheduler.None
		}
	}
}

func even(i int) bool { return i%2 == 0 }
func odd(i int) bool  { return i%2 == 1 }

// those is the set of pieces for which is is true.
func (x *thing) those(is func(int) bool) content.Bitmap {
	m := x.pieces()
	for i := range x.layout.Pieces() {
		if is(i) {
			m.Set(i)
		}
	}
	return m
}

// partial makes a node that has all that it wants.
func (w *world) partial(want func(int) bool) *node {
	have := w.thing.those(want)
	return w.add(&have, wants(want))
}

// TestPartialSeeds (BEP 21): two that want nothing more of anybody part, whatever they have.
func TestPartialSeeds(t *testing.T) {
	for name, others := range map[string]func(*world) *node{
		"two alike":           func(w *world) *node { return w.partial(even) },
		"two that complement": func(w *world) *node { return w.partial(odd) },
		"and a whole seed":    func(w *world) *node { return w.seed() },
	} {
		w := newWorld(t, smallThing(t, metainfo.FormatHybrid))
		a, b := w.partial(even), others(w)
		w.mustConnect(a, b)
		w.step(100 * time.Millisecond)
		w.step(100 * time.Millisecond)
		if a.peers() != 0 || b.peers() != 0 || !errors.Is(w.links[0].dead, gate.ErrUseless) {
			t.Errorf("%s: %v", name, w.links[0].dead)
		}
	}
}

// TestPartialSeedServes: whoever lacks what it has gets that, and then looks elsewhere.
func TestPartialSeedServes(t *testing.T) {
	x := smallThing(t, metainfo.FormatHybrid)
	w := newWorld(t, x)
	a, n := w.partial(even), w.leech()
	w.mustConnect(n, a)
	w.until(20*time.Second, func() bool { return w.links[0].dead != nil })
	evens := x.those(even)
	if have := n.swarm.Have(); have.Count() != evens.Count() || !errors.Is(w.links[0].dead, gate.ErrUseless) {
		t.Errorf("%d pieces, %v", have.Count(), w.links[0].dead)
	}
	w.mustConnect(n, w.seed())
	w.until(20*time.Second, n.done)
	n.right()
}

// TestPartialSeedAndMetadata: who knows the link only gets the metadata and the piece layers, though it can get no piece
// that the other side does not want to keep.
func TestPartialSeedAndMetadata(t *testing.T) {
	x := makeThing(t, metainfo.FormatV2, 2*block, 9*block)
	w := newWorld(t, x)
	a, n := w.partial(func(i int) bool { return i == 1 }), w.add(nil)
	w.mustConnect(n, a)
	w.until(30*time.Second, func() bool { h := n.swarm.Have(); return h.Has(1) })
	w.until(30*time.Second, func() bool { return w.links[0].dead != nil })
	if !n.facts.Layers || !errors.Is(w.links[0].dead, gate.ErrUseless) {
		t.Errorf("layers %v, %v", n.facts.Layers, w.links[0].dead)
	}
}

// TestUseless goes through what a peer may say, one batch after the other, to one that fetches the odd pieces.
func TestUseless(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	evens, all := x.those(even), x.all()
	bits := func(m content.Bitmap) wire.Message { return wire.Message{Type: wire.Bitfield, Payload: m.Bytes()} }
	leaves := hello(wire.ExtHandshake{Intent: wire.UploadOnly})
	returns := hello(wire.ExtHandshake{Intent: wire.Downloads})
	nothing, interested, not := wire.Message{Type: wire.HaveNone}, wire.Message{Type: wire.Interested}, wire.Message{Type: wire.NotInterested}
	for name, tt := range map[string]struct {
		says []wire.Message
		ends bool // with the last
	}{
		"a leech":                        {[]wire.Message{hello(wire.ExtHandshake{}), bits(evens)}, false},
		"has what we lack":               {[]wire.Message{leaves, bits(all)}, false},
		"has not said what it has":       {[]wire.Message{leaves}, false},
		"has nothing for us":             {[]wire.Message{leaves, bits(evens)}, true},
		"has nothing":                    {[]wire.Message{leaves, nothing}, true},
		"says so later":                  {[]wire.Message{bits(evens), hello(wire.ExtHandshake{}), leaves}, true},
		"thinks better of it":            {[]wire.Message{leaves, returns, bits(evens)}, false},
		"and again":                      {[]wire.Message{leaves, returns, bits(evens), leaves}, true},
		"is interested all the same":     {[]wire.Message{leaves, interested, bits(evens)}, false},
		"until it is not":                {[]wire.Message{leaves, interested, bits(evens), not}, true},
		"may lack the metadata":          {[]wire.Message{hello(wire.ExtHandshake{Intent: wire.UploadOnly, M: map[string]uint8{wire.ExtMetadata: 1}}), nothing}, false},
		"loses what we lack":             {[]wire.Message{nothing, {Type: wire.Have, Index: 1}, leaves, dontHave(1)}, true},
		"gets more of what we have":      {[]wire.Message{hello(wire.ExtHandshake{}), nothing, {Type: wire.Have, Index: 2}}, false},
		"has it, and is not upload only": {[]wire.Message{hello(wire.ExtHandshake{}), bits(all)}, false},
	} {
		w := newWorld(t, x)
		n := w.add(&evens)
		id := join(t, n.swarm, w.now, 1)
		for i, m := range tt.says {
			_, err := n.swarm.Receive(w.now, id, []wire.Message{m}, nil)
			if last := i == len(tt.says)-1; tt.ends && last != errors.Is(err, gate.ErrUseless) || !(tt.ends && last) && err != nil {
				t.Errorf("%s: message %d: %v", name, i, err)
			}
		}
	}
}

// dontHave takes back a have, under the id that we give to that.
func dontHave(piece uint32) wire.Message {
	return wire.Message{Type: wire.Extended, Payload: wire.AppendDontHave(nil, 2, piece)[5:]}
}

// TestPeerFindsUsUseless: who leaves a seed of which it wants nothing is not dialled again at once.
func TestPeerFindsUsUseless(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	for name, tt := range map[string]struct {
		says wire.Message
		wait time.Duration
	}{
		"wants nothing":   {wire.Message{Type: wire.NotInterested}, uselessAgain},
		"wants something": {wire.Message{Type: wire.Interested}, 16 * time.Second},
	} {
		w := newWorld(t, x)
		n := w.partial(even)
		j := stranger(1)
		j.Outgoing = true
		n.swarm.Found(FromTracker, j.Addr)
		if _, _, ok := n.swarm.NextDial(w.now); !ok {
			t.Fatal("is not dialled")
		}
		id, err := n.swarm.Join(w.now, j)
		if err != nil {
			t.Fatal(err)
		}
		tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{}), wire.Message{Type: wire.HaveNone}, tt.says)
		n.swarm.Leave(w.now, id, errGone)
		if _, _, ok := n.swarm.NextDial(w.now.Add(tt.wait - 1)); ok {
			t.Errorf("%s: dialled within %v", name, tt.wait)
		}
		if addr, _, ok := n.swarm.NextDial(w.now.Add(tt.wait)); !ok || addr != j.Addr {
			t.Errorf("%s: not dialled after %v", name, tt.wait)
		}
	}
}

// uselessAgain is how long the book leaves a useless address alone.
const uselessAgain = 10 * time.Minute

// TestUploadOnlyIsNotServed: who wants nothing of anybody takes no slot.
func TestUploadOnlyIsNotServed(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.seed()
	id := join(t, n.swarm, w.now, 1)
	interested := func() bool {
		list := n.swarm.Applicants(w.now, 1, []choker.Peer{})
		return len(list) == 1 && list[0].Interested
	}
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Interested})
	if !interested() {
		t.Error("is not served")
	}
	tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{Intent: wire.UploadOnly}))
	if interested() {
		t.Error("is served")
	}
	tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{Intent: wire.Downloads}))
	if !interested() {
		t.Error("is not served again")
	}
}

// TestRepeatedHaves: what was said before is no news, and too much of it a flood.
func TestRepeatedHaves(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	for name, m := range map[string]wire.Message{"have": {Type: wire.Have, Index: 1}, "don't have": dontHave(2)} {
		n := w.leech()
		id := join(t, n.swarm, w.now, 1)
		tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Have, Index: 1})
		var err error
		for i := 0; err == nil && i < 1000; i++ {
			_, err = n.swarm.Receive(w.now, id, repeated(m, 100), nil)
		}
		var blame wire.ProtocolError
		if !errors.As(err, &blame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func repeated(m wire.Message, n int) (list []wire.Message) {
	for range n {
		list = append(list, m)
	}
	return list
}

// TestVotes: those that we dialled say what our address is, each once, and those that dialled us do not.
func TestVotes(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	a, n, c := w.seed(), w.leech(), w.leech()
	w.mustConnect(n, a)
	w.mustConnect(c, n)
	w.step(100 * time.Millisecond)
	w.step(100 * time.Millisecond)
	if want := (Vote{a.addr.Addr(), n.addr.Addr()}); len(n.facts.Votes) != 1 || n.facts.Votes[0] != want {
		t.Errorf("%v, want %v", n.facts.Votes, want)
	}
}
