package swarm

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// Our key is told to whoever dialled us and calls itself a potluck, over a connection that proves nothing; to nobody else.
func TestWhoIsToldOurKey(t *testing.T) {
	ours := identity.Key{7}
	for what, c := range map[string]struct {
		change func(*Joining)
		told   bool
	}{
		"a potluck that dialled us":            {func(*Joining) {}, true},
		"one that we dialled":                  {func(j *Joining) { j.Outgoing = true }, false},
		"another program":                      {func(j *Joining) { j.Remote.PeerID = [20]byte{'-', 'T', 'R'} }, false},
		"one that has our proof, and gave its": {func(j *Joining) { j.Key = identity.Key{8} }, false},
	} {
		w := newWorld(t, smallThing(t, metainfo.FormatV1))
		n := w.seed(func(cfg *Config, _ *Content) { cfg.Key = ours })
		j := stranger(1)
		copy(j.Remote.PeerID[:], "-PK")
		c.change(&j)
		id, err := n.swarm.Join(w.now, j)
		if err != nil {
			t.Fatal(err)
		}
		tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{}))
		var box Outbox
		if err := n.swarm.Outbound(w.now, id, &box, 0); err != nil {
			t.Fatal(err)
		}
		if got := helloIn(t, box.Frames).Key; (got == ours) != c.told || !c.told && !identity.Key(got).IsZero() {
			t.Errorf("%s is told %v", what, identity.Key(got))
		}
	}
}

// helloIn finds the extended handshake among frames.
func helloIn(t *testing.T, frames []byte) wire.ExtHandshake {
	t.Helper()
	var p wire.Parser
	p.Limits = wire.Limits{Block: 1 << 14, Bitfield: 1 << 10, Extended: 1 << 14}
	for len(frames) > 0 {
		m, n, err := p.Next(frames)
		if err != nil || n == 0 {
			t.Fatal(n, err)
		}
		frames = frames[n:]
		if m.Type == wire.Extended && m.Payload[0] == wire.ExtHandshakeID {
			h, err := wire.ParseExtHandshake(m.Payload[1:])
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
	}
	t.Fatal("no extended handshake")
	return wire.ExtHandshake{}
}

// The key that a peer says it has is heeded once, and only of a peer that we dialled and that has proven none.
func TestKeyTold(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Joining)
		heeded bool
	}{
		"by one that we dialled":      {func(*Joining) {}, true},
		"by one that dialled us":      {func(j *Joining) { j.Outgoing = false }, false},
		"by one that has proven some": {func(j *Joining) { j.Key = identity.Key{8} }, false},
	} {
		w := newWorld(t, smallThing(t, metainfo.FormatV1))
		n := w.leech()
		var told []identity.Key
		j := stranger(1)
		j.Outgoing, j.Upgrade = true, func(k identity.Key) { told = append(told, k) }
		n.swarm.Found(FromUser, j.Addr)
		n.swarm.NextDial(w.now)
		c.change(&j)
		id, err := n.swarm.Join(w.now, j)
		if err != nil {
			t.Fatal(err)
		}
		for k := byte(1); k < 4; k++ {
			tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{Key: [32]byte{k}}))
		}
		if c.heeded != (len(told) == 1 && told[0] == identity.Key{1}) || !c.heeded && len(told) > 0 {
			t.Errorf("%s: %v", what, told)
		}
		if p := n.swarm.Pin(j.Addr); p.Key != j.Key {
			t.Errorf("%s: what it says is taken for proven: %v", what, p)
		}
	}
}

// Where a peer that has proven its key says it listens it is known by that key, unless somebody has proven another there.
func TestKeyOfWhoListens(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.leech()
	for k := byte(1); k < 3; k++ {
		j := stranger(1)
		j.Remote.PeerID[5] = k
		j.Key = identity.Key{k}
		id, err := n.swarm.Join(w.now, j)
		if err != nil {
			t.Fatal(err)
		}
		tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{Port: 7000}))
		n.swarm.Leave(w.now, id, errGone)
		w.now = w.now.Add(time.Hour)
	}
	addr, _, ok := n.swarm.NextDial(w.now)
	if !ok || addr.Port() != 7000 || n.swarm.Pin(addr) != (Pin{Key: identity.Key{1}, By: FromPeer}) {
		t.Errorf("%v has %v", addr, n.swarm.Pin(addr))
	}
}
