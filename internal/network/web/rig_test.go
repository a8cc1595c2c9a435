package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sample is a torrent with its bytes.
type sample struct {
	info   *metainfo.Info
	layers map[metainfo.HashV2][]metainfo.HashV2
	layout *torrent.Layout
	files  [][]byte
	paths  map[string][]byte // by escaped path below the server's folder
}

// makeSample makes a torrent of random files of the given sizes.
func makeSample(t testing.TB, format metainfo.Format, pieceLength int64, sizes ...int) *sample {
	t.Helper()
	s := &sample{paths: map[string][]byte{}}
	rng := rand.NewChaCha8([32]byte{byte(len(sizes))})
	d := metainfo.Draft{Name: "a sample 50%", Dir: len(sizes) > 1, Format: format, PieceLength: pieceLength}
	var scan []torrent.ScanFile
	for i, n := range sizes {
		b := make([]byte, n)
		rng.Read(b)
		s.files = append(s.files, b)
		components := []string{d.Name}
		path := "/" + url.PathEscape(d.Name)
		if d.Dir {
			components = []string{"größe #", fmt.Sprintf("%02d?", i)}
			path += "/" + url.PathEscape(components[0]) + "/" + url.PathEscape(components[1])
		}
		s.paths[path] = b
		d.Files = append(d.Files, metainfo.DraftFile{Components: components, Size: int64(n)})
		scan = append(scan, torrent.ScanFile{Size: int64(n), Open: func() (io.ReaderAt, io.Closer, error) {
			return bytes.NewReader(b), io.NopCloser(nil), nil
		}})
	}
	r, err := torrent.Scan(context.Background(), scan, torrent.ScanOptions{Format: format, PieceLength: pieceLength})
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

// ServeHTTP is a good web server that has the files at its root.
func (s *sample) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	b, ok := s.paths[r.URL.EscapedPath()]
	if !ok {
		http.NotFound(rw, r)
		return
	}
	http.ServeContent(rw, r, "", time.Time{}, bytes.NewReader(b))
}

// site is a web server in the fake network.
type site struct {
	asked, now, most atomic.Int32
	bytes            atomic.Int64
}

// serve runs a web server at port 80 of a host.
func serve(t *testing.T, h *netxtest.Host, handler http.Handler) *site {
	t.Helper()
	l, err := h.ListenTCP(t.Context(), netip.AddrPortFrom(h.Addr(), 80))
	if err != nil {
		t.Fatal(err)
	}
	s := &site{}
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.most.Store(max(s.most.Load(), s.now.Add(1)))
		defer s.now.Add(-1)
		handler.ServeHTTP(&counting{rw, s}, r)
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() {
		srv.Close()
		running.Wait()
	})
	return s
}

type counting struct {
	http.ResponseWriter
	s *site
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.s.bytes.Add(int64(n))
	return n, err
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// memory is the files of an object, on no disk.
type memory struct {
	mu      sync.Mutex
	files   [][]byte
	failing error // of writes
}

func (m *memory) ReadAt(p []byte, file int, off int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(p, m.files[file][off:])
	return nil
}

func (m *memory) WriteAt(p []byte, file int, off int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	copy(m.files[file][off:], p)
	return m.failing
}

func (m *memory) Verified(content.Extent) {}

// rig is one object at one node.
type rig struct {
	t        *testing.T
	host     *netxtest.Host
	swarm    *swarm.Swarm
	peers    *bittorrent.Shell
	net      *bittorrent.Object
	object   *Object // its web servers
	files    *memory
	begun    time.Time
	done     chan struct{}
	complete time.Duration // how long it took

	mu      sync.Mutex
	accused []string
	dropped map[string]error
	failed  error
	panics  atomic.Int32
}

// options say what is special about a rig.
type options struct {
	has    bool // it has everything
	down   int64
	budget int64
	urls   []string
	change func(*Object)
}

// newRig sets an object going at a host, whose links must be as they should be before: servers are asked at once.
func newRig(t *testing.T, h *netxtest.Host, s *sample, opt options) *rig {
	t.Helper()
	r := &rig{t: t, host: h, done: make(chan struct{}), dropped: map[string]error{}, begun: time.Now()}
	ip := h.Addr().String()
	life, end := context.WithCancel(context.Background())
	wake := make(chan struct{}, 1)
	id := [20]byte{'-', 'P', 'K'}
	copy(id[3:], ip)
	r.swarm = swarm.New(time.Now(), swarm.Config{
		InfoHash: s.info.Hash, PeerID: id, Client: "rig", Port: 7000, MaxPeers: 80, Rand: rand.New(rand.NewPCG(1, uint64(ip[len(ip)-1]))),
		Wake: func() {
			select {
			case wake <- struct{}{}:
			default:
			}
		},
	})
	down := netx.Chain{netx.NewLimiter(opt.down)}
	r.net = &bittorrent.Object{
		Hash: s.info.Hash, Swarm: r.swarm, Down: down, Up: netx.Chain{netx.NewLimiter(0)}, Failed: func(err error) { t.Error(err) },
	}
	r.peers = bittorrent.New(bittorrent.Config{
		Network: r.host, Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Find:     func([20]byte) *bittorrent.Object { return r.net },
		FindReq2: func([20]byte) ([20]byte, bool) { return s.info.Hash.Wire()[0], true },
		Panicked: func(any) { r.panics.Add(1) },
	})
	pool := intake.NewPool(2, func(p any) { t.Errorf("panic in the intake: %v", p) })
	verified := content.NewBitmap(s.layout.Pieces())
	hashes := torrent.NewHashes(s.info, s.layout, s.layers)
	r.files = &memory{files: s.files}
	c := &bittorrent.Content{Hash: s.info.Hash, Layout: s.layout, Files: r.files}
	if opt.has {
		verified.SetAll()
	} else {
		r.files.files = nil
		for _, f := range s.info.Files {
			r.files.files = append(r.files.files, make([]byte, f.Size))
		}
		if opt.budget == 0 {
			opt.budget = 32 << 20
		}
		c.Intake = intake.New(intake.Config{
			Layout: s.layout, Hashes: hashes, Files: r.files, Budget: intake.NewBudget(opt.budget), Pool: pool,
			NeedLeaves: r.swarm.NeedLeaves,
			Report: func(piece int, v torrent.Verdict, err error) {
				if err == nil {
					r.swarm.Checked(time.Now(), piece, v)
				}
			},
		})
	}
	r.net.Content.Store(c)
	r.swarm.Open(time.Now(), swarm.Content{Info: s.info, Layout: s.layout, Hashes: hashes, Verified: verified})
	l, err := r.host.ListenTCP(t.Context(), netip.AddrPortFrom(h.Addr(), 7000))
	if err != nil {
		t.Fatal(err)
	}
	shell := New(Config{Network: r.host, UserAgent: "rig", Now: time.Now, Panicked: func(any) { r.panics.Add(1) }})
	r.object = &Object{
		Info: s.info, Layout: s.layout, Swarm: r.swarm, Intake: c.Intake, Down: down, URLs: opt.urls, Trusted: false,
		Failed: func(err error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.failed = err
			r.swarm.Stop(swarm.Failed, err)
		},
		Failing: func(string, error) {},
		Dropped: func(name string, why error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.dropped[name] = why
		},
	}
	if opt.change != nil {
		opt.change(r.object)
	}
	var own sync.WaitGroup
	own.Go(func() { r.peers.Accept(life, l) })
	if len(opt.urls) > 0 {
		own.Go(func() { shell.Run(life, r.object) })
	}
	own.Go(func() {
		beat := time.NewTicker(500 * time.Millisecond)
		defer beat.Stop()
		told := false
		for {
			select {
			case <-life.Done():
				return
			case <-wake:
			case <-beat.C:
			}
			f := r.swarm.TakeFacts()
			for _, a := range f.Accused {
				r.mu.Lock()
				r.accused = append(r.accused, a.Addr)
				r.mu.Unlock()
			}
			if f.Complete && !told {
				told = true
				r.complete = time.Since(r.begun)
				close(r.done)
			}
			r.swarm.Beat(time.Now())
			r.swarm.Grant(time.Now(), func(swarm.PeerID) bool { return true })
			for {
				addr, try, ok := r.swarm.NextDial(time.Now())
				if !ok {
					break
				}
				r.peers.Dial(life, r.net, addr, try)
			}
		}
	})
	t.Cleanup(func() {
		end()
		own.Wait()
		r.peers.Wait()
		shell.Close()
		if c.Intake != nil {
			c.Intake.Close()
		}
		pool.Close()
	})
	return r
}

// fetched waits until the object is complete, and compares it.
func (r *rig) fetched(s *sample) {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(time.Hour):
		r.t.Fatalf("not complete in an hour: %+v", r.swarm.Snapshot(time.Now()))
	}
	for i := range s.files {
		if !bytes.Equal(s.files[i], r.files.files[i]) {
			r.t.Errorf("file %d differs", i)
		}
	}
}

// fate is what became of a server, empty if it was neither dropped nor accused.
func (r *rig) fate(url string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var fate []string
	for _, a := range r.accused {
		if a == url {
			fate = append(fate, "accused")
		}
	}
	if err := r.dropped[url]; err != nil {
		fate = append(fate, "dropped: "+err.Error())
	}
	return strings.Join(fate, ", ")
}
