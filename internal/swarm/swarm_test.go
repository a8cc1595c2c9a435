package swarm

import (
	"errors"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/choker"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/swarm/gate"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// everything is one of each message that a peer can send, those of some kinds twice.
func everything() []wire.Message {
	some := wire.HashRequest{Index: 2, Length: 2, ProofLayers: 1}
	return []wire.Message{
		hello(wire.ExtHandshake{M: map[string]uint8{wire.ExtMetadata: 3, wire.ExtHolepunch: theirPunch}, MetadataSize: 100, Port: 9, Reqq: 5}),
		{Type: wire.KeepAlive}, {Type: wire.Unchoke}, {Type: wire.Choke}, {Type: wire.Unchoke}, {Type: wire.Interested},
		{Type: wire.NotInterested}, {Type: wire.Have, Index: 1}, {Type: wire.HaveAll}, {Type: wire.AllowedFast, Index: 1},
		{Type: wire.Suggest, Index: 1}, {Type: wire.Cancel, Length: block}, {Type: wire.Reject, Length: block},
		{Type: wire.Piece, Index: 1, Length: block}, {Type: wire.Piece, Index: 1 << 31, Begin: 1 << 31, Length: 7},
		{Type: wire.HashRequested, Hash: some}, {Type: wire.Hashes, Hash: some}, {Type: wire.HashReject, Hash: some},
		{Type: wire.Port, Index: 9}, {Type: wire.Unknown, Payload: []byte{1}},
		{Type: wire.Extended, Payload: []byte{2, 0, 0, 0, 1}},
		{Type: wire.Extended, Payload: append([]byte{1}, "d8:msg_typei0e5:piecei0ee"...)},
		{Type: wire.Extended, Payload: append([]byte{1}, "d8:msg_typei1e5:piecei0eex"...)},
		{Type: wire.Extended, Payload: append([]byte{1}, "d8:msg_typei2e5:piecei0ee"...)},
		{Type: wire.Extended, Payload: wire.AppendHolepunch(nil, ourPunch, wire.Holepunch{Kind: wire.Rendezvous, Addr: at(2)})[5:]},
		{Type: wire.Extended, Payload: wire.AppendHolepunch(nil, ourPunch, wire.Holepunch{Kind: wire.Connect, Addr: at(2)})[5:]},
		{Type: wire.Extended, Payload: wire.AppendHolepunch(nil, ourPunch, wire.Holepunch{Kind: wire.HolepunchFailed, Addr: at(2)})[5:]},
		{Type: wire.Request, Index: 1, Length: block},
		{Type: wire.Bitfield, Payload: []byte{0xff, 0xff}},
	}
}

// TestEveryMessageInEveryState: whatever a peer says and whenever, it may be wrong but never brings us down.
func TestEveryMessageInEveryState(t *testing.T) {
	x := smallThing(t, metainfo.FormatHybrid)
	for _, tt := range []struct {
		name string
		node func(w *world) *node
	}{
		{"resolving", func(w *world) *node { return w.add(nil) }},
		{"fetching", func(w *world) *node { return w.leech() }},
		{"seeding", func(w *world) *node { return w.seed() }},
		{"super-seeding", func(w *world) *node { return w.seed(super) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, m := range everything() {
				w := newWorld(t, x)
				n := tt.node(w)
				id := join(t, n.swarm, w.now, 1)
				// Alone, and after all the others.
				for _, m := range append([]wire.Message{m}, everything()...) {
					arrivals, err := n.swarm.Receive(w.now, id, []wire.Message{m}, nil)
					n.swarm.Landed(w.now, id, arrivals, nil)
					if err != nil {
						break
					}
				}
				var box Outbox
				n.swarm.Outbound(w.now, id, &box, 1<<20)
				n.swarm.Tick(w.now.Add(11*time.Second), id)
				n.swarm.Grant(w.now, func(PeerID) bool { return i%2 == 0 })
				n.swarm.Snapshot(w.now)
				n.swarm.Peers(w.now)
				n.swarm.Applicants(w.now, 1, nil)
				n.swarm.Leave(w.now, id, nil)
			}
		})
	}
}

// TestBeforeTheMetadata: all that the node and the intake may call is harmless while there is no content.
func TestBeforeTheMetadata(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	n := w.add(nil)
	s := n.swarm
	s.Checked(w.now, 3, torrent.Verdict{OK: true})
	s.Unwritten(3)
	s.Beat(w.now)
	s.Resume(w.now)
	if s.NeedLeaves(3) {
		t.Error("needs leaves")
	}
	if got := s.Applicants(w.now, 1, nil); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	if h := s.Have(); h.Len() != 0 {
		t.Errorf("has %d", h.Count())
	}
	if state, err := s.State(); state != Resolving || err != nil {
		t.Error(state, err)
	}
	for _, call := range []func() error{
		func() error { var b Outbox; return s.Outbound(w.now, 77, &b, 1) },
		func() error { _, err := s.Tick(w.now, 77); return err },
	} {
		if call() == nil {
			t.Error("a peer that never was")
		}
	}
}

// TestStopAndResume walks through the states.
func TestStopAndResume(t *testing.T) {
	w := newWorld(t, smallThing(t, metainfo.FormatHybrid))
	a, n := w.seed(), w.leech()
	w.mustConnect(n, a)
	w.until(5*time.Second, func() bool { h := n.swarm.Have(); return h.Count() > 2 })
	id := n.swarm.list[0].id
	reason := errors.New("enough")
	n.swarm.Stop(Paused, reason)
	if state, err := n.swarm.State(); state != Paused || err != reason {
		t.Error(state, err)
	}
	if _, err := n.swarm.Receive(w.now, id, nil, nil); err != gate.ErrStopped {
		t.Errorf("heard while stopped: %v", err)
	}
	if _, err := n.swarm.Tick(w.now, id); err != gate.ErrStopped {
		t.Errorf("%v", err)
	}
	if err := n.swarm.Outbound(w.now, id, &Outbox{}, 1); err != gate.ErrStopped {
		t.Errorf("%v", err)
	}
	if _, err := n.swarm.Join(w.now, stranger(9)); !errors.Is(err, ErrNotMoving) {
		t.Errorf("taken in while stopped: %v", err)
	}
	n.swarm.Found(FromUser, address(1))
	if _, _, ok := n.swarm.NextDial(w.now); ok {
		t.Error("dials while stopped")
	}
	if len(n.swarm.Applicants(w.now, 1, nil)) > 0 {
		t.Error("somebody may be served while stopped")
	}
	// A block that was under way and a piece that was with the workers come to rest now.
	n.swarm.Landed(w.now, id, nil, nil)
	// The user changes his mind before the peer's shell has noticed.
	n.swarm.Resume(w.now)
	if state, err := n.swarm.State(); state != Fetching || err != nil {
		t.Error(state, err)
	}
	if len(n.swarm.list[0].conv.TakeOut(w.now, nil)) != 0 && n.swarm.list[0].conv.Pending() > 0 {
		n.swarm.fill(w.now, n.swarm.list[0])
	}
	w.step(20 * time.Millisecond)
	if n.peers() != 0 {
		t.Error("the peer is still there")
	}
	w.mustConnect(n, a)
	w.until(20*time.Second, n.done)
	n.right()

	n.facts = Facts{}
	n.swarm.Stop(Checking, nil)
	n.swarm.Resume(w.now)
	n.takeFacts()
	if !n.done() || !n.facts.Complete {
		t.Errorf("%+v", n.facts)
	}
}

// TestVerdictsAfterStop: the last pieces pass while the object is paused.
func TestVerdictsAfterStop(t *testing.T) {
	x := makeThing(t, metainfo.FormatV1, 4*block, 8*block)
	w := newWorld(t, x)
	n := w.leech()
	id := join(t, n.swarm, w.now, 1)
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.HaveAll}, wire.Message{Type: wire.Unchoke})
	var complete []int
	for _, r := range n.swarm.sched.AppendOutstanding(nil, id) {
		b := bittorrent.Block{Piece: r.Unit, Begin: r.Block * block, Length: block}
		data := make([]byte, block)
		x.read(data, b.Piece, b.Begin)
		n.place(b, data)
		got, err := n.swarm.Receive(w.now, id, []wire.Message{{Type: wire.Piece, Index: uint32(b.Piece), Begin: uint32(b.Begin), Length: block}}, nil)
		if err != nil || !got[0].Wanted {
			t.Fatal(got, err)
		}
		complete = n.swarm.Landed(w.now, id, got, complete)
	}
	if len(complete) != 2 {
		t.Fatalf("%v complete", complete)
	}
	n.swarm.Stop(Paused, nil)
	n.swarm.Leave(w.now, id, gate.ErrStopped)
	for _, piece := range complete {
		n.check(piece)
		n.check(piece) // a second word on the same piece changes nothing
	}
	n.takeFacts()
	s := n.swarm.Snapshot(w.now)
	if s.State != Paused || n.facts.Complete || s.VerifiedBytes != s.WantedBytes {
		t.Errorf("%+v", s)
	}
	n.swarm.Resume(w.now)
	n.takeFacts()
	if !n.done() || !n.facts.Complete {
		t.Error("not complete")
	}
}

// TestOpenWhilePeersAreKicked: peers that are on their way out are not started.
func TestOpenWhilePeersAreKicked(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	w := newWorld(t, x)
	n := w.add(nil)
	a, b := join(t, n.swarm, w.now, 1), join(t, n.swarm, w.now, 2)
	n.swarm.Stop(Checking, nil)
	n.swarm.Leave(w.now, a, nil)
	n.hashes = torrent.NewHashes(x.info, x.layout, x.layers)
	n.swarm.Open(w.now, Content{Info: x.info, Layout: x.layout, Hashes: n.hashes, Verified: x.pieces()})
	if n.swarm.peers[b].started {
		t.Error("started")
	}
	n.swarm.Leave(w.now, b, nil)
	w.mustConnect(n, w.seed())
	w.until(20*time.Second, n.done)
}

// TestUnfitBitfield: a peer whose early bitfield does not fit the metadata has to go; the others go on.
func TestUnfitBitfield(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	w := newWorld(t, x)
	n := w.add(nil)
	id := join(t, n.swarm, w.now, 1)
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Bitfield, Payload: make([]byte, 99)})
	w.mustConnect(n, w.seed())
	w.until(20*time.Second, n.done)
	var blame wire.ProtocolError
	if err := n.swarm.Outbound(w.now, id, &Outbox{}, 1); !errors.As(err, &blame) {
		t.Errorf("%v", err)
	}
	// The same with the metadata known.
	id = join(t, n.swarm, w.now, 2)
	if _, err := n.swarm.Receive(w.now, id, []wire.Message{{Type: wire.Bitfield, Payload: make([]byte, 99)}}, nil); !errors.As(err, &blame) {
		t.Errorf("%v", err)
	}
}

// TestBacklogIsBounded: a peer that asks and takes no answers is sent away before it costs much memory.
func TestBacklogIsBounded(t *testing.T) {
	w := newWorld(t, makeThing(t, metainfo.FormatV2, block, 600*block))
	n := w.seed()
	id := join(t, n.swarm, w.now, 1)
	var ask wire.Message
	for r := range torrent.NewHashes(w.thing.info, w.thing.layout, nil).Missing() {
		ask = wire.Message{Type: wire.HashRequested, Hash: wireRequest(r)}
		break
	}
	batch := make([]wire.Message, 5000)
	for i := range batch {
		batch[i] = ask
	}
	for range 100 {
		_, err := n.swarm.Receive(w.now, id, batch, nil)
		if size := n.swarm.peers[id].conv.Backlog(); size > 2*maxBacklog {
			t.Fatalf("%d bytes wait for it", size)
		}
		if err != nil {
			return
		}
	}
	t.Error("it is still there")
}

func TestApplicants(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	w := newWorld(t, x)
	n := w.seed()
	id := join(t, n.swarm, w.now, 1)
	half := x.layout.Pieces() / 2
	for i := range half {
		tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Have, Index: uint32(i)})
	}
	tell(t, n.swarm, w.now, id, wire.Message{Type: wire.Interested})
	if !n.swarm.TakeFacts().SomeoneToServe {
		t.Error("nobody was told")
	}
	want := choker.Peer{
		ID: uint64(id), Object: 7, Interested: true, Seeding: true, Connected: w.now,
		Need: 1 - float64(half)/float64(x.layout.Pieces()),
	}
	if got := n.swarm.Applicants(w.now, 7, nil); len(got) != 1 || got[0] != want {
		t.Errorf("%+v", got)
	}
	now := w.now.Add(time.Second)
	for range 2 { // the second time is no news
		n.swarm.Grant(now, func(id PeerID) bool { return true })
	}
	tell(t, n.swarm, now, id, wire.Message{Type: wire.Request, Index: uint32(half), Length: block})
	var box Outbox
	if err := n.swarm.Outbound(now, id, &box, 1<<20); err != nil || len(box.Uploads) != 1 {
		t.Errorf("%+v, %v", box, err)
	}
	got := n.swarm.Applicants(now, 7, nil)[0]
	if !got.Unchoked || got.LastUnchoke != now || got.UploadedSinceUnchoke != block || got.UpRate == 0 {
		t.Errorf("%+v", got)
	}
	n.swarm.Grant(now, func(PeerID) bool { return false })
	if n.swarm.Applicants(now, 7, nil)[0].Unchoked {
		t.Error("not choked again")
	}
	n.swarm.TakeFacts()
	n.swarm.Leave(now, id, nil)
	if !n.swarm.TakeFacts().SomeoneToServe {
		t.Error("nobody was told of the free slot")
	}
}

// TestRequestsForWhatWeLack are refused, like those beyond a piece.
func TestRequestsForWhatWeLack(t *testing.T) {
	x := smallThing(t, metainfo.FormatV1)
	w := newWorld(t, x)
	some := x.pieces(0, 1)
	n := w.add(&some)
	id := join(t, n.swarm, w.now, 1)
	n.swarm.Grant(w.now, func(PeerID) bool { return true })
	tell(t, n.swarm, w.now, id,
		wire.Message{Type: wire.Request, Index: 2, Length: block},
		wire.Message{Type: wire.Request, Index: 1, Begin: 4*block - 1, Length: 2},
		wire.Message{Type: wire.Request, Index: 1, Begin: 1<<32 - 1, Length: block},
		wire.Message{Type: wire.Request, Index: 1, Begin: 5, Length: 9})
	if got := n.swarm.peers[id].conv.Queued(); got != 1 {
		t.Errorf("%d queued", got)
	}
}

// TestWakeIsCalledForNews counts the calls that the node's loop waits for.
func TestWakeIsCalledForNews(t *testing.T) {
	wakes := 0
	w := newWorld(t, smallThing(t, metainfo.FormatV1))
	a := w.seed()
	n := w.leech(func(c *Config, _ *Content) { c.Wake = func() { wakes++ } })
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"found", func() { n.swarm.Found(FromUser, address(1)) }},
		{"stop", func() { n.swarm.Stop(Paused, nil) }},
		{"resume", func() { n.swarm.Resume(w.now) }},
		{"interested", func() {
			tell(t, n.swarm, w.now, join(t, n.swarm, w.now, 1), wire.Message{Type: wire.Interested})
		}},
		{"complete", func() { w.mustConnect(n, a); w.until(20*time.Second, n.done) }},
	} {
		before := wakes
		if step.do(); wakes == before {
			t.Errorf("%s: no wake", step.name)
		}
	}
}
