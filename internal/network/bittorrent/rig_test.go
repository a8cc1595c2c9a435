package bittorrent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample is a torrent with its bytes.
type sample struct {
	info   *metainfo.Info
	layers map[metainfo.HashV2][]metainfo.HashV2
	layout *torrent.Layout
	files  [][]byte
}

// makeSample makes a torrent of random files of the given sizes.
func makeSample(t testing.TB, format string, pieceLength int64, sizes ...int) *sample {
	t.Helper()
	f, ok := metainfo.ParseFormat(format)
	if !ok {
		t.Fatal("no format " + format)
	}
	s := &sample{}
	rng := rand.NewChaCha8([32]byte{byte(len(sizes))})
	d := metainfo.Draft{Name: "sample", Dir: len(sizes) > 1, Format: f, PieceLength: pieceLength}
	var scan []torrent.ScanFile
	for i, n := range sizes {
		b := make([]byte, n)
		rng.Read(b)
		s.files = append(s.files, b)
		name := "sample"
		if d.Dir {
			name = fmt.Sprintf("%02d", i)
		}
		d.Files = append(d.Files, metainfo.DraftFile{Components: []string{name}, Size: int64(n)})
		scan = append(scan, torrent.ScanFile{Size: int64(n), Open: func() (io.ReaderAt, io.Closer, error) {
			return bytes.NewReader(b), io.NopCloser(nil), nil
		}})
	}
	r, err := torrent.Scan(context.Background(), scan, torrent.ScanOptions{Format: f, PieceLength: pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	d.V1Pieces = r.V1Pieces
	for i, root := range r.Roots {
		d.Files[i].Root = root
	}
	if s.info, err = metainfo.ParseInfo(d.Encode()); err != nil {
		t.Fatal(err)
	}
	s.layers, s.layout = r.Layers, torrent.New(s.info)
	return s
}

// wire is a run of a piece as it travels, padding and all.
func (s *sample) wire(piece, begin, length int) []byte {
	b := make([]byte, length)
	rest := b
	for _, g := range s.layout.Segments(nil, piece, begin, length) {
		if g.Pad == 0 {
			copy(rest, s.files[g.Extent.File][g.Extent.Offset:])
		}
		rest = rest[g.Len():]
	}
	return b
}

// memory is the files of an object, on no disk.
type memory struct {
	mu      sync.Mutex
	files   [][]byte
	reads   int
	writes  int
	broken  func() // called before every read
	failing error  // of writes
}

func (m *memory) ReadAt(p []byte, file int, off int64) error {
	if m.broken != nil {
		m.broken()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	copy(p, m.files[file][off:])
	return nil
}

func (m *memory) WriteAt(p []byte, file int, off int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failing != nil {
		return m.failing
	}
	m.writes++
	copy(m.files[file][off:], p)
	return nil
}

func (m *memory) Verified(content.Extent) {}

// rig is a shell with one object, and a small stand-in for the node around it.
type rig struct {
	t      *testing.T
	host   *netxtest.Host
	shell  *Shell
	object *Object
	files  *memory
	intake *intake.Intake
	life   context.Context
	end    context.CancelFunc
	own    sync.WaitGroup // what begins connections
	addr   netip.AddrPort
	choke  atomic.Bool // nobody is served
	done   chan struct{}
	failed chan error
	met    chan *identity.OtherKeyError // where somebody else was meant
	panics atomic.Int32
	find   func([20]byte) *Object // instead of the usual
}

// options say what is special about a rig.
type options struct {
	has      bool // the object is a share
	magnet   bool // the metadata is not known yet
	hash     metainfo.InfoHash
	up, down int64
	budget   int64 // of memory for pieces
	peers    int   // at most
	buffers  int64 // bytes of large ones
	runs     bool  // it asks for runs of blocks
	dhtPort  uint16

	encryption mse.Policy
	node       byte   // whose key it has; 0: it speaks no TLS
	hides      bool   // it proves who it is when it dials, and is not found out by those who dial
	utp        Dialer // with it the rig takes relays
	door       *door  // by which alone it goes out; nil: it is no matter
	log        slog.Handler
}

// nodeOf is a node's identity.
func nodeOf(t testing.TB, node byte) *identity.Identity {
	t.Helper()
	id, err := identity.New([32]byte{node})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// newRig starts a shell on a host of its own that listens at port 7000.
func newRig(t *testing.T, w *netxtest.World, ip string, s *sample, opt options) *rig {
	t.Helper()
	r := &rig{t: t, host: w.Host(ip), done: make(chan struct{}), failed: make(chan error, 100), met: make(chan *identity.OtherKeyError, 100)}
	r.life, r.end = context.WithCancel(context.Background())
	wake := make(chan struct{}, 1)
	id := [20]byte{'-', 'P', 'K'}
	copy(id[3:], ip)
	if opt.hash.IsZero() {
		opt.hash = s.info.Hash
	}
	opt.peers = max(opt.peers, 80)
	if opt.log == nil {
		opt.log = slog.DiscardHandler
	}
	var ours, shown *identity.Identity
	var told identity.Key
	if opt.node != 0 {
		ours = nodeOf(t, opt.node)
		if !opt.hides && opt.encryption.TLS() {
			shown, told = ours, ours.Key()
		}
	}
	r.object = &Object{
		Hash: opt.hash,
		Swarm: swarm.New(time.Now(), swarm.Config{
			InfoHash: opt.hash, PeerID: id, Client: "rig", Port: 7000, DHTPort: opt.dhtPort, Key: told, MaxPeers: opt.peers, Holepunch: opt.utp != nil,
			LargeRequests: opt.runs,
			Accept:        func(a netip.AddrPort) bool { return !a.Addr().IsPrivate() }, Rand: rand.New(rand.NewPCG(1, uint64(ip[len(ip)-1]))),
			Wake: func() {
				select {
				case wake <- struct{}{}:
				default:
				}
			},
		}),
		Down: netx.Chain{netx.NewLimiter(opt.down)}, Up: netx.Chain{netx.NewLimiter(opt.up)},
		Failed:    func(err error) { r.failed <- err },
		Identity:  ours,
		Estranged: func(_ netip.AddrPort, why *identity.OtherKeyError) { r.met <- why },
	}
	var network netx.Network = r.host
	if opt.door != nil {
		opt.door.Network, network = r.host, opt.door
	}
	r.shell = New(Config{
		Network: network, UTP: opt.utp, Now: time.Now, Log: slog.New(opt.log),
		Find: func(h [20]byte) *Object {
			if r.find != nil {
				return r.find(h)
			}
			if opt.hash.Matches(h) || s.info.Hash.Matches(h) && r.object.Content.Load() != nil {
				return r.object
			}
			return nil
		},
		Encryption: opt.encryption, Identity: shown,
		Buffers: opt.buffers, LargeRequests: opt.runs,
		FindReq2: func(req2 [20]byte) ([20]byte, bool) {
			for _, name := range s.info.Hash.Wire() {
				if mse.Req2(name) == req2 {
					return name, true
				}
			}
			return [20]byte{}, false
		},
		Panicked: func(any) { r.panics.Add(1) },
	})
	pool := intake.NewPool(2, func(p any) { t.Errorf("panic in the intake: %v", p) })
	r.files = &memory{files: s.files}
	open := func(info *metainfo.Info) {
		layout := torrent.New(info)
		verified := content.NewBitmap(layout.Pieces())
		hashes := torrent.NewHashes(info, layout, nil)
		c := &Content{Hash: info.Hash, Layout: layout, Files: r.files}
		if opt.has {
			hashes = torrent.NewHashes(info, layout, s.layers)
			verified.SetAll()
		} else {
			r.files.files = nil
			for _, f := range info.Files {
				r.files.files = append(r.files.files, make([]byte, f.Size))
			}
			if opt.budget == 0 {
				opt.budget = 8 << 20
			}
			r.intake = intake.New(intake.Config{
				Layout: layout, Hashes: hashes, Files: r.files, Budget: intake.NewBudget(opt.budget), Pool: pool,
				NeedLeaves: r.object.Swarm.NeedLeaves,
				Report: func(piece int, v torrent.Verdict, err error) {
					if err != nil {
						r.failed <- err
						return
					}
					r.object.Swarm.Checked(time.Now(), piece, v)
				},
			})
			c.Intake = r.intake
		}
		r.object.Content.Store(c)
		r.object.Swarm.Open(time.Now(), swarm.Content{Info: info, Layout: layout, Hashes: hashes, Verified: verified})
	}
	if !opt.magnet {
		open(s.info)
	}
	l, err := r.host.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:7000"))
	if err != nil {
		t.Fatal(err)
	}
	r.addr = netip.AddrPortFrom(netip.MustParseAddr(ip), 7000)
	r.own.Go(func() { r.shell.Accept(r.life, l) })
	r.own.Go(func() {
		beat := time.NewTicker(time.Second)
		defer beat.Stop()
		complete := false
		for {
			select {
			case <-r.life.Done():
				return
			case <-wake:
			case <-beat.C:
			}
			f := r.object.Swarm.TakeFacts()
			if f.Metadata != nil {
				info, err := metainfo.ParseInfo(f.Metadata)
				if err != nil {
					t.Error(err)
					return
				}
				open(info)
			}
			if f.Complete && !complete {
				complete = true
				close(r.done)
			}
			r.object.Swarm.Beat(time.Now())
			r.object.Swarm.Grant(time.Now(), func(swarm.PeerID) bool { return !r.choke.Load() })
			for {
				addr, try, ok := r.object.Swarm.NextDial(time.Now())
				if !ok {
					break
				}
				r.shell.Dial(r.life, r.object, addr, try)
			}
		}
	})
	t.Cleanup(func() {
		r.stop()
		pool.Close()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers were not given back", n)
		}
		if n := len(r.shell.waiting.inside); n != 0 {
			t.Errorf("%d are still in the room", n)
		}
	})
	return r
}

// stop ends everything and waits for that, first for what begins connections.
func (r *rig) stop() {
	r.end()
	r.own.Wait()
	r.shell.Wait()
}

// peer is the other end of a connection, played by the test.
type peer struct {
	net.Conn
	t   *testing.T
	buf []byte
}

// connect dials the rig from a host of the test's.
func (r *rig) connect(from *netxtest.Host) *peer {
	r.t.Helper()
	conn, err := from.DialTCP(r.t.Context(), r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	return &peer{Conn: conn, t: r.t}
}

// greet exchanges handshakes under a name, with the given features and a peer id made of the name of the peer.
func (p *peer) greet(name [20]byte, id string, features ...wire.Feature) wire.Handshake {
	p.t.Helper()
	h := wire.Handshake{Reserved: wire.MakeReserved(features...), InfoHash: name}
	copy(h.PeerID[:], "-TT0000-"+id)
	p.send(wire.AppendHandshake(nil, h))
	b := make([]byte, wire.HandshakeSize)
	if _, err := io.ReadFull(p, b); err != nil {
		p.t.Fatal("no handshake: ", err)
	}
	theirs, err := wire.ParseHandshake(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return theirs
}

func (p *peer) send(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// next reads a message; that of a block comes with the block.
func (p *peer) next() (wire.Message, []byte, error) {
	var parser wire.Parser
	for {
		m, n, err := parser.Next(p.buf)
		if err != nil {
			return m, nil, err
		}
		size := n
		if m.Type == wire.Piece {
			size += int(m.Length)
		}
		if n > 0 && len(p.buf) >= size {
			block := bytes.Clone(p.buf[n:size])
			m.Payload = bytes.Clone(m.Payload)
			p.buf = p.buf[size:]
			return m, block, nil
		}
		b := make([]byte, 64<<10)
		k, err := p.Read(b)
		p.buf = append(p.buf, b[:k]...)
		if err != nil {
			return m, nil, err
		}
	}
}

// until reads on to the first message of a type.
func (p *peer) until(want wire.Type) (wire.Message, []byte) {
	p.t.Helper()
	for {
		m, b, err := p.next()
		if err != nil {
			p.t.Fatalf("no %v: %v", want, err)
		}
		if m.Type == want {
			return m, b
		}
	}
}

// hangup reads until the other side ends the connection, and says how long that took.
func (p *peer) hangup() time.Duration {
	p.t.Helper()
	begun := time.Now()
	p.SetReadDeadline(begun.Add(time.Hour))
	for {
		if _, err := p.Read(make([]byte, 64<<10)); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				p.t.Fatal("the connection was not ended")
			}
			return time.Since(begun)
		}
	}
}

// alive fails the test if the other side has ended the connection. What it says meanwhile is kept.
func (p *peer) alive() {
	p.t.Helper()
	synctest.Wait()
	p.SetReadDeadline(time.Now())
	defer p.SetReadDeadline(time.Time{})
	for {
		b := make([]byte, 64<<10)
		n, err := p.Read(b)
		p.buf = append(p.buf, b[:n]...)
		if err == nil {
			continue
		}
		if e, ok := err.(net.Error); !ok || !e.Timeout() {
			p.t.Fatal("the connection was ended: ", err)
		}
		return
	}
}

// fetched waits until the rig's object is complete, and compares it.
func (r *rig) fetched(s *sample) {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(time.Hour):
		r.t.Fatal("not complete in an hour")
	}
	for i := range s.files {
		if !bytes.Equal(s.files[i], r.files.files[i]) {
			r.t.Errorf("file %d differs", i)
		}
	}
}

func (r *rig) peers() []swarm.PeerInfo { return r.object.Swarm.Peers(time.Now()) }

func v1Name(s *sample) [20]byte {
	h, _ := s.info.Hash.V1()
	return h
}

func v2Name(s *sample) [20]byte {
	h, _ := s.info.Hash.V2()
	return [20]byte(h[:20])
}

// anyName is the name a sample goes by first.
func anyName(s *sample) [20]byte { return s.info.Hash.Wire()[0] }
