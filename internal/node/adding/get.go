package adding

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Request says what to fetch, and how.
type Request struct {
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
	// Wait is how long to go on without any source before it fails; 0 is for ever.
	Wait time.Duration
}

// Get accepts a link to fetch and returns at once. Getting what is held already returns that object. What is new follows a feed from
// the first, if that is not the zero one.
func (a *Adder) Get(ctx context.Context, req Request, follows catalog.Feed) (*object.Object, error) {
	if err := a.isSeen(req.Link); req.Torrent == nil && err != nil {
		return nil, err
	}
	w, err := inspect.Want(ctx, a.cfg.Fetcher, req.Link, req.Torrent, req.Select)
	if err != nil {
		return nil, err
	}
	if err := inspect.CheckTrackers(req.Trackers); err != nil {
		return nil, err
	}
	w.Trackers = append(w.Trackers, inspect.Tiers(req.Trackers)...)
	typed, err := inspect.ResolvePeers(ctx, a.rooms.Network, req.Peers)
	if err != nil {
		return nil, err
	}
	a.cfg.Introduce(w.Torrent)
	dir := req.Dir
	if dir == "" {
		dir = a.cfg.DownloadDir
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	a.deciding.Lock()
	if o := a.rooms.Books.Holding(w.Hash); o != nil {
		a.deciding.Unlock() // the object may be in use for long
		return a.again(ctx, o, req, w, typed)
	}
	defer a.deciding.Unlock()
	r := catalog.Record{
		Kind: catalog.Fetched, State: catalog.State(swarm.Resolving), Root: dir, InfoHash: w.Hash,
		Trackers: w.Trackers, WebSeeds: w.WebSeeds, Peers: slices.Concat(w.Peers, req.Peers), Selected: w.Selected,
		Sequential: req.Sequential, AddedAt: a.rooms.Now(), Feed: follows,
	}
	if w.Torrent != nil {
		r.Info, r.Private, r.Comment = w.Torrent.Info.Raw, w.Torrent.Info.Private, w.Torrent.Comment
	}
	if r.ID, err = a.rooms.Catalog.Add(ctx, r); err != nil {
		return nil, err
	}
	o := object.New(a.rooms, r, req.Wait)
	if w.Torrent != nil {
		o.Swarm.Stop(swarm.Checking, nil)
	}
	o.Hear(typed)
	o.Publish(news.EventAdded, "") // before any other news of it
	a.rooms.Books.Enter(o, nil)
	o.HearLinked()
	if w.Torrent != nil {
		o.Run(func() { o.OpenNew(w.Torrent) })
	} else {
		o.Discover()
	}
	return o, nil
}

// isSeen refuses to fetch a .torrent file where everybody on the way would read it, if our policy is that nobody does.
func (a *Adder) isSeen(text string) error {
	l, err := link.Parse(text)
	if err != nil || l.Kind != link.TorrentURL || a.rooms.Encryption != mse.Authenticated || l.Secure() {
		return nil
	}
	return fault.Usage("encryption = authenticated fetches no .torrent file by http, which everybody on the way can read",
		"take a magnet link or an https URL, or fetch the file by other means", nil)
}
