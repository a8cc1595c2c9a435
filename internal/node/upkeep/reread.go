package upkeep

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// reread is Verify for a share. What was touched, copied or moved away and back is served again if every byte of it is right.
func reread(ctx context.Context, rooms *object.Rooms, o *object.Object, b *local.Object, progress func(done, total int64)) error {
	was, goBack := o.Check()
	now, d, err := b.Reread(ctx, progress)
	switch {
	case err != nil && ctx.Err() != nil:
		goBack()
		return err
	case err != nil:
		o.Unreadable(err)
		return err
	case !d.None():
		broken := fault.New(fault.ExitVerify, "verify", "bytes on the disk are not what they were", "potluck verify --accept takes the new version", nil)
		if err := distrust(ctx, rooms, o, b, d); err != nil {
			rooms.Log.Warn("cannot record that files are not what was shared", "id", o.ID, "err", err)
		}
		o.Fail(swarm.Changed, broken)
		return broken
	case now.HasSameFiles(b) && (was == swarm.Paused || object.Moving(was)):
		now.Files.Close()
		goBack()
		return nil
	}
	return renew(ctx, rooms, o, now)
}

// distrust keeps a later run from serving what looks as it did and is not. Of a feed it would be published as a new version then,
// and followers would replace their good copies by it.
func distrust(ctx context.Context, rooms *object.Rooms, o *object.Object, b *local.Object, d local.Doubts) error {
	if o.Record().Feed.Role == catalog.Published {
		return nil
	}
	return b.Distrust(context.WithoutCancel(ctx), d)
}

// renew has a share go on with the files that were just read, and are right.
func renew(ctx context.Context, rooms *object.Rooms, o *object.Object, now *local.Object) error {
	if err := now.Vouch(context.WithoutCancel(ctx)); err != nil {
		now.Files.Close()
		o.Fail(swarm.Failed, err)
		return err
	}
	again, err := o.Restart(ctx, func(r *catalog.Record) {
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Seeding)
		}
		r.Error = ""
	})
	if err != nil {
		now.Files.Close()
		return err
	}
	again.Serve(now)
	again.Discover()
	again.Show()
	return nil
}
