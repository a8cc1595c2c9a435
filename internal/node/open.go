package node

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/intake"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// opening says whether an object's place on disk is still to be found, or is known from an earlier run.
type opening bool

const (
	fresh  opening = false
	resume opening = true
)

// openFetched goes from the metadata to a swarm in motion: a place on disk, what is there already, room for the rest.
func (n *Node) openFetched(o *object, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, how opening) {
	err := n.tryOpenFetched(o, info, layers, how)
	switch {
	case err == nil:
	case o.life.Err() != nil: // removed or closed meanwhile
	default:
		n.fail(o, swarm.Failed, err)
	}
}

func (n *Node) tryOpenFetched(o *object, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2, how opening) error {
	ctx := o.life
	b := &body{info: info, layout: torrent.New(info)}
	b.hashes = torrent.NewHashes(info, b.layout, layers)
	var err error
	if b.wanted, err = selectFiles(o.theRecord().Selected, info.Object()); err != nil {
		return err
	}
	recorded := make([]content.Ranges, len(info.Files))
	var lost error // why it cannot go on before the user has done something
	if how == resume {
		if recorded, lost, err = n.reopen(ctx, o, b); err != nil {
			return err
		}
	} else if err := n.findPlace(ctx, o, b, layers); err != nil {
		return err
	}
	verified := recorded
	if lost == nil {
		if verified, err = n.checkDisk(ctx, b, recorded); err == nil {
			err = n.checkRoom(b, verified)
		}
		if err != nil {
			b.files.Close()
			return err
		}
	}
	b.intake = intake.New(intake.Config{
		Layout: b.layout, Hashes: b.hashes, Files: b.files, Budget: n.budget, Pool: n.pool,
		NeedLeaves: o.swarm.NeedLeaves,
		Report:     func(piece int, v torrent.Verdict, err error) { n.checked(o, b, piece, v, err) },
	})
	n.embody(o, b, b.layout.Complete(verified))
	if lost != nil {
		n.fail(o, stateOf(lost), lost)
		return nil
	}
	for i := range recorded {
		if b.files.State(i) == store.Found {
			recorded[i] = verified[i]
		}
	}
	switch {
	case !b.whole():
		n.run(o, func() { n.keep(o, b, recorded) })
	case o.theRecord().DoneAt.IsZero():
		n.finished(o)
	}
	n.discover(o)
	n.poke()
	return nil
}

// reopen opens the place recorded in an earlier run. Ranges of files that are not as they were recorded are left out; lost
// says that a finished one is not.
func (n *Node) reopen(ctx context.Context, o *object, b *body) (recorded []content.Ranges, lost, err error) {
	r := o.theRecord()
	rows, err := n.catalog.Files(ctx, o.id)
	if err != nil {
		return nil, nil, err
	}
	as := content.MakePath(r.Name)
	if b.object, err = renamed(b.info.Object(), as); err != nil {
		return nil, nil, err
	}
	ids := make([]store.Identity, len(b.info.Files))
	for i := range ids {
		if i < len(rows) && rows[i].Finished {
			ids[i] = storeIdentity(rows[i])
			ids[i].Name = ""
		}
	}
	b.files, err = n.store.OpenFetched(r.Root, b.object, store.FetchOptions{
		As: as, Selected: b.wanted, Side: r.Side, Identities: ids, Resume: true,
	})
	if err != nil {
		return nil, nil, err
	}
	recorded, err = n.catalog.Verified(ctx, o.id)
	var broken *catalog.RecordError
	if err != nil && !errors.As(err, &broken) {
		return nil, nil, err
	}
	stale := broken != nil
	recorded = append(recorded, make([]content.Ranges, len(b.info.Files))...)[:len(b.info.Files)]
	rows = append(rows, make([]catalog.FileRow, len(b.info.Files))...)[:len(b.info.Files)]
	kept := slices.Clone(recorded) // finished files may come back
	for i := range recorded {
		if b.files.State(i) == store.Whole {
			if err := b.files.CheckFile(i); err != nil {
				recorded[i] = content.Ranges{}
				if lost == nil {
					lost = err
				}
			}
		} else if !recorded[i].IsEmpty() && !n.untouched(o, b, i, rows[i]) {
			// Hashed again: somebody may have written to it since.
			recorded[i], kept[i], stale = content.Ranges{}, content.Ranges{}, true
		}
	}
	if !stale {
		return recorded, lost, nil
	}
	return recorded, lost, n.catalog.ReplaceVerified(ctx, o.id, kept)
}

// findPlace chooses the name under which an object is stored: its own, unless something else has it, else the first of
// "NAME (1)", "NAME (2)" that is free. What lies there already and is right is taken over.
func (n *Node) findPlace(ctx context.Context, o *object, b *body, layers map[metainfo.HashV2][]metainfo.HashV2) error {
	r := o.theRecord()
	side := filepath.Join(n.cfg.Home, "side", o.id)
	if b.wanted != nil {
		if err := n.cfg.FS.MkdirAll(filepath.Dir(side)); err != nil {
			return err
		}
	}
	var taken error
	for try := range maxNames {
		as := numbered(b.info.Name, try)
		if !n.claim(filepath.Join(r.Root, as.String()), o) {
			continue
		}
		obj, err := renamed(b.info.Object(), as)
		if err != nil {
			return err
		}
		files, err := n.store.OpenFetched(r.Root, obj, store.FetchOptions{As: as, Selected: b.wanted, Side: side})
		if errors.Is(err, store.ErrExists) {
			taken = err
			continue
		}
		if err != nil {
			return err
		}
		b.object, b.files = obj, files
		ours, err := n.isOurs(ctx, b)
		if err != nil {
			files.Close()
			return err
		}
		if ours {
			err := n.recordPlace(ctx, o, b, layers, side)
			if err != nil {
				files.Close()
			}
			return err
		}
		files.Close()
	}
	return &Error{"exists", fmt.Sprintf("%s exists in %s, and so do all its numbered names", b.info.Name, r.Root), "choose another folder with -o", ExitDisk, taken}
}

const maxNames = 100

// claim reserves a path for an object, which gives up the one it had reserved before; false if another object has it.
func (n *Node) claim(path string, o *object) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if other := n.places[path]; other != nil {
		return other == o
	}
	maps.DeleteFunc(n.places, func(_ string, x *object) bool { return x == o })
	n.places[path] = o
	return true
}

// isOurs decides about files that lie at the object's place already: they are taken over if they are the whole object and
// every byte is right, and left alone otherwise.
func (n *Node) isOurs(ctx context.Context, b *body) (bool, error) {
	found := false
	for i := range b.object.Files() {
		found = found || b.files.State(i) == store.Found
	}
	if !found {
		// A folder with other things in it is the user's.
		_, err := n.cfg.FS.Stat(b.files.Path())
		return err != nil, nil
	}
	complete := true
	wantedPieces := func(yield func(int) bool) {
		for i := range b.layout.Pieces() {
			if b.wantsPiece(i) && !yield(i) {
				return
			}
		}
	}
	err := n.verifyAll(ctx, b, wantedPieces, func(_ int, ok bool) { complete = complete && ok })
	return complete, err
}

// recordPlace writes down where the object is put, before anything is written there.
func (n *Node) recordPlace(ctx context.Context, o *object, b *body, layers map[metainfo.HashV2][]metainfo.HashV2, side string) error {
	rows := make([]catalog.FileRow, len(b.object.Files()))
	for i, f := range b.object.Files() {
		rows[i] = fileRow(f, store.Identity{}, false)
		if !b.wants(i) {
			rows[i].Priority = catalog.Skip
		}
	}
	if err := n.catalog.SetFiles(ctx, o.id, rows); err != nil {
		return err
	}
	if len(layers) > 0 {
		if err := n.catalog.SetPieceLayers(ctx, o.id, layers); err != nil {
			return err
		}
	}
	return n.update(ctx, o, func(r *catalog.Record) {
		r.Name, r.Dir, r.Size = b.object.Name().String(), b.object.IsDir(), b.object.Size()
		r.InfoHash, r.Info, r.Private = b.info.Hash, b.info.Raw, b.info.Private
		if b.wanted != nil {
			r.Side = side
		}
	})
}

// checkDisk hashes what lies on the disk and is not recorded as verified: bytes written before a crash are not fetched
// again (promise 4.2), and files that were there are taken over.
func (n *Node) checkDisk(ctx context.Context, b *body, recorded []content.Ranges) ([]content.Ranges, error) {
	verified := make([]content.Ranges, len(recorded))
	for i := range recorded {
		verified[i] = recorded[i].Clone()
	}
	have := b.layout.Complete(recorded)
	unknown := func(yield func(int) bool) {
		for i := range b.layout.Pieces() {
			if !have.Has(i) && b.onDisk(i) && !yield(i) {
				return
			}
		}
	}
	return verified, n.verifyAll(ctx, b, unknown, func(piece int, ok bool) {
		if !ok {
			return
		}
		for _, e := range b.layout.Extents(piece) {
			verified[e.File].Add(e.Offset, e.End())
			b.files.Verified(e)
		}
	})
}

func (n *Node) verifyAll(ctx context.Context, b *body, pieces iter.Seq[int], report func(int, bool)) error {
	some := false
	for range pieces {
		some = true
		break
	}
	if !some {
		return ctx.Err()
	}
	select {
	case n.hashing <- struct{}{}:
		defer func() { <-n.hashing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	read := func(p []byte, e content.Extent) error {
		err := b.files.ReadAt(p, e.File, e.Offset)
		if errors.Is(err, store.ErrMissing) {
			return torrent.ErrAbsent
		}
		return err
	}
	return b.hashes.VerifyAll(ctx, read, runtime.GOMAXPROCS(0), pieces, report)
}

// onDisk reports whether all files of a piece have something on the disk.
func (b *body) onDisk(piece int) bool {
	for f := range b.layout.Touches(piece) {
		if s := b.files.State(f); s == store.Absent || s == store.Doubtful {
			return false
		}
	}
	return true
}

// wantsPiece reports whether a piece has bytes of a wanted file.
func (b *body) wantsPiece(piece int) bool {
	if b.wanted == nil {
		return true
	}
	for f := range b.layout.Touches(piece) {
		if b.wanted[f] {
			return true
		}
	}
	return false
}

func (b *body) priority() func(int) scheduler.Priority {
	if b.wanted == nil {
		return nil
	}
	return func(piece int) scheduler.Priority {
		if b.wantsPiece(piece) {
			return scheduler.Normal
		}
		return scheduler.None
	}
}

// reserve is how much of a disk is left free.
const reserve = 16 << 20

// checkRoom refuses a fetch that the disk cannot hold.
func (n *Node) checkRoom(b *body, verified []content.Ranges) error {
	var missing int64
	for i, f := range b.object.Files() {
		if b.wants(i) {
			missing += f.Size - verified[i].Total()
		}
	}
	dir := filepath.Dir(b.files.Path())
	free, err := n.store.Free(dir)
	if errors.Is(err, errors.ErrUnsupported) || missing == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if missing > free-reserve {
		return &Error{"disk-full", fmt.Sprintf("%d bytes are missing and only %d are free in %s", missing, free, dir),
			"free some space, or choose another folder with -o", ExitDisk, nil}
	}
	return nil
}

// renamed is the object under another name.
func renamed(obj content.Object, as content.Path) (content.Object, error) {
	files := obj.Files()
	if !obj.IsDir() {
		files = []content.File{{Path: as, Size: files[0].Size}}
	}
	return content.NewObject(as, obj.IsDir(), files)
}

// numbered is a name with " (k)" before its extension; the name itself for k = 0.
func numbered(name content.Path, k int) content.Path {
	if k == 0 {
		return name
	}
	return content.MakePath(content.Numbered(name.String(), k))
}

// indexPrefix marks a selection by the numbers of the files (BEP 53) among the patterns of a record.
const indexPrefix = "#so="

// selectFiles marks the files wanted by a record's patterns; nil is all.
func selectFiles(patterns []string, obj content.Object) ([]bool, error) {
	if len(patterns) == 1 && strings.HasPrefix(patterns[0], indexPrefix) {
		return selectIndices(strings.TrimPrefix(patterns[0], indexPrefix), obj)
	}
	s, err := parseSelection(patterns)
	if err != nil {
		return nil, err
	}
	return s.of(obj)
}

func selectIndices(so string, obj content.Object) ([]bool, error) {
	// The link package knows the notation; any info-hash will do to have it read.
	l, err := link.Parse("magnet:?xt=urn:btih:" + strings.Repeat("0", 40) + "&so=" + so)
	if err != nil {
		return nil, err
	}
	wanted := make([]bool, len(obj.Files()))
	some := false
	for i := range wanted {
		wanted[i] = l.Select.Has(i)
		some = some || wanted[i]
	}
	if !some {
		return nil, &Error{"nothing-selected", "the link selects no file of this object", "choose files with --select", ExitUsage, nil}
	}
	return wanted, nil
}

// restore takes up every object of the catalog where it was.
func (n *Node) restore(ctx context.Context) error {
	records, err := n.catalog.List(ctx)
	if err != nil {
		if records == nil {
			return err
		}
		n.cfg.Log.Warn("some objects of the catalog cannot be used", "err", err)
	}
	for _, r := range records {
		o := n.newObject(r, 0, nil)
		o.swarm.Stop(swarm.Checking, nil)
		n.open(o)
	}
	return nil
}

// open takes up an object from its record and the disk. The channel is closed when that is done.
func (n *Node) open(o *object) (done <-chan struct{}) {
	opened := make(chan struct{})
	o.mu.Lock()
	o.opened = opened
	o.mu.Unlock()
	if !n.run(o, func() {
		defer close(opened)
		n.restoreOne(o)
	}) {
		close(opened)
	}
	return opened
}

func (n *Node) restoreOne(o *object) {
	r := o.theRecord()
	n.linked(o)
	if r.Info == nil {
		n.setInMotion(o, func() { o.swarm.Resume(n.cfg.Now()) })
		n.discover(o)
		return
	}
	info, err := metainfo.ParseInfo(r.Info)
	if err != nil {
		n.fail(o, swarm.Failed, err)
		return
	}
	layers, err := n.catalog.PieceLayers(o.life, o.id)
	if err != nil {
		n.cfg.Log.Warn("the piece layers of an object are lost", "id", o.id, "err", err)
	}
	if r.Kind == catalog.Fetched {
		how := resume
		if r.Name == "" {
			how = fresh
		}
		n.openFetched(o, info, layers, how)
		return
	}
	n.restoreShared(o, info, layers)
}

// restoreShared serves a share again if the disk is as it was; nothing is hashed.
func (n *Node) restoreShared(o *object, info *metainfo.Info, layers map[metainfo.HashV2][]metainfo.HashV2) {
	r := o.theRecord()
	rows, err := n.catalog.Files(o.life, o.id)
	if err != nil {
		n.fail(o, swarm.Failed, err)
		return
	}
	ids := make([]store.Identity, len(rows))
	for i, row := range rows {
		ids[i] = storeIdentity(row)
		if !info.Dir {
			ids[i].Name = ""
		}
	}
	b := &body{info: info, object: info.Object(), layout: torrent.New(info), files: n.store.OpenShared(r.Root, info.Object(), ids)}
	b.hashes = torrent.NewHashes(info, b.layout, layers)
	n.serve(o, b)
	if state, _ := o.swarm.State(); state == swarm.Paused {
		return
	}
	if err := b.files.Check(); err != nil {
		n.unreadable(o, err)
		return
	}
	n.discover(o)
}
