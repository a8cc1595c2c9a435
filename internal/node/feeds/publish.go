package feeds

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/feed"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/store"
	wire "github.com/potluck-p2p/potluck/internal/wire/feed"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// publisher is the publishing of one feed.
type publisher struct {
	*Desk
	id    string
	post  *feed.Post
	watch *feed.Watch
	body  *local.Object // the version that watch knows as published
}

// publish sees to a feed of ours for as long as its object is a share.
func (d *Desk) publish(id string, wake <-chan struct{}) {
	p := publisher{Desk: d, id: id, post: feed.NewPost(d.cfg.Rand())}
	for {
		o := d.cfg.Books.ByID(id)
		if o == nil {
			return
		}
		next := d.cfg.Now().Add(rest)
		if o.Record().State != catalog.Paused {
			next = sooner(p.look(o), p.put(o))
		}
		if _, ok := d.sleep(next, wake); !ok {
			return
		}
	}
}

// look looks whether there is a new version and takes it, when it is time. It returns when to look again.
func (p *publisher) look(o *object.Object) time.Time {
	now := p.cfg.Now()
	b := o.Body()
	if b == nil {
		return now.Add(rest)
	}
	if b != p.body {
		published := printOf(b.Files.Identities())
		if p.watch == nil {
			p.watch = feed.NewWatch(now, published)
		}
		p.watch.Taken(published)
		p.body = b
	}
	if now.Before(p.watch.Next()) {
		return p.watch.Next()
	}
	ids, err := p.cfg.Disk.Store.Survey(o.Record().Root)
	if err != nil {
		p.cfg.Log.Debug("the folder of a feed cannot be looked at", "id", p.id, "err", err)
		if _, gone := p.cfg.Disk.FS.Stat(o.Record().Root); errors.Is(gone, fs.ErrNotExist) {
			o.Unreadable(err)
		}
		p.watch.Blind(now)
		return p.watch.Next()
	}
	looked := p.cfg.Now()
	if p.watch.Look(looked, looked.Sub(now), printOf(ids)) {
		if err := p.cfg.Accept(p.cfg.Life, p.id); err != nil {
			p.cfg.Log.Warn("the new version of a feed cannot be taken", "id", p.id, "err", err)
			p.watch.Failed(p.cfg.Now())
		}
	}
	return p.watch.Next()
}

// put puts the feed's item, when it is time. It returns when to put it again.
func (p *publisher) put(o *object.Object) time.Time {
	now := p.cfg.Now()
	r := o.Record()
	if p.cfg.Items == nil {
		return now.Add(rest)
	}
	next := p.post.Next(now, r.Feed.Sequence)
	if now.Before(next) {
		return next
	}
	taken, newer, err := p.send(r)
	switch {
	case newer != nil:
		// The key is in use elsewhere, or our state is an old copy.
		p.cfg.Log.Warn("somebody else publishes this feed with the same key", "id", p.id, "sequence", newer.Seq)
		err = o.ChangeFeed(p.cfg.Life, func(f *catalog.Feed) { f.Sequence = feed.Sequence(newer.Seq, now) })
	case err == nil:
		p.cfg.Log.Info("feed published", "id", p.id, "sequence", r.Feed.Sequence, "nodes", taken)
	}
	if err != nil {
		p.cfg.Log.Debug("a feed could not be published", "id", p.id, "err", err)
	}
	p.post.Put(p.cfg.Now(), err == nil)
	return p.post.Next(now, o.Record().Feed.Sequence)
}

func (p *publisher) send(r catalog.Record) (taken int, newer *krpc.Item, err error) {
	ctx, cancel := context.WithTimeout(p.cfg.Life, errands)
	defer cancel()
	key, err := p.Key(ctx)
	if err != nil {
		return 0, nil, err
	}
	item, err := krpc.Sign(key, []byte(r.Feed.Salt), wire.AppendValue(nil, r.InfoHash), r.Feed.Sequence)
	if err != nil {
		return 0, nil, err
	}
	return p.cfg.Items.Put(ctx, item)
}

// printOf tells files from what they were before.
func printOf(ids []store.Identity) feed.Print {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b store.Identity) int { return cmp.Compare(a.Name, b.Name) })
	h := sha256.New()
	var b []byte
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(len(id.Name)))
		b = append(b, id.Name...)
		for _, n := range []int64{id.Size, id.ModTime, id.Changed, int64(id.Inode)} {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		h.Write(b)
	}
	return feed.Print(h.Sum(nil))
}
