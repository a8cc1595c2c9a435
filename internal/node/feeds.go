package node

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"time"
	"unicode/utf8"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/feed"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/feeds"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// openFeeds begins to see to the feeds of objects, as soon as the DHT is open.
func (n *Node) openFeeds() {
	cfg := feeds.Config{
		Life: n.life, Running: &n.running, Now: n.cfg.Now, Rand: newRand, Log: n.cfg.Log, Catalog: n.catalog, Disk: n.rooms.Disk,
		Books: n.books, Poll: cmp.Or(n.cfg.FeedPoll, feed.DefaultPoll), Guarded: n.contained,
		Accept: func(ctx context.Context, id string) error {
			_, err := n.Accept(ctx, id, nil)
			return err
		},
	}
	if n.dht != nil {
		cfg.Items = n.dht
	}
	n.feeds = feeds.New(cfg)
	if n.cfg.Silent {
		return // the state is looked at, and not changed
	}
	for _, o := range n.books.All() {
		n.feeds.Attend(o)
	}
}

// displaced tells that something of the user's gave way to a file of a new version.
func (n *Node) displaced(from, to string) {
	n.cfg.Log.Warn("a file that is not ours was in the way of a new version, and was moved aside", "path", from, "to", to)
}

// Publish shares a file or folder as the newest version of a feed, and from then on each version that lies there. A name has one
// path, and a path one name.
func (n *Node) Publish(ctx context.Context, req create.Request, name string, progress create.Progress, note create.Note) (Object, error) {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return Object{}, err
	}
	defer leave()
	o, err := n.publish(ctx, req, name, progress, note)
	if err != nil {
		return Object{}, fault.Explain(err)
	}
	return o.Describe(), nil
}

func (n *Node) publish(ctx context.Context, req create.Request, name string, progress create.Progress, note create.Note) (*object.Object, error) {
	switch {
	case name == "" || len(name) > link.MaxSalt || !utf8.ValidString(name):
		return nil, fault.Usage(fmt.Sprintf("the name of a feed is 1 to %d bytes of text", link.MaxSalt), "choose another --feed NAME", nil)
	case req.Private:
		return nil, fault.Usage("a private share is not told of in the DHT, where feeds are", "leave out --private or --feed", nil)
	}
	key, err := n.feeds.Key(ctx)
	if err != nil {
		return nil, err
	}
	publisher := [32]byte(key[32:])
	if req.Path, err = filepath.Abs(req.Path); err != nil {
		return nil, err
	}
	n.publishing.Lock()
	defer n.publishing.Unlock()
	for _, o := range n.books.All() {
		r := o.Record()
		if !r.Feed.Is(publisher, name) {
			continue
		}
		if r.Root != req.Path {
			return nil, fault.Usage(fmt.Sprintf("the feed %s is that of %s already, as %s", content.Printable(name), r.Root, o.ID),
				"choose another name, or remove that one with potluck rm", nil)
		}
		return n.publishAgain(ctx, o, progress)
	}
	o, err := n.share(ctx, req, progress, note)
	if err != nil {
		return nil, err
	}
	o, done, err := o.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	r := o.Record()
	switch {
	case r.Kind != catalog.Shared:
		return nil, fault.Usage(r.Name+" was fetched, and its files may be replaced", "copy it, and share that", nil)
	case r.Private:
		return nil, fault.Usage(r.Name+" is shared already, and private", "share it under another --name", nil)
	case r.Feed.Role != catalog.NoFeed:
		return nil, fault.Usage(fmt.Sprintf("%s is the feed %s already", r.Root, content.Printable(r.Feed.Salt)), "leave out --feed, or give that name", nil)
	}
	err = o.ChangeFeed(ctx, func(f *catalog.Feed) {
		*f = catalog.Feed{Role: catalog.Published, Publisher: publisher, Salt: name, Sequence: feed.Sequence(0, n.cfg.Now())}
	})
	if err != nil {
		return nil, err
	}
	n.feeds.Attend(o)
	return o, nil
}

// publishAgain is Publish for a feed that is known: what lies at its place now is its newest version.
func (n *Node) publishAgain(ctx context.Context, o *object.Object, progress create.Progress) (*object.Object, error) {
	if err := o.Await(ctx); err != nil {
		return nil, err
	}
	o, done, err := o.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	if !n.isAsPublished(o) {
		if o, err = n.accept(ctx, o, progress); err != nil {
			return nil, err
		}
	}
	if o, err = o.Resume(ctx); err == nil {
		n.feeds.Attend(o)
	}
	return o, err
}

// isAsPublished reports whether what lies at the place of a share is what was shared.
func (n *Node) isAsPublished(o *object.Object) bool {
	b := o.Body()
	if b == nil {
		return false
	}
	obj, ids, err := n.rooms.Disk.Store.Adopt(o.Record().Root, store.AdoptOptions{})
	return err == nil && b.IsAsShared(obj, ids)
}

// sequence is the number of a share's new version in its feed, if it has one.
func (n *Node) sequence(r catalog.Record, hash metainfo.InfoHash) int64 {
	if r.Feed.Role != catalog.Published || r.InfoHash == hash {
		return r.Feed.Sequence
	}
	return feed.Sequence(r.Feed.Sequence, n.cfg.Now())
}

// getFeed is Get for the link of a feed: its newest version is found, and fetched as by a link of its own.
func (n *Node) getFeed(ctx context.Context, req GetRequest, l link.Link) (*object.Object, error) {
	for _, o := range n.books.All() {
		if r := o.Record(); r.Feed.Is(l.Feed.Publisher, l.Feed.Salt) {
			return n.resumeFeed(ctx, o)
		}
	}
	began := n.cfg.Now()
	v, err := n.feeds.Find(ctx, l.Feed, req.Wait)
	if err != nil {
		return nil, err
	}
	if req.Wait > 0 {
		req.Wait = max(req.Wait-n.cfg.Now().Sub(began), time.Minute)
	}
	pointer := l.Feed
	l.Kind, l.Feed, l.InfoHash = link.Magnet, link.Pointer{}, v.Hash
	req.Link = l.Magnet()
	o, err := n.get(ctx, req)
	if err != nil || !req.Follow {
		return o, err
	}
	switch r := o.Record(); {
	case r.Kind != catalog.Fetched:
		return nil, fault.Usage(r.Name+" is a share of yours, whose files are never replaced", "leave out --follow", nil)
	case r.Feed.Role != catalog.NoFeed:
		return nil, fault.Usage(r.Name+" follows another feed already, as "+o.ID, "remove it, or leave out --follow", nil)
	}
	if err := o.ChangeFeed(ctx, func(f *catalog.Feed) { *f = v.Follow(pointer) }); err != nil {
		return nil, err
	}
	n.feeds.Attend(o)
	return o, nil
}

// resumeFeed goes on with a feed that is known, and looks it up at once.
func (n *Node) resumeFeed(ctx context.Context, o *object.Object) (*object.Object, error) {
	o, done, err := o.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	if o, err = o.Resume(ctx); err == nil {
		n.feeds.Attend(o)
	}
	return o, err
}

// feedLink is what a request's link says if it is that of a feed.
func feedLink(req GetRequest) (link.Link, bool) {
	if req.Torrent != nil {
		return link.Link{}, false
	}
	l, err := link.Parse(req.Link)
	return l, err == nil && l.Kind == link.Feed
}
