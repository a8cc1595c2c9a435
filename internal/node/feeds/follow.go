package feeds

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/feed"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// follower is the following of one feed.
type follower struct {
	*Desk
	id      string
	poll    *feed.Follow
	post    *feed.Post
	sources int // that the object had when it was last looked at

	// The scout for the version that is to come; nil if there is none.
	scout   *object.Object
	learned <-chan object.Learned
	coming  Version
	refused int64 // sequence of a version that cannot be taken
}

// follow sees to a feed of somebody else's for as long as its object follows it.
func (d *Desk) follow(id string, wake <-chan struct{}) {
	f := &follower{Desk: d, id: id, poll: feed.NewFollow(d.cfg.Now(), d.cfg.Poll, d.cfg.Rand()), post: feed.NewPost(d.cfg.Rand())}
	defer f.dismiss()
	for {
		o := d.cfg.Books.ByID(id)
		if o == nil || o.Record().Feed.Role != catalog.Followed {
			return
		}
		next := d.cfg.Now().Add(rest)
		if d.cfg.Items != nil && o.Record().State != catalog.Paused {
			next = f.turn(o)
		}
		woken, ok := d.sleep(next, wake)
		if !ok {
			return
		}
		if woken {
			f.poll.Hurry(d.cfg.Now())
		}
	}
}

// turn does what is due, and returns when there is something again.
func (f *follower) turn(o *object.Object) time.Time {
	now := f.cfg.Now()
	had := f.sources
	if f.sources = o.Swarm.Snapshot(now).Sources; f.sources < had {
		f.poll.SourceLeft(now)
	}
	if !now.Before(f.poll.Next()) {
		f.lookUp(o)
	}
	select {
	case l := <-f.learned:
		f.take(o, l)
	default:
	}
	return sooner(f.poll.Next(), f.passOn(o))
}

func pointerOf(r catalog.Feed) link.Pointer {
	return link.Pointer{Publisher: r.Publisher, Salt: r.Salt}
}

// lookUp looks whether there is a newer version.
func (f *follower) lookUp(o *object.Object) {
	v, err := f.find(f.cfg.Life, pointerOf(o.Record().Feed))
	f.poll.Looked(f.cfg.Now())
	if err != nil {
		f.cfg.Log.Debug("a feed was not found", "id", f.id, "err", err)
		return
	}
	f.found(o, v)
}

// found judges a version that was found.
func (f *follower) found(o *object.Object, v Version) {
	held := o.Record().Feed.Sequence
	switch feed.Judge(held, v.Sequence()) {
	case feed.Replay:
		f.cfg.Log.Warn("an old version of a feed was found, and is left alone", "id", f.id, "sequence", v.Sequence(), "held", held)
	case feed.Newer:
		if v.Sequence() == f.refused || f.scout != nil && v.Sequence() <= f.coming.Sequence() {
			return
		}
		f.dismiss()
		f.coming = v
		if v.Hash == o.InfoHash() {
			f.renumber(o)
			return
		}
		f.cfg.Log.Info("a feed has a new version", "id", f.id, "sequence", v.Sequence(), "infohash", v.Hash)
		f.scout, f.learned = o.Scout(v.Hash)
	}
}

// renumber takes a newer item that points at what we have.
func (f *follower) renumber(o *object.Object) {
	next := f.coming.Follow(pointerOf(o.Record().Feed))
	if err := o.ChangeFeed(f.cfg.Life, func(r *catalog.Feed) { *r = next }); err != nil {
		f.cfg.Log.Warn("cannot record the version of a feed", "id", f.id, "err", err)
	}
}

// take brings the object to the version that the scout has found out about.
func (f *follower) take(o *object.Object, l object.Learned) {
	v := f.coming
	f.dismiss()
	err := l.Err
	if err == nil {
		err = f.succeed(f.cfg.Life, o, l, v)
	}
	if err == nil || f.cfg.Life.Err() != nil {
		return
	}
	f.cfg.Log.Warn("a new version of a feed cannot be taken", "id", f.id, "sequence", v.Sequence(), "err", err)
	if l.Err != nil {
		f.refused = v.Sequence()
		return
	}
	f.poll.SourceLeft(f.cfg.Now()) // before long it is tried again
}

func (f *follower) dismiss() {
	if f.scout != nil {
		f.scout.Dismiss()
	}
	f.scout, f.learned = nil, nil
}

// passOn puts the item of our version again when it is time, so that the feed lives on while its publisher is away.
func (f *follower) passOn(o *object.Object) time.Time {
	now := f.cfg.Now()
	r := o.Record().Feed
	next := f.post.Next(now, r.Sequence)
	if now.Before(next) || len(r.Value) == 0 || o.Record().DoneAt.IsZero() {
		return now.Add(rest)
	}
	ctx, cancel := context.WithTimeout(f.cfg.Life, errands)
	defer cancel()
	item := krpc.Item{Value: r.Value, Key: r.Publisher[:], Salt: []byte(r.Salt), Seq: r.Sequence, Sig: r.Signature}
	_, newer, err := f.cfg.Items.Put(ctx, item)
	f.post.Put(f.cfg.Now(), err == nil)
	if newer != nil {
		if v, err := read(pointerOf(r), *newer); err == nil {
			f.found(o, v)
		}
	}
	return f.post.Next(now, r.Sequence)
}
