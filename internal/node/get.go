package node

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// GetRequest says what to fetch, and how.
type GetRequest struct {
	// Link is a magnet link, an info-hash or the http(s) URL of a .torrent. Torrent is the content of a .torrent file, if
	// the caller has one; Link is then ignored.
	Link    string
	Torrent []byte
	// Dir is where the object goes; the node's download folder if empty.
	Dir string
	// Select are patterns of the files wanted; none is all.
	Select []string
	// Peers are addresses to ask, as HOST:PORT or KEY@HOST:PORT, Trackers more trackers.
	Peers    []string
	Trackers []string
	// Sequential fetches in order.
	Sequential bool
	// Follow keeps to the feed that the link names: each newer version takes the object's place.
	Follow bool
	feed   catalog.Feed // that the object follows from the first
	// Wait is how long to go on without any source before it fails; 0 is for ever.
	Wait time.Duration
}

// Get accepts a link to fetch and returns at once. Getting what is held already returns that object.
func (n *Node) Get(ctx context.Context, req GetRequest) (Object, error) {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return Object{}, err
	}
	defer leave()
	o, err := n.getAny(ctx, req)
	if err != nil {
		return Object{}, fault.Explain(err)
	}
	return o.Describe(), nil
}

func (n *Node) get(ctx context.Context, req GetRequest) (*object.Object, error) {
	if err := n.isSeen(req.Link); req.Torrent == nil && err != nil {
		return nil, err
	}
	w, err := inspect.Want(ctx, n.fetcher, req.Link, req.Torrent, req.Select)
	if err != nil {
		return nil, err
	}
	if err := inspect.CheckTrackers(req.Trackers); err != nil {
		return nil, err
	}
	w.Trackers = append(w.Trackers, inspect.Tiers(req.Trackers)...)
	typed, err := inspect.ResolvePeers(ctx, n.cfg.Network, req.Peers)
	if err != nil {
		return nil, err
	}
	n.introduce(w.Torrent)
	dir := req.Dir
	if dir == "" {
		dir = n.cfg.DownloadDir
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	n.adding.Lock()
	if o := n.books.Holding(w.Hash); o != nil {
		n.adding.Unlock() // the object may be in use for long
		return n.again(ctx, o, req, w, typed)
	}
	defer n.adding.Unlock()
	r := catalog.Record{
		Kind: catalog.Fetched, State: catalog.State(swarm.Resolving), Root: dir, InfoHash: w.Hash,
		Trackers: w.Trackers, WebSeeds: w.WebSeeds, Peers: slices.Concat(w.Peers, req.Peers), Selected: w.Selected,
		Sequential: req.Sequential, AddedAt: n.cfg.Now(), Feed: req.feed,
	}
	if w.Torrent != nil {
		r.Info, r.Private, r.Comment = w.Torrent.Info.Raw, w.Torrent.Info.Private, w.Torrent.Comment
	}
	if r.ID, err = n.catalog.Add(ctx, r); err != nil {
		return nil, err
	}
	o := object.New(n.rooms, r, req.Wait)
	if w.Torrent != nil {
		o.Swarm.Stop(swarm.Checking, nil)
	}
	o.Hear(typed)
	o.Publish(news.EventAdded, "") // before any other news of it
	n.books.Enter(o, nil)
	o.HearLinked()
	if w.Torrent != nil {
		o.Run(func() { o.OpenNew(w.Torrent) })
	} else {
		o.Discover()
	}
	return o, nil
}

// again is Get for an object that is held already: new sources help it, what stopped it is tried once more, and files that
// were not selected the first time can be added.
func (n *Node) again(ctx context.Context, o *object.Object, req GetRequest, w *inspect.Wanted, typed []inspect.Peer) (*object.Object, error) {
	o, done, err := o.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	o.Hear(typed)
	o.BePatient(req.Wait)
	if err := o.AddPeers(ctx, slices.Concat(w.Peers, req.Peers)); err != nil {
		return nil, err
	}
	o.HearLinked()
	if err := o.AddTrackers(ctx, slices.Concat(w.Trackers...)); err != nil {
		return nil, err
	}
	if err := o.AddServers(ctx, w.WebSeeds); err != nil {
		return nil, err
	}
	if o, err = n.wantAgain(ctx, o, req, w); err != nil {
		return nil, err
	}
	return o.Resume(ctx)
}
