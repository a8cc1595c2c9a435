package feeds

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/selection"
)

var errBusy = errors.New("its files are being moved")

// succeed brings an object to another version, under its id and in its place. What is left to do when the catalog has it is done
// wherever the object is opened, also after a crash: see package store/former.
func (d *Desk) succeed(ctx context.Context, o *object.Object, l object.Learned, v Version) error {
	if other := d.cfg.Books.Holding(l.Info.Hash); other != nil && other.ID != o.ID {
		return fmt.Errorf("it is held already, as %s", other.ID)
	}
	if err := o.Await(ctx); err != nil {
		return err
	}
	// Not while its files are on their way to another folder.
	arrive, ok := d.cfg.Books.Depart(o.ID)
	if !ok {
		return errBusy
	}
	defer arrive()
	if _, unsettled, err := moving.Unsettled(ctx, d.cfg.Catalog, o.ID); unsettled || err != nil {
		return errors.Join(err, errBusy)
	}
	o, done, err := o.Manage()
	if err != nil {
		return err
	}
	defer done()
	change := func(r *catalog.Record) {
		r.InfoHash, r.Info, r.Private = l.Info.Hash, l.Info.Raw, l.Info.Private
		r.Feed = v.Follow(pointerOf(r.Feed))
		r.DoneAt, r.Error = time.Time{}, ""
		if r.State != catalog.Paused {
			r.State = object.UnderWay(*r)
		}
	}
	b := o.Body()
	switch {
	case o.Record().Name == "": // nothing of it is on the disk yet
		_, err := o.Begin(ctx, change)
		return err
	case b == nil:
		return errors.New("what there is of the version before cannot be opened")
	}
	return d.replace(ctx, o, b, l, change, arrive)
}

// replace has the next version of an object, which the caller manages, take its place.
func (d *Desk) replace(ctx context.Context, o *object.Object, b *local.Object, l object.Learned, change func(*catalog.Record), arrive func()) error {
	wanted, err := selection.Mark(o.Record().Selected, l.Info.Object())
	if err != nil {
		return err
	}
	next, err := b.Next(l.Info, l.Layers, wanted)
	if err != nil {
		return err
	}
	common, err := b.Common(ctx, next)
	if err != nil {
		return err
	}
	o.Halt()
	failed := d.write(context.WithoutCancel(ctx), o, b, next, common, change)
	arrive()
	again, err := o.Replace(ctx, func(r *catalog.Record) {
		if failed == nil {
			next.Succeed(r)
			change(r)
		}
	})
	if err == nil {
		again.Open()
	}
	return errors.Join(failed, err)
}

// write writes down, in one step, that the next version has the place of the object, which is halted.
func (d *Desk) write(ctx context.Context, o *object.Object, b, next *local.Object, common []int, change func(*catalog.Record)) error {
	if err := o.Settle(); err != nil {
		return err
	}
	if side := o.Record().Side; side != "" {
		// Its bytes are in the order of the version before.
		if err := d.cfg.Disk.DropSide(side); err != nil {
			return err
		}
	}
	whole, err := b.Succession(ctx, next, common)
	if err != nil {
		return err
	}
	return d.cfg.Catalog.Reissue(ctx, o.ID, func(r *catalog.Record) {
		next.Succeed(r)
		change(r)
	}, whole)
}
