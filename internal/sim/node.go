package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path"
	"syscall"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// node is a machine: an address, a line, a disk, and at times a run of potluck.
type node struct {
	w      *world
	i      int
	plan   NodePlan
	addr   netip.AddrPort
	peerID [20]byte
	rng    *rand.Rand // of what befalls it
	ports  uint16     // the last one it dialled from

	disk   *vfs.Mem
	faults *vfs.Faults
	book   catalog
	shared []store.Identity // of a seeder's files
	object content.Object

	run              *run // nil while it is away
	runs             int
	gone             bool // for good
	crash            *Outage
	crashes          int
	upFree, downFree time.Time // when its line is free again
	before           swarm.Snapshot

	// promised is what a sync has returned: no crash may take it. noted is what of it was recorded: it is known, too.
	promised, noted []content.Ranges

	failures    int   // pieces that failed
	failedBytes int64 // of them, fetched in vain
}

// catalog stands for the database: what is in it survives every crash.
type catalog struct {
	info     []byte // once known
	layers   map[metainfo.HashV2][]metainfo.HashV2
	placed   bool // the object has its place on the disk
	recorded []content.Ranges
	finished []store.Identity
	left     []vfs.Info // of unfinished files, as they were when potluck last ended in good order
	done     bool
}

const (
	folder   = "/downloads"
	diskFull = 1 << 50 // room, for a disk that is not full any more
)

func newNode(w *world, i int) (*node, error) {
	p := w.plan.Nodes[i]
	n := &node{w: w, i: i, plan: p, rng: generator(w.plan.Seed, 100+i), disk: vfs.NewMem(), ports: 40000, object: w.object.info.Object()}
	n.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(11 + w.rng.IntN(80)), byte(w.rng.IntN(256)), byte(w.rng.IntN(256)), byte(1 + i)}), 6881)
	n.faults = vfs.NewFaults(n.disk)
	n.promised = make([]content.Ranges, len(w.object.files))
	n.noted = make([]content.Ranges, len(w.object.files))
	n.book.recorded = make([]content.Ranges, len(w.object.files))
	n.book.finished = make([]store.Identity, len(w.object.files))
	n.book.left = make([]vfs.Info, len(w.object.files))
	if !p.Magnet {
		n.book.info, n.book.layers = w.object.info.Raw, w.object.layers
	}
	if p.Seeder {
		if err := n.fillDisk(); err != nil {
			return nil, err
		}
	}
	if p.Space > 0 {
		n.faults.SetSpace(p.Space)
	}
	if p.BadSync > 0 {
		n.faults.FailNth(vfs.OpSync, p.BadSync, syscall.EIO)
	}
	w.after(p.Joins, n.start)
	for _, o := range p.Outages {
		w.after(o.At, func() { n.meet(o) })
	}
	return n, nil
}

// fillDisk puts the object on a seeder's disk, as its user had it, and adopts it.
func (n *node) fillDisk() error {
	for i, f := range n.object.Files() {
		name := path.Join(folder, f.Path.String())
		if n.object.IsDir() {
			name = path.Join(folder, n.object.Name().String(), f.Path.String())
		}
		if err := n.disk.MkdirAll(path.Dir(name)); err != nil {
			return err
		}
		file, err := n.disk.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		_, err = file.WriteAt(n.w.object.files[i], 0)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	st := store.New(n.disk, store.Options{Now: n.clock})
	obj, ids, err := st.Adopt(n.place(), store.AdoptOptions{})
	if err != nil {
		return err
	}
	if len(obj.Files()) != len(n.object.Files()) {
		return errors.New("sim: adopted another object")
	}
	n.shared = ids
	return nil
}

func (n *node) clock() time.Time { return n.w.now }

// place is where the object lies.
func (n *node) place() string { return path.Join(folder, n.object.Name().String()) }

// start begins potluck anew: to others it is somebody else.
func (n *node) start() {
	if n.run != nil || n.gone {
		return
	}
	copy(n.peerID[:], fmt.Sprintf("-SM0001-%04d", n.i))
	for b := 12; b < len(n.peerID); b++ {
		n.peerID[b] = byte(n.rng.IntN(256))
	}
	n.resume()
}

// resume begins a run.
func (n *node) resume() {
	n.runs++
	n.w.notef(n.i, "starts, run %d", n.runs)
	n.upFree, n.downFree = n.w.now, n.w.now
	n.run = newRun(n)
	n.run.begin()
}

// meet is an outage whose time has come. A crash at a certain point waits for that.
func (n *node) meet(o Outage) {
	switch {
	case n.gone || n.run == nil:
		n.gone = n.gone || o.Away == 0
	case o.Point != Anywhere && !n.book.done:
		n.crash = &o
	default:
		n.end(o)
	}
}

// crashAt crashes the node if that is planned for this point of its work.
func (n *node) crashAt(p Point) bool {
	if n.crash == nil || n.crash.Point != p {
		return false
	}
	o := *n.crash
	n.crash = nil
	n.end(o)
	return true
}

// end ends the run in one of the ways there are.
func (n *node) end(o Outage) {
	r := n.run
	if r == nil {
		return
	}
	n.w.notef(n.i, "ends: %s", o.How)
	switch o.How {
	case Leave:
		r.settle()
	case Kill:
		r.cease(errBroken)
	case Power:
		for _, e := range r.ends {
			e.link.mute = true
		}
		r.cease(errBroken)
		n.disk = n.disk.CrashClone(n.rng)
		n.faults = vfs.NewFaults(n.disk)
	}
	if o.How != Leave {
		n.crashes++
	}
	n.run = nil
	if n.gone = o.Away == 0; !n.gone {
		n.w.after(o.Away, n.start)
	}
}

// total is what the node has moved in all its runs.
func (n *node) total() swarm.Snapshot {
	s := n.before
	if n.run != nil {
		add(&s, n.run.swarm.Snapshot(n.w.now))
	}
	return s
}

func add(s *swarm.Snapshot, t swarm.Snapshot) {
	s.DownBytes += t.DownBytes
	s.UpBytes += t.UpBytes
	s.WastedBytes += t.WastedBytes
}

// lie spoils a block that a liar is about to send.
func (n *node) lie(block []byte) {
	if n.plan.liar() && n.rng.Float64() < n.plan.Lies {
		block[n.rng.IntN(len(block))] ^= byte(1 + n.rng.IntN(255))
	}
}

// forge spoils hashes and metadata that a liar is about to send.
func (n *node) forge(frames []byte) {
	if !n.plan.Forges {
		return
	}
	var p wire.Parser
	for len(frames) > 0 {
		m, size, err := p.Next(frames)
		if err != nil || size == 0 {
			return
		}
		frames = frames[size:]
		long := m.Type == wire.Hashes || m.Type == wire.Extended && m.Payload[0] != wire.ExtHandshakeID && len(m.Payload) > 100
		if long && n.rng.Float64() < n.plan.Lies {
			m.Payload[len(m.Payload)-1] ^= 0x55
		}
	}
}
