package moving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/store/relocate"
)

// Note is what is written down of a move: its two folders.
type Note struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func setting(id string) string { return "move:" + id }

// Write writes down the move of an object.
func (note Note) Write(ctx context.Context, c *catalog.Catalog, id string) error {
	b, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return c.SetSetting(ctx, setting(id), string(b))
}

// Unsettled is the move of an object that is not settled, if there is one.
func Unsettled(ctx context.Context, c *catalog.Catalog, id string) (note Note, ok bool, err error) {
	s, ok, err := c.Setting(ctx, setting(id))
	if err != nil || !ok {
		return note, false, err
	}
	return note, true, json.Unmarshal([]byte(s), &note)
}

// Forget takes back that a move of an object is written down. If that fails, the log has it: it is settled again then.
func Forget(c *catalog.Catalog, log *slog.Logger, id string) {
	if err := c.DeleteSetting(context.Background(), setting(id)); err != nil {
		log.Warn("cannot forget the move of an object", "id", id, "err", err)
	}
}

func (mv *Move) forget() { Forget(mv.disk.Catalog, mv.log, mv.id) }

// LeftError says that an object has been moved, and something of it is still in the old folder.
type LeftError struct {
	To  string // where it lies now
	Err error
}

func (e *LeftError) Error() string { return e.Err.Error() }

// Unwrap is what could not be removed, and why.
func (e *LeftError) Unwrap() error { return e.Err }

// Settle ends a move, one way or the other. It may be called again if it fails. A *LeftError says that it has ended all the
// same.
func (mv *Move) Settle() error {
	ctx := context.Background() // half-way is no place to stop
	r, err := mv.disk.Catalog.Get(ctx, mv.id)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		if err := mv.files.Undo(nil); err != nil {
			return err
		}
		mv.forget()
		return nil
	case err != nil:
		return err
	case r.Root == mv.to:
		return mv.settleForward(ctx)
	}
	rows, err := mv.disk.Catalog.Files(ctx, mv.id)
	if err != nil {
		return err
	}
	ids := make([]store.Identity, len(rows))
	for i, row := range rows {
		ids[i] = local.IdentityOf(row)
	}
	if err := mv.files.Undo(ids); err != nil {
		return fmt.Errorf("the move to %s cannot be taken back: %w", mv.to, err)
	}
	if err := mv.reidentify(ctx, mv.from); err != nil {
		return err
	}
	mv.forget()
	return nil
}

func (mv *Move) settleForward(ctx context.Context) error {
	if err := mv.files.Publish(); err != nil {
		return err
	}
	if err := mv.files.Settle(); err != nil {
		return err
	}
	left := mv.files.Clean()
	if err := mv.reidentify(ctx, mv.to); err != nil {
		return err
	}
	mv.forget()
	if left != nil {
		return &LeftError{mv.Place(), left}
	}
	return nil
}

// reidentify records what renaming changed of the files in a folder. A file that is not the recorded one stays another.
func (mv *Move) reidentify(ctx context.Context, dir string) error {
	rows, err := mv.disk.Catalog.Files(ctx, mv.id)
	if err != nil {
		return err
	}
	found, err := relocate.IdentitiesIn(mv.disk.FS, dir, mv.obj, mv.as)
	if err != nil {
		return err
	}
	ids := make(map[int]catalog.Identity)
	for i, row := range rows {
		if i >= len(found) || row.Identity == (catalog.Identity{}) {
			continue
		}
		if now := local.Recorded(found[i]); now != row.Identity && local.IdentityOf(row).MatchesMoved(found[i]) {
			ids[i] = now
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return mv.disk.Catalog.SetIdentity(ctx, mv.id, ids)
}

// Explain is fault.Explain for what a move meets.
func Explain(err error) *fault.Error {
	var left *LeftError
	switch {
	case errors.As(err, &left):
		return fault.New(fault.ExitPartly, "partly", fmt.Sprintf("it is %s now, but not everything could be removed from where it was: %v", left.To, left.Err),
			"delete what is left yourself", err)
	case errors.Is(err, context.Canceled):
		return fault.Explain(context.Canceled)
	case errors.Is(err, store.ErrExists):
		return fault.New(fault.ExitDisk, "exists", err.Error(), "choose another folder, or move away what is there", err)
	case errors.Is(err, store.ErrChanged):
		return fault.New(fault.ExitVerify, "changed", err.Error(), "potluck verify fetches again what is not right", err)
	}
	return fault.Explain(err)
}
