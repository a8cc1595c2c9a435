package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/protocol/bittorrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/vfs"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// judge knows the truth, and looks on. What it finds ends the run.
type judge struct {
	scratch []byte

	w     *world
	named map[int]bool             // liars accused by somebody honest
	found map[*run]map[int]bool    // by whom
	lied  map[*run]map[int][]int   // by run and piece: the nodes whose wrong blocks are in the attempt under way
	tried map[*run]map[int][][]int // and those of the failed attempts before, as many as a node remembers
	owed  map[*run]map[int]bool    // liars of failed attempts, whom the run must have named when it is done
}

func newJudge(w *world) judge {
	return judge{
		w: w, named: make(map[int]bool), found: make(map[*run]map[int]bool),
		lied: make(map[*run]map[int][]int), tried: make(map[*run]map[int][][]int), owed: make(map[*run]map[int]bool),
	}
}

// room is memory for n bytes, until the next call.
func (j *judge) room(n int) []byte {
	if cap(j.scratch) < n {
		j.scratch = make([]byte, n)
	}
	return j.scratch[:n]
}

// far is the node at the other end; nil if it is none of ours.
func (e *end) far() *node {
	if to := e.other(); to != nil {
		return to.run.n
	}
	return nil
}

// ended: no honest peer is ever held to have broken the protocol.
func (j *judge) ended(e *end, cause error) {
	far := e.far()
	var fault wire.ProtocolError
	if !errors.As(cause, &fault) || far == nil || far.plan.liar() || e.run.n.plan.liar() || e.link.mute {
		return
	}
	j.w.fail("node %d holds node %d to have broken the protocol: %v", e.run.n.i, far.i, cause)
}

// refused: no honest peer is ever banned.
func (j *judge) refused(e *end, cause error) {
	far := e.far()
	if errors.Is(cause, swarm.ErrFull) || errors.Is(cause, swarm.ErrDuplicate) || errors.Is(cause, swarm.ErrSelf) || errors.Is(cause, swarm.ErrNotMoving) ||
		far.plan.liar() || e.run.n.plan.liar() {
		return
	}
	j.w.fail("node %d refuses node %d: %v", e.run.n.i, far.i, cause)
}

// accused: only liars are.
func (j *judge) accused(r *run, a swarm.Accusation) {
	if r.n.plan.liar() {
		return
	}
	addr, err := netip.ParseAddrPort(a.Addr)
	i := slices.IndexFunc(j.w.nodes, func(n *node) bool { return n.addr.Addr() == addr.Addr() })
	if err != nil || i < 0 || !j.w.nodes[i].plan.liar() {
		j.w.fail("node %d accuses node %d (%s) of piece %d, who is honest", r.n.i, i, a.Addr, a.Piece)
		return
	}
	j.w.notef(r.n.i, "accuses %d", i)
	j.named[i] = true
	mark(j.found, r, i)
}

// sendsBlock: what is sent as verified is right.
func (j *judge) sendsBlock(e *end, b bittorrent.Block, data []byte) {
	if !j.w.object.rightBlock(data, b.Piece, b.Begin) {
		j.w.fail("node %d sends wrong bytes of piece %d as verified", e.run.n.i, b.Piece)
	}
}

// tookBlock takes note of a wrong block that is about to be checked.
func (j *judge) tookBlock(e *end, a *swarm.Arrival, data []byte) {
	if !e.far().plan.liar() || j.w.object.rightBlock(data, a.Piece, a.Begin) {
		return
	}
	pieces := j.lied[e.run]
	if pieces == nil {
		pieces = make(map[int][]int)
		j.lied[e.run] = pieces
	}
	pieces[a.Piece] = append(pieces[a.Piece], e.far().i)
}

// checked: a verdict says what is true, and what passed is on the disk.
func (j *judge) checked(r *run, piece int, v torrent.Verdict) {
	liars := j.lied[r][piece]
	delete(j.lied[r], piece)
	if v.Unknown || r.halted {
		return
	}
	if v.OK != (len(liars) == 0) {
		j.w.fail("node %d: piece %d passes: %v, though %d wrong blocks are in it", r.n.i, piece, v.OK, len(liars))
		return
	}
	if !v.OK {
		j.w.notef(r.n.i, "piece %d fails, with blocks of liars %v; known bad %v", piece, liars, v.Bad)
		j.remember(r, piece, liars)
		r.n.failures++
		if len(v.Bad) == 0 {
			r.n.failedBytes += int64(r.body.layout.Need(piece))
		}
		for _, b := range v.Bad {
			_, length := r.body.layout.Block(piece, b)
			r.n.failedBytes += int64(length)
		}
		return
	}
	for _, liars := range j.tried[r][piece] {
		for _, i := range liars {
			mark(j.owed, r, i)
		}
	}
	data := j.room(r.body.layout.Need(piece))
	if err := r.body.read(data, piece, 0); err != nil {
		j.w.fail("node %d cannot read piece %d, which has passed: %v", r.n.i, piece, err)
	} else if !j.w.object.rightBlock(data, piece, 0) {
		j.w.fail("node %d: piece %d has passed and is wrong on the disk", r.n.i, piece)
	}
}

// attempts is how many failed attempts at a piece a node remembers.
const attempts = 4

func (j *judge) remember(r *run, piece int, liars []int) {
	pieces := j.tried[r]
	if pieces == nil {
		pieces = make(map[int][][]int)
		j.tried[r] = pieces
	}
	pieces[piece] = append(pieces[piece], liars)
	if over := len(pieces[piece]) - attempts; over > 0 {
		pieces[piece] = pieces[piece][over:]
	}
}

// halted: only the faults that were planned stop an object.
func (j *judge) halted(r *run, err error) {
	var disk *store.DiskError
	planned := r.n.plan.Space > 0 || r.n.plan.BadSync > 0
	if !planned || !errors.As(err, &disk) {
		j.w.fail("node %d halts: %v", r.n.i, err)
	}
}

// opened: nothing that was promised is lost, and nothing is held for verified that is wrong.
func (j *judge) opened(r *run, have content.Bitmap) {
	for piece := range have.All() {
		data := j.room(r.body.layout.Need(piece))
		if err := r.body.read(data, piece, 0); err != nil || !j.w.object.rightBlock(data, piece, 0) {
			j.w.fail("node %d takes piece %d for verified: wrong, or %v", r.n.i, piece, err)
			return
		}
	}
	for file, ranges := range r.n.promised {
		for p := range ranges.All() {
			b := j.room(int(p.To - p.From))
			if err := r.body.files.ReadAt(b, file, p.From); err != nil || !j.w.object.right(b, file, p.From) {
				j.w.fail("node %d has lost bytes %d to %d of file %d, which were durable: %v", r.n.i, p.From, p.To, file, err)
				return
			}
		}
	}
	promised, noted := r.body.layout.Complete(r.n.promised), r.body.layout.Complete(r.n.noted)
	for piece := range promised.All() {
		if !have.Has(piece) && (noted.Has(piece) || r.body.hashes.Verifiable(piece)) {
			j.w.fail("node %d has forgotten piece %d, which was durable", r.n.i, piece)
			return
		}
	}
}

// finished: what has its final name is right.
func (j *judge) finished(r *run, file int) {
	if err := j.compare(r.n.disk, r.n, file); err != nil {
		j.w.fail("node %d: file %d has its final name and is wrong: %v", r.n.i, file, err)
	}
}

// compare reads a file as its user would.
func (j *judge) compare(disk *vfs.Mem, n *node, file int) error {
	f, err := disk.OpenFile(n.finalName(file), 0, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	want := j.w.object.files[file]
	if info.Size != int64(len(want)) {
		return fmt.Errorf("%d bytes instead of %d", info.Size, len(want))
	}
	b := j.room(len(want))
	if len(b) == 0 {
		return nil
	}
	if _, err := f.ReadAt(b, 0); err != nil {
		return err
	}
	if !j.w.object.right(b, file, 0) {
		return errors.New("wrong bytes")
	}
	return nil
}

// powerLost: every so many nodes are looked at as if the power had failed.
const powerLost = 3

// done: whoever is done has everything under its final name, also after a power loss, has nothing else lying around, and has
// named everyone who lied to it.
func (j *judge) done(r *run) {
	n := r.n
	after := n.disk
	if n.i%powerLost == 0 {
		after = n.disk.CrashClone(n.rng)
	}
	for file := range j.w.object.files {
		if err := j.compare(after, n, file); err != nil {
			j.w.fail("node %d is done, and file %d is wrong, at least after a power loss: %v", n.i, file, err)
		}
		if n.exists(n.partName(file)) {
			j.w.fail("node %d is done, and %s is still there", n.i, n.partName(file))
		}
	}
	r.attend()
	for _, liar := range sorted(j.owed[r]) {
		if !n.plan.liar() && !j.found[r][liar] {
			j.w.fail("node %d is done, and has not found out that node %d lied to it", n.i, liar)
		}
	}
}

// allDone reports whether all are done who must.
func (j *judge) allDone() bool {
	return !slices.ContainsFunc(j.w.nodes, func(n *node) bool { return n.plan.mustFinish() && !n.book.done })
}

// seederMayGo reports whether the first seeder has uploaded its share, and what it has is held by others who stay.
func (j *judge) seederMayGo() bool {
	n := j.w.nodes[0]
	if n.run == nil || float64(n.run.swarm.Snapshot(j.w.now).UpBytes) < j.w.plan.Copies*float64(j.w.plan.size()) {
		return false
	}
	all := make([]content.Ranges, len(j.w.object.files))
	for _, n := range j.w.nodes[1:] {
		if n.plan.liar() || !n.plan.stays() {
			continue
		}
		for file, r := range n.holds() {
			all[file].AddAll(r)
		}
	}
	have := j.w.object.layout.Complete(all)
	return have.Full()
}

// missing tells who is not done, and how far they are.
func (j *judge) missing() string {
	var b strings.Builder
	for _, n := range j.w.nodes {
		if !n.plan.mustFinish() || n.book.done {
			continue
		}
		fmt.Fprintf(&b, "node %d ", n.i)
		if n.run == nil {
			b.WriteString("is away; ")
			continue
		}
		s := n.run.swarm.Snapshot(j.w.now)
		fmt.Fprintf(&b, "%s with %d of %d pieces and %d peers, %d of them sources, %d known; ", s.State, s.PiecesHave, s.Pieces, s.Peers, s.Sources, s.Known)
	}
	return b.String()
}

// end looks at the whole when all are done.
func (j *judge) end() {
	if !j.allDone() {
		j.w.fail("nothing happens any more: %s", j.missing())
		return
	}
	for _, n := range j.w.nodes {
		if n.plan.mustFinish() {
			j.waste(n)
		}
	}
}

// What may be fetched in vain. Blocks asked of two peers are an affair of a download's end: their number goes with that of
// the peers, not with the size of the object. A liar spoils a few pieces until he is known.
const (
	vainBlocks = 64 // of each run of a node
	vainOfPeer = 16 // and for each node of the swarm
	spoiled    = 4  // pieces of each run
	spoiledBy  = 4  // and for each liar
)

// waste: not much is fetched in vain.
func (j *judge) waste(n *node) {
	if most := n.runs * (spoiled + spoiledBy*j.w.plan.liars()); n.failures > most {
		j.w.fail("node %d: %d pieces failed, more than %d", n.i, n.failures, most)
	}
	vain := n.total().DownBytes - n.failedBytes
	for piece := range j.w.object.layout.Pieces() {
		vain -= int64(j.w.object.layout.Need(piece))
	}
	// A run that ends loses what is in memory, and may have to do all over again.
	vain -= int64(n.runs-1) * j.w.plan.size()
	if most := int64(n.runs) * int64(vainBlocks+vainOfPeer*len(j.w.nodes)) * torrent.BlockSize; vain > most {
		j.w.fail("node %d fetched %d bytes in vain, more than %d", n.i, vain, most)
	}
}

func mark(sets map[*run]map[int]bool, r *run, node int) {
	if sets[r] == nil {
		sets[r] = make(map[int]bool)
	}
	sets[r][node] = true
}

func sorted(set map[int]bool) []int {
	var list []int
	for i := range set {
		list = append(list, i)
	}
	slices.Sort(list)
	return list
}
