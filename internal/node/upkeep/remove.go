package upkeep

import (
	"context"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/moving"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/object"
)

// Remove forgets an object that the caller manages. Files that were fetched are deleted on request; shared ones are the user's and
// never are.
func Remove(ctx context.Context, rooms *object.Rooms, o *object.Object, deleteFiles bool) error {
	r := o.Record()
	if deleteFiles && r.Kind == catalog.Shared {
		return fault.New(fault.ExitUsage, "shared", "the files of "+r.Name+" are yours, not fetched: potluck never deletes them",
			"leave out --delete-files, or delete them yourself", nil)
	}
	o.Halt()
	last := o.Describe()
	rooms.Books.Strike(o)
	left := leaveFiles(rooms, o, r, deleteFiles)
	if err := rooms.Catalog.Delete(context.WithoutCancel(ctx), o.ID); err != nil {
		return err
	}
	moving.Forget(rooms.Catalog, rooms.Log, o.ID)
	o.ForgetInsisting()
	rooms.Feed.Publish(news.Event{Kind: news.EventRemoved, Object: last})
	if left != nil {
		e := *fault.Explain(left)
		e.Message, e.Hint = fmt.Sprintf("%s is forgotten, but not all its files could be deleted: %s", r.Name, e.Message), "delete what is left yourself"
		return &e
	}
	return nil
}

// leaveFiles ends what the node has to do with an object's files.
func leaveFiles(rooms *object.Rooms, o *object.Object, r catalog.Record, deleteFiles bool) error {
	b := o.Body()
	if b != nil && deleteFiles {
		return b.Delete()
	}
	if b != nil {
		b.Files.Close()
	}
	if r.Side == "" {
		return nil
	}
	if err := rooms.Disk.DropSide(r.Side); err != nil {
		rooms.Log.Warn("cannot remove the side file of an object", "id", o.ID, "err", err)
	}
	return nil
}
