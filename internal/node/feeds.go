package node

import (
	"cmp"
	"context"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/feed"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/feeds"
	"github.com/potluck-p2p/potluck/internal/node/object"
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
		cfg.Items = n.dht.Items()
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
	return n.add(ctx, func(ctx context.Context) (_ *object.Object, err error) {
		if req.Private {
			return nil, fault.Usage("a private share is not told of in the DHT, where feeds are", "leave out --private or --feed", nil)
		}
		if req.Path, err = filepath.Abs(req.Path); err != nil {
			return nil, err
		}
		return n.feeds.Begin(ctx, feeds.Publication{
			Name: name, Path: req.Path,
			Share: func(ctx context.Context) (*object.Object, error) { return n.adder.Share(ctx, req, progress, note) },
			Accept: func(ctx context.Context, o *object.Object) (*object.Object, error) {
				return n.adder.Accept(ctx, o, progress)
			},
		})
	})
}

// get is [adding.Adder.Get] for links of feeds too, whose newest version is fetched as if by a link of its own.
func (n *Node) get(ctx context.Context, req GetRequest) (*object.Object, error) {
	l, err := link.Parse(req.Link)
	switch {
	case req.Torrent == nil && err == nil && l.Kind == link.Feed:
	case req.Follow:
		return nil, fault.Usage("only feeds can be followed, and this link names one version", "leave out --follow", nil)
	default:
		return n.adder.Get(ctx, req, catalog.Feed{})
	}
	pointer := l.Feed
	return n.feeds.Get(ctx, feeds.Wish{
		Pointer: pointer, Follow: req.Follow, Wait: req.Wait,
		Fetch: func(ctx context.Context, v feeds.Version, patience time.Duration) (*object.Object, error) {
			l.Kind, l.Feed, l.InfoHash = link.Magnet, link.Pointer{}, v.Hash
			req.Link, req.Wait = l.Magnet(), patience
			var follows catalog.Feed
			if req.Follow {
				follows = v.Follow(pointer)
			}
			return n.adder.Get(ctx, req, follows)
		},
	})
}
