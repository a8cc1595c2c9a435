package feeds

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/feed"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/node/object"
)

// Publication is what is to be published as a feed from now on.
type Publication struct {
	Name string // of the feed: its salt
	Path string // absolute
	// Share shares it; Accept takes a new version of what has been shared, which the caller manages.
	Share  func(ctx context.Context) (*object.Object, error)
	Accept func(ctx context.Context, o *object.Object) (*object.Object, error)
}

// Begin begins to publish, or goes on with it: what lies at the path is the newest version. A name has one path, and a path one
// name.
func (d *Desk) Begin(ctx context.Context, p Publication) (*object.Object, error) {
	if p.Name == "" || len(p.Name) > link.MaxSalt || !utf8.ValidString(p.Name) {
		return nil, fault.Usage(fmt.Sprintf("the name of a feed is 1 to %d bytes of text", link.MaxSalt), "choose another --feed NAME", nil)
	}
	key, err := d.Key(ctx)
	if err != nil {
		return nil, err
	}
	publisher := [ed25519.PublicKeySize]byte(key.Public().(ed25519.PublicKey))
	d.beginning.Lock()
	defer d.beginning.Unlock()
	if o := d.known(publisher, p.Name); o != nil {
		if root := o.Record().Root; root != p.Path {
			return nil, fault.Usage(fmt.Sprintf("the feed %s is that of %s already, as %s", content.Printable(p.Name), root, o.ID),
				"choose another name, or remove that one with potluck rm", nil)
		}
		return d.goOn(ctx, o, p)
	}
	o, err := p.Share(ctx)
	if err != nil {
		return nil, err
	}
	o, done, err := o.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	switch r := o.Record(); {
	case r.Kind != catalog.Shared:
		return nil, fault.Usage(r.Name+" was fetched, and its files may be replaced", "copy it, and share that", nil)
	case r.Private:
		return nil, fault.Usage(r.Name+" is shared already, and private", "share it under another --name", nil)
	case r.Feed.Role != catalog.NoFeed:
		return nil, fault.Usage(fmt.Sprintf("%s is the feed %s already", r.Root, content.Printable(r.Feed.Salt)), "leave out --feed, or give that name", nil)
	}
	first := catalog.Feed{Role: catalog.Published, Publisher: publisher, Salt: p.Name, Sequence: feed.Sequence(0, d.cfg.Now())}
	if err := o.ChangeFeed(ctx, func(f *catalog.Feed) { *f = first }); err != nil {
		return nil, err
	}
	d.Attend(o)
	return o, nil
}

// known finds the object of a feed; nil if there is none.
func (d *Desk) known(publisher [ed25519.PublicKeySize]byte, name string) *object.Object {
	for _, o := range d.cfg.Books.All() {
		if r := o.Record(); r.Feed.Is(publisher, name) {
			return o
		}
	}
	return nil
}

// goOn is Begin for a feed that is known.
func (d *Desk) goOn(ctx context.Context, o *object.Object, p Publication) (*object.Object, error) {
	if err := o.Await(ctx); err != nil {
		return nil, err
	}
	return d.managing(o, func(o *object.Object) (*object.Object, error) {
		o, err := d.Refresh(o, func(o *object.Object) (*object.Object, error) { return p.Accept(ctx, o) })
		if err != nil {
			return nil, err
		}
		return o.Resume(ctx)
	})
}

// Refresh has the new version of a feed of ours accepted, if there is one. The caller manages the object, which is opened.
func (d *Desk) Refresh(o *object.Object, accept func(*object.Object) (*object.Object, error)) (*object.Object, error) {
	if o.Record().Feed.Role != catalog.Published || d.isAsPublished(o) {
		return o, nil
	}
	return accept(o)
}

// managing manages an object, and has its feed seen to at once.
func (d *Desk) managing(o *object.Object, do func(*object.Object) (*object.Object, error)) (*object.Object, error) {
	o, done, err := o.Manage()
	if err != nil {
		return nil, err
	}
	defer done()
	if o, err = do(o); err == nil {
		d.Attend(o)
	}
	return o, err
}

// isAsPublished reports whether what lies at the place of a share is what was shared.
func (d *Desk) isAsPublished(o *object.Object) bool {
	b := o.Body()
	if b == nil {
		return true // nothing is known of it yet
	}
	ids, err := d.cfg.Disk.Store.Survey(o.Record().Root)
	return err == nil && printOf(ids) == printOf(b.Files.Identities())
}

// Wish is a feed that somebody wants to have.
type Wish struct {
	link.Pointer
	Follow bool
	// Wait is how long to go on while nobody has it; 0 is for ever.
	Wait time.Duration
	// Fetch fetches one version, and goes on as long as patience says while nobody has that.
	Fetch func(ctx context.Context, v Version, patience time.Duration) (*object.Object, error)
}

// leastPatience is how long the version that was found is looked for at least.
const leastPatience = time.Minute

// Get has the newest version of a feed fetched, as if by a link of its own, and follows the feed if that is wanted.
func (d *Desk) Get(ctx context.Context, w Wish) (*object.Object, error) {
	if o := d.known(w.Publisher, w.Salt); o != nil {
		return d.managing(o, func(o *object.Object) (*object.Object, error) { return o.Resume(ctx) })
	}
	began := d.cfg.Now()
	v, err := d.Find(ctx, w.Pointer, w.Wait)
	if err != nil {
		return nil, err
	}
	if w.Wait > 0 {
		w.Wait = max(w.Wait-d.cfg.Now().Sub(began), leastPatience)
	}
	o, err := w.Fetch(ctx, v, w.Wait)
	if err != nil || !w.Follow {
		return o, err
	}
	return d.managing(o, func(o *object.Object) (*object.Object, error) {
		switch r := o.Record(); {
		case r.Feed.Is(w.Publisher, w.Salt):
			return o, nil // from the first
		case r.Kind != catalog.Fetched:
			return nil, fault.Usage(r.Name+" is a share of yours, whose files are never replaced", "leave out --follow", nil)
		case r.Feed.Role != catalog.NoFeed:
			return nil, fault.Usage(r.Name+" follows another feed already, as "+o.ID, "remove it, or leave out --follow", nil)
		}
		return o, o.ChangeFeed(ctx, func(f *catalog.Feed) { *f = v.Follow(w.Pointer) })
	})
}
