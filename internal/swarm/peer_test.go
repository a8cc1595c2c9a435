package swarm

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// stranger is an incoming connection of a made-up peer that speaks everything.
func stranger(k byte) Joining {
	return Joining{
		Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, k}), 50000),
		Remote: wire.Handshake{
			Reserved: wire.MakeReserved(wire.FeatureFast, wire.FeatureExtended, wire.FeatureV2),
			PeerID:   [20]byte{'-', 'X', 'X', k},
		},
		V2:   true,
		Wake: func() {},
	}
}

// hello is an extended handshake of a peer.
func hello(h wire.ExtHandshake) wire.Message {
	return wire.Message{Type: wire.Extended, Payload: wire.AppendExtHandshake(nil, h)[5:]}
}

// TestBothDial: each end has dialled the other; both must keep the same one of the two connections.
func TestBothDial(t *testing.T) {
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		w := newWorld(t, smallThing(t, metainfo.FormatV1))
		a, b := w.seed(), w.leech()
		nodes := []*node{a, b}
		// The first connection is there at both ends, then comes the other.
		if _, err := w.connect(nodes[order[0]], nodes[order[1]]); err != nil {
			t.Fatal(err)
		}
		_, err := w.connect(nodes[order[1]], nodes[order[0]])
		if err != nil && !errors.Is(err, ErrDuplicate) {
			t.Fatal(err)
		}
		w.step(time.Millisecond)
		pa, pb := a.swarm.Peers(w.now), b.swarm.Peers(w.now)
		// b has the greater peer id: the one that it began stays.
		if len(pa) != 1 || len(pb) != 1 || pa[0].Outgoing || !pb[0].Outgoing {
			t.Errorf("a keeps %+v\nb keeps %+v", pa, pb)
		}
		w.until(20*time.Second, b.done)
	}
}

// TestBothDialAtOnce: the two handshakes cross, and each end sees them in another order.
func TestBothDialAtOnce(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	a, b := w.seed(), w.leech()
	at := func(n *node, out bool) error {
		other := a
		if n == a {
			other = b
		}
		_, err := n.swarm.Join(w.now, Joining{
			Addr: other.addr, Outgoing: out, Remote: wire.Handshake{PeerID: other.id}, Wake: func() {},
		})
		return err
	}
	// Each has its own first.
	if err := errors.Join(at(a, true), at(b, true)); err != nil {
		t.Fatal(err)
	}
	if err := at(a, false); err != nil {
		t.Errorf("a refuses the one that stays: %v", err)
	}
	if err := at(b, false); !errors.Is(err, ErrDuplicate) {
		t.Errorf("b takes the one that goes: %v", err)
	}
	if a.swarm.list[0].Kicked != ErrDuplicate || a.swarm.list[1].Kicked != nil {
		t.Error("a keeps the wrong one")
	}
}

func TestConnectedToOurselves(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.leech()
	n.swarm.Found(FromUser, n.addr)
	addr, _, ok := n.swarm.NextDial(w.now)
	if !ok || addr != n.addr {
		t.Fatal(addr, ok)
	}
	j := stranger(1)
	j.Addr, j.Outgoing, j.Remote.PeerID = n.addr, true, n.id
	if _, err := n.swarm.Join(w.now, j); !errors.Is(err, ErrSelf) {
		t.Fatal(err)
	}
	n.swarm.DialFailed(w.now, n.addr)
	n.swarm.Found(FromUser, n.addr)
	for range 100 {
		w.now = w.now.Add(time.Hour)
		if _, _, ok := n.swarm.NextDial(w.now); ok {
			t.Fatal("dialled again")
		}
	}
}

func TestBounds(t *testing.T) {
	const perIP = 32
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.leech(func(c *Config, _ *Content) { c.MaxPeers = 100 })
	for k := range byte(perIP) {
		j := stranger(k)
		j.Addr = netip.AddrPortFrom(netip.MustParseAddr("192.0.2.77"), 1000+uint16(k))
		if _, err := n.swarm.Join(w.now, j); err != nil {
			t.Fatal(err)
		}
	}
	j := stranger(200)
	j.Addr = netip.MustParseAddrPort("192.0.2.77:9")
	if _, err := n.swarm.Join(w.now, j); !errors.Is(err, ErrFull) {
		t.Errorf("one address has %d connections: %v", perIP+1, err)
	}
	for k := byte(100); len(n.swarm.peers) < 100; k++ {
		join(t, n.swarm, w.now, k)
	}
	if _, err := n.swarm.Join(w.now, stranger(250)); !errors.Is(err, ErrFull) {
		t.Errorf("too many peers: %v", err)
	}
	n.swarm.Found(FromUser, netip.MustParseAddrPort("192.0.3.1:1"))
	if _, _, ok := n.swarm.NextDial(w.now); ok {
		t.Error("dials though there are enough")
	}
}

// TestFullTable: BEP 40 decides who stays when there are enough.
func TestFullTable(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.leech(func(c *Config, _ *Content) { c.MaxPeers = 20 })
	s := n.swarm
	own := netip.MustParseAddr("203.0.113.5")
	named := netip.MustParseAddrPort("198.51.100.1:1")
	s.Found(FromUser, named)
	s.SetOwn(own)
	for k := range byte(2) {
		j := stranger(k)
		j.Outgoing = true
		if k == 0 {
			s.NextDial(w.now)
			j.Addr = named
		}
		if _, err := s.Join(w.now, j); err != nil {
			t.Fatal(err)
		}
	}
	for k := byte(2); k < 20; k++ {
		join(t, s, w.now, k)
	}
	rank := func(p *peer) uint32 { return addressbook.Priority(netip.AddrPortFrom(own, s.cfg.Port), p.Addr) }
	staying := func() (lowest *peer, count int) {
		for _, p := range s.list {
			if p.Kicked != nil {
				continue
			}
			count++
			if p.Addr != named && (lowest == nil || rank(p) < rank(lowest)) {
				lowest = p
			}
		}
		return lowest, count
	}
	replaced, refused := 0, 0
	for k := byte(30); k < 90; k++ {
		lowest, _ := staying()
		j := stranger(k)
		higher := addressbook.Priority(netip.AddrPortFrom(own, s.cfg.Port), j.Addr) > rank(lowest)
		id, err := s.Join(w.now, j)
		switch {
		case higher && err == nil && lowest.Kicked == ErrFull:
			replaced++
			s.Leave(w.now, lowest.id, nil)
		case !higher && errors.Is(err, ErrFull) && lowest.Kicked == nil:
			refused++
		default:
			t.Fatalf("higher %v, id %d, %v, the lowest: %v", higher, id, err, lowest.Kicked)
		}
		if _, count := staying(); count != 20 {
			t.Fatalf("%d peers", count)
		}
	}
	if replaced == 0 || refused == 0 {
		t.Errorf("%d replaced, %d refused", replaced, refused)
	}
	if p := s.list[0]; p.Addr != named || p.Kicked != nil {
		t.Error("whom the user named had to go")
	}
}

// TestPeerListens: where a peer that connected to us listens is dialled when it has left, not before.
func TestPeerListens(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.leech()
	id := join(t, n.swarm, w.now, 1)
	for port := uint16(7000); port < 7100; port++ {
		tell(t, n.swarm, w.now, id, hello(wire.ExtHandshake{Port: port}))
	}
	if got := n.swarm.Snapshot(w.now).Known; got != 1 {
		t.Errorf("%d addresses learned from one peer", got)
	}
	if _, _, ok := n.swarm.NextDial(w.now); ok {
		t.Error("dials a peer that is there")
	}
	w.now = w.now.Add(time.Hour)
	n.swarm.Leave(w.now, id, errGone)
	addr, _, ok := n.swarm.NextDial(w.now.Add(time.Minute))
	if want := netip.MustParseAddrPort("192.0.2.1:7000"); !ok || addr != want {
		t.Errorf("dials %v, %v", addr, ok)
	}
}
