package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// A move is written down under its object's id before anything is touched, and forgotten when it is settled. Where the
// catalog says that the object lies decides which way it is settled: back if that is the old folder, forward if it is the
// new one. So it is after a crash, too.

// moveNote is what is written down of a move.
type moveNote struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func moveSetting(id string) string { return "move:" + id }

func (n *Node) noteMove(ctx context.Context, id string, mv *relocation) error {
	b, err := json.Marshal(moveNote{mv.from, mv.to})
	if err != nil {
		return err
	}
	return n.catalog.SetSetting(ctx, moveSetting(id), string(b))
}

// oldMove is the move of an object that is not settled, if there is one.
func (n *Node) oldMove(ctx context.Context, id string) (note moveNote, ok bool, err error) {
	s, ok, err := n.catalog.Setting(ctx, moveSetting(id))
	if err != nil || !ok {
		return note, false, err
	}
	return note, true, json.Unmarshal([]byte(s), &note)
}

func (n *Node) forgetMove(id string) {
	if err := n.catalog.DeleteSetting(context.Background(), moveSetting(id)); err != nil {
		n.cfg.Log.Warn("cannot forget the move of an object", "id", id, "err", err)
	}
}

// settleOldMove settles what a crash, or a disk that was not there, left of a move.
func (n *Node) settleOldMove(o *object, info *metainfo.Info) error {
	if n.isAway(o.id) {
		return nil // it is under way
	}
	note, ok, err := n.oldMove(o.life, o.id)
	if err != nil || !ok {
		return err
	}
	mv, err := n.newRelocation(o, o.theRecord(), info, note.From, note.To)
	if err != nil {
		return err
	}
	n.cfg.Log.Info("settling the move of an object", "id", o.id, "from", note.From, "to", note.To)
	err = n.settleMove(o.id, mv)
	var left *leftError
	if errors.As(err, &left) {
		n.cfg.Log.Warn("something is left of a move", "id", o.id, "err", left.Err)
		return nil
	}
	return err
}

// leftError says that an object has been moved, and something of it is still in the old folder.
type leftError struct {
	To  string
	Err error
}

func (e *leftError) Error() string { return e.Err.Error() }

// settleMove ends a move, one way or the other. It may be called again if it fails.
func (n *Node) settleMove(id string, mv *relocation) error {
	ctx := context.Background() // half-way is no place to stop
	r, err := n.catalog.Get(ctx, id)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		if err := mv.files.Undo(nil); err != nil {
			return err
		}
		n.forgetMove(id)
		return nil
	case err != nil:
		return err
	case r.Root == mv.to:
		return n.settleForward(ctx, id, mv)
	}
	rows, err := n.catalog.Files(ctx, id)
	if err != nil {
		return err
	}
	ids := make([]store.Identity, len(rows))
	for i, row := range rows {
		ids[i] = storeIdentity(row)
	}
	if err := mv.files.Undo(ids); err != nil {
		return fmt.Errorf("the move to %s cannot be taken back: %w", mv.to, err)
	}
	if err := n.reidentify(ctx, id, mv, mv.from); err != nil {
		return err
	}
	n.forgetMove(id)
	return nil
}

func (n *Node) settleForward(ctx context.Context, id string, mv *relocation) error {
	if err := mv.files.Publish(); err != nil {
		return err
	}
	if err := mv.files.Settle(); err != nil {
		return err
	}
	left := mv.files.Clean()
	if err := n.reidentify(ctx, id, mv, mv.to); err != nil {
		return err
	}
	n.forgetMove(id)
	if left != nil {
		return &leftError{mv.place(), left}
	}
	return nil
}

// reidentify records what renaming changed of the files in a folder. A file that is not the recorded one stays another.
func (n *Node) reidentify(ctx context.Context, id string, mv *relocation, dir string) error {
	rows, err := n.catalog.Files(ctx, id)
	if err != nil {
		return err
	}
	found, err := n.store.IdentitiesIn(dir, mv.obj, mv.as)
	if err != nil {
		return err
	}
	ids := make(map[int]catalog.Identity)
	for i, row := range rows {
		if i >= len(found) || row.Identity == (catalog.Identity{}) {
			continue
		}
		if now := catalogIdentity(found[i]); now != row.Identity && storeIdentity(row).MatchesMoved(found[i]) {
			ids[i] = now
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return n.catalog.SetIdentity(ctx, id, ids)
}

// rootOf is the folder that the catalog has for an object.
func (n *Node) rootOf(o *object, mv *relocation) string {
	r, err := n.catalog.Get(context.Background(), o.id)
	if err != nil {
		return mv.from
	}
	return r.Root
}

// explainMove is explain for what a move meets.
func explainMove(err error) *Error {
	var left *leftError
	switch {
	case errors.As(err, &left):
		return &Error{"partly", fmt.Sprintf("it is %s now, but not everything could be removed from where it was: %v", left.To, left.Err),
			"delete what is left yourself", ExitPartly, err}
	case errors.Is(err, context.Canceled):
		return explain(context.Canceled)
	case errors.Is(err, store.ErrExists):
		return &Error{"exists", err.Error(), "choose another folder, or move away what is there", ExitDisk, err}
	case errors.Is(err, store.ErrChanged):
		return &Error{"changed", err.Error(), "potluck verify fetches again what is not right", ExitVerify, err}
	}
	return explain(err)
}
