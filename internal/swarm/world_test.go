package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

const block = torrent.BlockSize

// epoch is when the tests begin.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// thing is what a test shares.
type thing struct {
	files  [][]byte
	info   *metainfo.Info
	layout *torrent.Layout
	layers map[metainfo.HashV2][]metainfo.HashV2
}

func makeThing(t testing.TB, format metainfo.Format, pieceLength int64, sizes ...int) *thing {
	t.Helper()
	rng := rand.NewChaCha8([32]byte{byte(format)})
	draft := metainfo.Draft{Name: "thing", Dir: true, Format: format, PieceLength: pieceLength}
	x := &thing{}
	var scan []torrent.ScanFile
	for i, n := range sizes {
		b := make([]byte, n)
		rng.Read(b)
		x.files = append(x.files, b)
		draft.Files = append(draft.Files, metainfo.DraftFile{Components: []string{fmt.Sprintf("%03d", i)}, Size: int64(n)})
		scan = append(scan, torrent.ScanFile{Size: int64(n), Open: func() (io.ReaderAt, io.Closer, error) {
			return bytes.NewReader(b), io.NopCloser(nil), nil
		}})
	}
	r, err := torrent.Scan(t.Context(), scan, torrent.ScanOptions{Format: format, PieceLength: pieceLength, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	draft.V1Pieces, x.layers = r.V1Pieces, r.Layers
	for i, root := range r.Roots {
		draft.Files[i].Root = root
	}
	if x.info, err = metainfo.ParseInfo(draft.Encode()); err != nil {
		t.Fatal(err)
	}
	x.layout = torrent.New(x.info)
	return x
}

// pieces is a set of pieces of the thing.
func (x *thing) pieces(list ...int) content.Bitmap {
	m := content.NewBitmap(x.layout.Pieces())
	for _, i := range list {
		m.Set(i)
	}
	return m
}

func (x *thing) all() content.Bitmap {
	m := content.NewBitmap(x.layout.Pieces())
	m.SetAll()
	return m
}

// read fills p with bytes of a piece as they are on the wire.
func (x *thing) read(p []byte, piece, begin int) {
	for _, s := range x.layout.Segments(nil, piece, begin, len(p)) {
		n := int(s.Len())
		if s.Pad > 0 {
			clear(p[:n])
		} else {
			copy(p, x.files[s.Extent.File][s.Extent.Offset:s.Extent.End()])
		}
		p = p[n:]
	}
}

// world is some nodes, the links between them, and their time.
type world struct {
	t     *testing.T
	thing *thing
	now   time.Time
	nodes []*node
	links []*link
}

func newWorld(t *testing.T, x *thing) *world { return &world{t: t, thing: x, now: epoch} }

// node is one swarm and its memory, which is disk and intake to it.
type node struct {
	w      *world
	addr   netip.AddrPort
	id     [20]byte
	swarm  *Swarm
	hashes *torrent.Hashes
	bytes  map[int][]byte // pieces under way and there
	facts  Facts          // all that were told; Complete and others stay true
	checks []torrent.Verdict

	// What the node does unlike a good one.
	features []wire.Feature
	choking  bool                                    // it unchokes nobody
	tamper   func(b bittorrent.Block, p []byte) bool // its payload; false: it is not sent
	mangle   func(m wire.Message, raw []byte) []byte // its frames
	rate     int                                     // bytes it sends a step; 0: no bound
}

// add makes a node that has the given pieces; with have nil it knows the link only.
func (w *world) add(have *content.Bitmap, change ...func(*Config, *Content)) *node {
	w.t.Helper()
	n := &node{w: w, bytes: map[int][]byte{}, features: []wire.Feature{wire.FeatureFast, wire.FeatureExtended, wire.FeatureV2}}
	k := len(w.nodes) + 1
	n.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(k), 0, 1}), uint16(6000+k))
	n.id = [20]byte{'-', 'T', 'S', byte(k)}
	cfg := Config{
		InfoHash: w.thing.info.Hash, PeerID: n.id, Client: "test " + strconv.Itoa(k), Port: n.addr.Port(), MaxPeers: 50, Holepunch: true, LargeRequests: true,
		Rand: rand.New(rand.NewPCG(uint64(k), 7)), Wake: func() {},
	}
	c := Content{Info: w.thing.info, Layout: w.thing.layout}
	if have != nil {
		c.Verified = have.Clone()
		n.hashes = torrent.NewHashes(w.thing.info, w.thing.layout, w.thing.layers)
	}
	for _, f := range change {
		f(&cfg, &c)
	}
	n.swarm = New(w.now, cfg)
	w.nodes = append(w.nodes, n)
	if have != nil {
		if c.Hashes == nil {
			c.Hashes = n.hashes
		}
		n.hashes = c.Hashes
		for i := range have.All() {
			if w.thing.files == nil {
				break
			}
			n.bytes[i] = make([]byte, w.thing.layout.PieceSize(i))
			w.thing.read(n.bytes[i], i, 0)
		}
		n.swarm.Open(w.now, c)
	}
	return n
}

func (w *world) seed(change ...func(*Config, *Content)) *node {
	all := w.thing.all()
	return w.add(&all, change...)
}

func (w *world) leech(change ...func(*Config, *Content)) *node {
	none := w.thing.pieces()
	return w.add(&none, change...)
}

// noLayers makes a node that knows the info dictionary alone.
func noLayers(_ *Config, c *Content) { c.Hashes = torrent.NewHashes(c.Info, c.Layout, nil) }

// link is a connection; end 0 began it.
type link struct {
	ends [2]*end
	dead error
}

type end struct {
	node  *node
	id    PeerID
	box   Outbox
	woken bool
	next  time.Time // of Tick
	in    []byte    // received and not parsed
	sent  int       // blocks
	debt  int       // bytes it must wait for
}

// connect makes one node dial another. An error is that of the end that refused.
func (w *world) connect(from, to *node) (*link, error) {
	l := &link{}
	for i, n := range []*node{from, to} {
		l.ends[i] = &end{node: n, next: w.now}
	}
	for i, e := range l.ends {
		other := l.ends[1-i].node
		j := Joining{Addr: other.addr, Outgoing: i == 0, Wake: func() { e.woken = true }}
		if i == 1 {
			j.Addr = netip.AddrPortFrom(other.addr.Addr(), 40000) // not where it listens
		}
		// A real node speaks everything, so what the other one speaks is what both do.
		j.Remote = wire.Handshake{PeerID: other.id}
		for k, b := range wire.MakeReserved(from.features...) {
			j.Remote.Reserved[k] = b & wire.MakeReserved(to.features...)[k]
		}
		_, hasV2 := w.thing.info.Hash.V2()
		j.V2 = hasV2 && j.Remote.Reserved.Has(wire.FeatureV2)
		var err error
		if e.id, err = e.node.swarm.Join(w.now, j); err != nil {
			if i == 0 {
				from.swarm.DialFailed(w.now, to.addr)
			} else {
				from.swarm.Leave(w.now, l.ends[0].id, io.EOF)
			}
			return nil, err
		}
	}
	w.links = append(w.links, l)
	return l, nil
}

func (w *world) mustConnect(from *node, to ...*node) {
	w.t.Helper()
	for _, n := range to {
		if _, err := w.connect(from, n); err != nil {
			w.t.Fatal(err)
		}
	}
}

// close ends a link: the end that erred says why, the other one sees the connection go.
func (w *world) close(l *link, at int, err error) {
	if l.dead != nil {
		return
	}
	l.dead = err
	for i, e := range l.ends {
		cause := err
		if i != at {
			cause = io.EOF
		}
		e.node.swarm.Leave(w.now, e.id, cause)
	}
}

// step lets time pass and everything happen that is due.
func (w *world) step(d time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(d)
	for _, n := range w.nodes {
		n.swarm.Grant(w.now, func(PeerID) bool { return !n.choking })
		n.swarm.Beat(w.now)
		n.takeFacts()
	}
	for _, l := range w.links {
		for i := range l.ends {
			if l.dead != nil {
				break
			}
			if err := w.talk(l, i); err != nil {
				w.close(l, i, err)
			}
		}
	}
	for _, n := range w.nodes {
		n.takeFacts()
	}
}

// until steps until something is so; it must be within the time given.
func (w *world) until(within time.Duration, so func() bool) {
	w.t.Helper()
	for end := w.now.Add(within); !so(); w.step(20 * time.Millisecond) {
		if w.now.After(end) {
			for _, n := range w.nodes {
				s := n.swarm.Snapshot(w.now)
				w.t.Logf("%v: %+v", n.addr, s)
			}
			w.t.Fatalf("not within %v", within)
		}
	}
}

// talk runs one end: its timer, and what it has to send.
func (w *world) talk(l *link, i int) error {
	e, other := l.ends[i], l.ends[1-i]
	s := e.node.swarm
	if !w.now.Before(e.next) {
		next, err := s.Tick(w.now, e.id)
		if err != nil {
			return err
		}
		if !next.After(w.now) {
			w.t.Fatalf("Tick asks to be called again at %v, which is now", next)
		}
		e.next = next
	}
	if e.debt > 0 {
		e.debt -= e.node.rate
		if e.debt > 0 {
			return nil
		}
	}
	e.woken = false
	if err := s.Outbound(w.now, e.id, &e.box, 8*block); err != nil {
		return err
	}
	out := e.node.encode(&e.box)
	for _, work := range e.box.Leaves {
		var leaves []metainfo.HashV2
		for p := work.First; p < work.End; p++ {
			leaves = torrent.AppendLeafHashes(leaves, e.node.bytes[p][:w.thing.layout.Need(p)])
		}
		s.AnswerHashes(e.id, work, leaves)
	}
	if e.node.rate > 0 {
		e.debt += len(out)
	}
	e.sent += len(e.box.Uploads)
	if err := other.node.receive(other, out); err != nil {
		w.close(l, 1-i, err)
	}
	return nil
}

// encode is what goes on the wire of an outbox.
func (n *node) encode(box *Outbox) (out []byte) {
	if n.mangle == nil {
		out = append(out, box.Frames...)
	} else {
		var p wire.Parser
		for rest := box.Frames; len(rest) > 0; {
			m, k, err := p.Next(rest)
			if err != nil || k == 0 {
				n.w.t.Fatalf("frame %.100x: %d, %v", rest, k, err)
			}
			out = append(out, n.mangle(m, rest[:k])...)
			rest = rest[k:]
		}
	}
	for _, b := range box.Uploads {
		data := make([]byte, b.Length)
		if have := n.bytes[b.Piece]; have != nil {
			copy(data, have[b.Begin:])
		}
		if n.tamper != nil && !n.tamper(b, data) {
			continue
		}
		out = wire.AppendPieceHeader(out, uint32(b.Piece), uint32(b.Begin), uint32(b.Length))
		out = append(out, data...)
	}
	return out
}

// receive is the shell's reader with an intake behind it.
func (n *node) receive(e *end, in []byte) error {
	s, now := n.swarm, n.w.now
	e.in = append(e.in, in...)
	var msgs []wire.Message
	var payloads [][]byte
	var p wire.Parser
	rest := e.in
	for {
		m, k, err := p.Next(rest)
		if err != nil {
			return err
		}
		if k == 0 || m.Type == wire.Piece && len(rest) < k+int(m.Length) {
			break
		}
		rest = rest[k:]
		if m.Type != wire.Piece {
			msgs = append(msgs, m)
			continue
		}
		for b := range m.Cut(block) {
			payloads = append(payloads, rest[:b.Length])
			rest = rest[b.Length:]
			msgs = append(msgs, b)
		}
	}
	defer func() { e.in = append(e.in[:0], rest...) }()
	if len(msgs) == 0 {
		return nil
	}
	arrivals, err := s.Receive(now, e.id, msgs, nil)
	if err != nil {
		return err
	}
	for i, a := range arrivals {
		if a.Wanted {
			n.place(a.Block, payloads[i])
		}
	}
	for _, piece := range s.Landed(now, e.id, arrivals, nil) {
		n.check(piece)
	}
	n.takeFacts()
	return nil
}

func (n *node) place(b bittorrent.Block, payload []byte) {
	if n.bytes[b.Piece] == nil {
		n.bytes[b.Piece] = make([]byte, n.w.thing.layout.PieceSize(b.Piece))
	}
	copy(n.bytes[b.Piece][b.Begin:], payload)
}

func (n *node) check(piece int) {
	data := n.bytes[piece][:n.w.thing.layout.Need(piece)]
	v := n.hashes.Check(piece, data)
	if v.OK && n.swarm.NeedLeaves(piece) {
		v.Leaves = torrent.AppendLeafHashes(nil, data)
	}
	n.checks = append(n.checks, v)
	n.swarm.Checked(n.w.now, piece, v)
}

// takeFacts is the node's loop: it opens the swarm when the metadata is found.
func (n *node) takeFacts() {
	f := n.swarm.TakeFacts()
	if f.Metadata != nil {
		if !bytes.Equal(f.Metadata, n.w.thing.info.Raw) {
			n.w.t.Error("other metadata")
		}
		n.facts.Metadata = f.Metadata
		info, err := metainfo.ParseInfo(f.Metadata)
		if err != nil {
			n.w.t.Fatal(err)
		}
		n.hashes = torrent.NewHashes(info, n.w.thing.layout, nil)
		n.swarm.Open(n.w.now, Content{Info: info, Layout: n.w.thing.layout, Hashes: n.hashes, Verified: n.w.thing.pieces()})
	}
	n.facts.Complete = n.facts.Complete || f.Complete
	n.facts.SomeoneToServe = n.facts.SomeoneToServe || f.SomeoneToServe
	n.facts.Layers = n.facts.Layers || f.Layers
	n.facts.Accused = append(n.facts.Accused, f.Accused...)
	n.facts.Votes = append(n.facts.Votes, f.Votes...)
	n.facts.Nodes = append(n.facts.Nodes, f.Nodes...)
}

// done reports whether the node has all.
func (n *node) done() bool {
	state, _ := n.swarm.State()
	return state == Seeding
}

// right checks that a node that is done has the right bytes.
func (n *node) right() {
	n.w.t.Helper()
	x := n.w.thing
	for i := range x.layout.Pieces() {
		want := make([]byte, x.layout.Need(i))
		x.read(want, i, 0)
		if !bytes.Equal(n.bytes[i][:len(want)], want) {
			n.w.t.Errorf("piece %d is wrong", i)
		}
	}
	s := n.swarm.Snapshot(n.w.now)
	if s.VerifiedBytes != s.WantedBytes || s.PiecesHave != s.Pieces || s.Err != nil {
		n.w.t.Errorf("%+v", s)
	}
}

// peers is how many connections of the world are alive at a node.
func (n *node) peers() int { return len(n.swarm.Peers(n.w.now)) }

// accused lists whom the node has accused.
func (n *node) accused() (addrs []string) {
	for _, a := range n.facts.Accused {
		addrs = append(addrs, a.Addr)
	}
	return addrs
}

var errGone = errors.New("the peer went away")
