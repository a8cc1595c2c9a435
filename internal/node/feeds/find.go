package feeds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
	wire "github.com/potluck-p2p/potluck/internal/wire/feed"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Version is one version of a feed, as its publisher signed it.
type Version struct {
	Hash metainfo.InfoHash
	item krpc.Item
}

// Sequence is the version's number.
func (v Version) Sequence() int64 { return v.item.Seq }

// Follow makes of v what the record of an object has that follows the feed and is at v.
func (v Version) Follow(p link.Pointer) catalog.Feed {
	return catalog.Feed{
		Role: catalog.Followed, Publisher: p.Publisher, Salt: p.Salt, Sequence: v.item.Seq, Value: v.item.Value, Signature: v.item.Sig,
	}
}

// retry is how long after nothing was found it is looked for again.
const retry = 5 * time.Second

// Find finds the newest version of a feed; it looks for as long as patience says, 0 is for ever.
func (d *Desk) Find(ctx context.Context, p link.Pointer, patience time.Duration) (Version, error) {
	if d.cfg.Items == nil {
		return Version{}, fault.New(fault.ExitFailed, "offline", "a feed is looked up in the DHT, and this node is not in it", "leave --offline out, or set dht = true", nil)
	}
	began := d.cfg.Now()
	for {
		v, err := d.find(ctx, p)
		var bad *wire.FormatError
		switch {
		case err == nil:
			return v, nil
		case ctx.Err() != nil:
			return v, ctx.Err()
		case errors.As(err, &bad):
			return v, fault.New(fault.ExitFailed, "damaged-feed", err.Error(), "ask its publisher", err)
		case patience > 0 && d.cfg.Now().Sub(began) >= patience:
			return v, fault.New(fault.ExitNobody, "no-source", fmt.Sprintf("nobody who knows this feed was found within %v", patience),
				"try again later, or ask whoever gave you the link", err)
		}
		timer := time.NewTimer(retry)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// find looks a feed up once.
func (d *Desk) find(ctx context.Context, p link.Pointer) (Version, error) {
	ctx, cancel := context.WithTimeout(ctx, errands)
	defer cancel()
	item, err := d.cfg.Items.Get(ctx, p.Publisher[:], []byte(p.Salt))
	if err != nil {
		return Version{}, err
	}
	return read(p, item)
}

// read takes an item for the version of a feed only if its publisher has signed it as that.
func read(p link.Pointer, item krpc.Item) (Version, error) {
	if string(item.Key) != string(p.Publisher[:]) || string(item.Salt) != p.Salt {
		return Version{}, errors.New("this is another feed's item")
	}
	if err := item.Check(); err != nil {
		return Version{}, err
	}
	hash, err := wire.ParseValue(item.Value)
	return Version{hash, item.Clone()}, err
}
