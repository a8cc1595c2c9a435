package upkeep

import (
	"context"
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Verify hashes again what is held to be right of an object that the caller manages. Bytes of a fetched object that are not are
// fetched again; a share that is not what it was is no longer served. Either is an error with [fault.ExitVerify].
func Verify(ctx context.Context, rooms *object.Rooms, o *object.Object, progress func(done, total int64)) error {
	b := o.Body()
	if b == nil {
		return fault.New(fault.ExitFailed, "resolving", "there is nothing to verify: it is not known yet what the files are", "", nil)
	}
	if b.Intake == nil {
		return reread(ctx, rooms, o, b, progress)
	}
	before := o.Swarm.Snapshot(rooms.Now())
	complete := !o.Record().DoneAt.IsZero()
	have := o.Swarm.Have()
	was, goBack := o.Check()
	d, err := b.Rehash(ctx, have, progress)
	if err != nil || d.None() && (was == swarm.Paused || object.Moving(was)) {
		goBack() // also if it was given up, or the disk fails: nothing is known to be wrong
		return err
	}
	again, err := refetch(ctx, rooms, o, b, d)
	if err != nil {
		return err
	}
	after := again.Swarm.Snapshot(rooms.Now())
	lost := before.VerifiedBytes - after.VerifiedBytes
	if complete {
		lost = after.WantedBytes - after.VerifiedBytes // also what was noticed when the object was opened
	}
	if lost > 0 {
		return fault.New(fault.ExitVerify, "verify", fmt.Sprintf("%d bytes on the disk were not what they were", lost), "they are fetched again", nil)
	}
	return nil
}

// refetch begins a fetched object anew without what is in doubt. It returns when the rest of it has been found on the
// disk.
func refetch(ctx context.Context, rooms *object.Rooms, o *object.Object, b *local.Object, d local.Doubts) (*object.Object, error) {
	ctx = context.WithoutCancel(ctx)
	o.Halt()
	failed := b.Preserve()
	if failed == nil {
		failed = b.Forget(ctx, d)
	}
	again, err := o.Restart(ctx, func(r *catalog.Record) {
		if r.State != catalog.State(swarm.Paused) {
			r.State = catalog.State(swarm.Fetching)
		}
		r.Error, r.DoneAt = "", time.Time{}
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		again.Fail(object.StateOf(failed), failed)
		return nil, failed
	}
	again.Open()
	if err := again.Await(ctx); err != nil {
		return nil, err
	}
	if state, why := again.Swarm.State(); why != nil && !object.Moving(state) {
		return nil, why
	}
	return again, nil
}
