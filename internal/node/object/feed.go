package object

import (
	"context"
	"encoding/hex"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// ChangeFeed changes what an object has to do with a feed.
func (o *Object) ChangeFeed(ctx context.Context, change func(*catalog.Feed)) error {
	return o.update(ctx, func(r *catalog.Record) { change(&r.Feed) })
}

// showFeed adds to a description what a user sees of the object's feed. Its link is the feed's from then on, whose newest version
// it leads to.
func showFeed(d *news.Object, r catalog.Record, l link.Link) {
	if r.Feed.Role == catalog.NoFeed {
		return
	}
	d.VersionLink = d.Link
	l.Kind, l.Feed = link.Feed, link.Pointer{Publisher: r.Feed.Publisher, Salt: r.Feed.Salt}
	l.InfoHash, l.Length, l.WebSeeds = metainfo.InfoHash{}, 0, nil // of this version alone
	d.Link = l.Magnet()
	d.Feed = &news.Channel{
		Publisher: hex.EncodeToString(r.Feed.Publisher[:]), Name: content.Printable(r.Feed.Salt), Sequence: r.Feed.Sequence,
		Followed: r.Feed.Role == catalog.Followed,
	}
}

// dropFormer removes what is left of the version before, once the object is whole.
func (o *Object) dropFormer() {
	b := o.Body()
	if b == nil {
		return
	}
	if err := b.Sweep(context.Background()); err != nil {
		o.rooms.Log.Warn("not everything of the former version could be removed", "id", o.ID, "err", err)
	}
}
