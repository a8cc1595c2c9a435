package node

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Share adopts a file or folder where it lies, reads it once for all digests, and serves it. The same path with the same
// content again is the same object, and is not read again.
func (n *Node) Share(ctx context.Context, req CreateRequest, progress Progress, note Note) (Object, error) {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return Object{}, err
	}
	defer leave()
	o, err := n.share(ctx, req, progress, note)
	if err != nil {
		return Object{}, explain(err)
	}
	return n.describe(o), nil
}

func (n *Node) share(ctx context.Context, req CreateRequest, progress Progress, note Note) (*object, error) {
	path, err := filepath.Abs(req.Path)
	if err != nil {
		return nil, err
	}
	req.Path = path
	if err := checkTrackers(req.Trackers); err != nil {
		return nil, err
	}
	if err := checkWebSeeds(req.WebSeeds); err != nil {
		return nil, err
	}
	if o, err := n.alreadyShared(ctx, req); o != nil || err != nil {
		return o, err
	}
	m, err := measure(ctx, n.store, req, progress, note)
	if err != nil {
		return nil, err
	}
	if m.dir && !m.info.Dir {
		// BEP 52 knows no folder around a lone file of the same name.
		path = filepath.Join(path, m.info.RawName())
	}
	n.adding.Lock()
	if o := n.holding(m.info.Hash); o != nil {
		n.adding.Unlock() // the object may be in use for long
		return n.shareHeld(ctx, o, path, m, req)
	}
	defer n.adding.Unlock()
	r := catalog.Record{
		Kind: catalog.Shared, State: catalog.State(swarm.Seeding), Name: m.info.Name.String(), Root: path, Dir: m.info.Dir,
		Size: m.info.Object().Size(), InfoHash: m.info.Hash, Info: m.info.Raw, Private: m.info.Private,
		Trackers: tiers(req.Trackers), WebSeeds: req.WebSeeds, Comment: req.Comment,
		AddedAt: n.cfg.Now(), DoneAt: n.cfg.Now(),
	}
	whole := catalog.Contents{PieceLayers: m.layers}
	whole.Files, whole.Verified = m.rows()
	if r.ID, err = n.catalog.AddWhole(ctx, r, whole); err != nil {
		m.files.Close()
		return nil, err
	}
	o := n.newObject(r, 0)
	n.serve(o, m.body())
	n.publish(EventAdded, o, "") // before any other news of it
	n.book(o, nil)
	n.discover(o)
	return o, nil
}

// rows are the files of a share as the catalog keeps them, and that all of each is verified.
func (m *measured) rows() (files []catalog.FileRow, verified []content.Ranges) {
	for i, f := range m.info.Object().Files() {
		files = append(files, fileRow(f, m.ids[i], true))
		var all content.Ranges
		all.Add(0, f.Size)
		verified = append(verified, all)
	}
	return files, verified
}

func (m *measured) body() *body {
	b := &body{info: m.info, object: m.info.Object(), files: m.files, layout: torrent.New(m.info)}
	b.hashes = torrent.NewHashes(m.info, b.layout, m.layers)
	return b
}

// shareHeld is Share for bytes that are held already under the same name: fetched, shared from another path, or shared
// from this one before the files were touched.
func (n *Node) shareHeld(ctx context.Context, o *object, path string, m *measured, req CreateRequest) (*object, error) {
	o, done, err := n.manage(o)
	if err != nil {
		m.files.Close()
		return nil, err
	}
	defer done()
	r := o.theRecord()
	state, _ := o.swarm.State()
	if r.Kind == catalog.Fetched || r.Root != path && (moving(state) || state == swarm.Checking || o.waits()) {
		m.files.Close()
		return o, n.addTrackers(ctx, o, req.Trackers)
	}
	// The files just read are the object's from now on.
	n.halt(o)
	files, verified := m.rows()
	failed := n.catalog.SetFiles(ctx, o.id, files)
	if failed == nil {
		failed = n.catalog.ReplaceVerified(ctx, o.id, verified)
	}
	again, err := n.restart(ctx, o, func(r *catalog.Record) {
		r.Root, r.State, r.Error = path, catalog.State(swarm.Seeding), ""
	})
	if err = errors.Join(failed, err); err != nil {
		m.files.Close()
		if again != nil {
			n.fail(again, swarm.Failed, err)
		}
		return nil, err
	}
	n.serve(again, m.body())
	n.discover(again)
	return again, n.addTrackers(ctx, again, req.Trackers)
}

// serve sets a complete object in motion.
func (n *Node) serve(o *object, b *body) {
	all := content.NewBitmap(b.layout.Pieces())
	all.SetAll()
	n.embody(o, b, all)
}

// embody gives an object its body, and its swarm something to do.
func (n *Node) embody(o *object, b *body, verified content.Bitmap) {
	o.mu.Lock()
	o.body = b
	o.mu.Unlock()
	n.mu.Lock()
	n.register(o, b.info.Hash)
	n.mu.Unlock()
	o.net.Content.Store(&bittorrent.Content{Hash: b.info.Hash, Layout: b.layout, Files: b.files, Intake: b.intake})
	n.setInMotion(o, func() {
		o.swarm.Open(n.cfg.Now(), swarm.Content{
			Info: b.info, Layout: b.layout, Hashes: b.hashes, Verified: verified, Priority: b.priority(o.thePriorities()),
		})
	})
}

// setInMotion begins what peers have to do with an object, unless the user has paused it, perhaps just now: the record
// says so before the swarm does.
func (n *Node) setInMotion(o *object, begin func()) {
	paused := o.theRecord().State == catalog.State(swarm.Paused)
	waits := !paused && !n.hasTurn(o)
	o.setWaiting(waits)
	begin()
	if _, why := o.swarm.State(); why != nil {
		o.swarm.Resume(n.cfg.Now()) // what stopped it meanwhile is overcome: its metadata came after all
	}
	if paused || o.theRecord().State == catalog.State(swarm.Paused) {
		o.swarm.Stop(swarm.Paused, nil)
	} else if waits {
		o.swarm.Stop(swarm.Paused, nil)
		o.setWaiting(true) // also if it was given a turn just now: it is given one again
	}
}

// alreadyShared finds the object that the same request made before, if the disk is as it was then.
func (n *Node) alreadyShared(ctx context.Context, req CreateRequest) (*object, error) {
	format, err := parseFormat(req.Format)
	if err != nil {
		return nil, err
	}
	var was *object
	for _, o := range n.all() {
		r := o.theRecord()
		if r.Kind != catalog.Shared || r.Root != req.Path {
			continue
		}
		if err := o.await(ctx); err != nil {
			return nil, err
		}
		b := o.theBody()
		if b != nil && b.info.Format() == format && b.info.Private == req.Private &&
			(req.PieceLength == 0 || req.PieceLength == b.info.PieceLength) && (req.Name == "" || req.Name == b.info.RawName()) {
			was = o
		}
	}
	if was == nil {
		return nil, nil
	}
	obj, ids, err := n.store.Adopt(req.Path, store.AdoptOptions{Name: req.Name})
	if err != nil {
		return nil, err
	}
	if !sameFiles(obj, ids, was.theBody()) {
		return nil, nil
	}
	was, done, err := n.manage(was)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := n.addTrackers(ctx, was, req.Trackers); err != nil {
		return nil, err
	}
	return n.resume(ctx, was)
}

// await waits until an object from an earlier run has been opened.
func (o *object) await(ctx context.Context) error {
	o.mu.Lock()
	opened := o.opened
	o.mu.Unlock()
	if opened == nil {
		return nil
	}
	select {
	case <-opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sameFiles reports whether what lies on the disk now is what was shared, file by file.
func sameFiles(obj content.Object, ids []store.Identity, b *body) bool {
	old := b.files.Identities()
	if len(old) != len(ids) || obj.IsDir() != b.object.IsDir() {
		return false
	}
	byName := make(map[string]store.Identity, len(old))
	for i, id := range old {
		byName[diskName(b.object, i, id)] = id
	}
	for i, id := range ids {
		was, ok := byName[diskName(obj, i, id)]
		if !ok || !was.Matches(id) {
			return false
		}
	}
	return true
}

func diskName(obj content.Object, i int, id store.Identity) string {
	if !obj.IsDir() {
		return ""
	}
	if id.Name != "" {
		return id.Name
	}
	return obj.Files()[i].Path.String()
}

// fileRow is a file as the catalog keeps it: under the name it has on disk.
func fileRow(f content.File, id store.Identity, finished bool) catalog.FileRow {
	row := catalog.FileRow{Path: f.Path.String(), Size: f.Size, Priority: catalog.Normal, Finished: finished, Identity: catalogIdentity(id)}
	if id.Name != "" {
		row.Path = id.Name
	}
	return row
}

func catalogIdentity(id store.Identity) catalog.Identity {
	return catalog.Identity{Size: id.Size, ModTime: id.ModTime, Changed: id.Changed, Inode: id.Inode, Device: id.Device}
}

func storeIdentity(row catalog.FileRow) store.Identity {
	id := row.Identity
	if (id == catalog.Identity{}) {
		return store.Identity{}
	}
	return store.Identity{Name: row.Path, Size: id.Size, ModTime: id.ModTime, Changed: id.Changed, Inode: id.Inode, Device: id.Device}
}

// tiers makes each tracker a tier of its own.
func tiers(urls []string) [][]string {
	var t [][]string
	for _, u := range urls {
		t = append(t, []string{u})
	}
	return t
}

// addTrackers adds those of urls that an object does not have yet.
func (n *Node) addTrackers(ctx context.Context, o *object, urls []string) error {
	r := o.theRecord()
	known := slices.Concat(r.Trackers...)
	fresh := slices.DeleteFunc(slices.Clone(urls), func(u string) bool { return slices.Contains(known, u) })
	if len(fresh) == 0 {
		return nil
	}
	if err := n.update(ctx, o, func(r *catalog.Record) { r.Trackers = append(r.Trackers, tiers(fresh)...) }); err != nil {
		return err
	}
	n.discover(o)
	return nil
}
