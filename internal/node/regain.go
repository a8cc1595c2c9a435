package node

import (
	"context"
	"path/filepath"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// wantAgain takes what a later Get of an object wants over what the first one wanted, and returns the object that goes on.
// While nothing of it has a place on the disk, everything may change; later, files can only be added.
func (n *Node) wantAgain(ctx context.Context, o *object, req GetRequest, w *wanted) (*object, error) {
	r := o.theRecord()
	if r.Kind != catalog.Fetched {
		return o, nil
	}
	if r.Name != "" {
		return n.widen(ctx, o, r, w)
	}
	root := r.Root
	if req.Dir != "" {
		var err error
		if root, err = filepath.Abs(req.Dir); err != nil {
			return nil, err
		}
	}
	named := r.Info == nil && w.torrent != nil && agrees(w.hash, r.InfoHash)
	if !named && root == r.Root && slices.Equal(w.selected, r.Selected) && req.Sequential == r.Sequential {
		return o, nil
	}
	return n.begin(ctx, o, func(r *catalog.Record) {
		if r.Name != "" {
			return // it has found its place meanwhile
		}
		r.Root, r.Selected, r.Sequential = root, w.selected, req.Sequential
		if named && r.Info == nil {
			r.InfoHash, r.Info, r.Private, r.Comment = w.hash, w.torrent.Info.Raw, w.torrent.Info.Private, w.torrent.Comment
		}
	})
}

// agrees reports whether a torrent is the one that a link names: each info-hash of the link is its own.
func agrees(torrent, named metainfo.InfoHash) bool {
	v1, has1 := named.V1()
	v2, has2 := named.V2()
	own1, _ := torrent.V1()
	own2, _ := torrent.V2()
	return (!has1 || v1 == own1) && (!has2 || v2 == own2)
}

// widen adds files to those selected.
func (n *Node) widen(ctx context.Context, o *object, r catalog.Record, w *wanted) (*object, error) {
	if len(r.Selected) == 0 {
		return o, nil
	}
	info, err := metainfo.ParseInfo(r.Info)
	if err != nil {
		return nil, err
	}
	had, err := selectFiles(r.Selected, info.Object())
	if err != nil {
		return nil, err
	}
	more, err := selectFiles(w.selected, info.Object())
	if err != nil {
		return nil, err
	}
	var selected []string // nil is all
	var both link.Selection
	added := make(map[int]catalog.Priority)
	for i := range had {
		wants := more == nil || more[i]
		if wants && !had[i] {
			added[i] = catalog.Normal
		}
		if wants || had[i] {
			both = append(both, link.Range{First: i, Last: i})
		}
	}
	if len(added) == 0 {
		return o, nil
	}
	if len(both) < len(had) {
		selected = []string{indexPrefix + both.String()}
	}
	for i := range added {
		if err := n.clear(filepath.Join(r.Root, r.Name), info.Object().Files()[i]); err != nil {
			return nil, err
		}
	}
	if err := n.catalog.SetPriority(ctx, o.id, added); err != nil {
		return nil, err
	}
	return n.begin(ctx, o, func(r *catalog.Record) { r.Selected, r.DoneAt = selected, time.Time{} })
}

// clear reports what lies where a file that was not wanted before is to go. A whole one may be taken over, if it is right.
func (n *Node) clear(dir string, f content.File) error {
	final, part := filepath.Join(dir, filepath.FromSlash(f.Path.String())), filepath.Join(dir, filepath.FromSlash(f.Path.Part().String()))
	there, err := n.cfg.FS.Stat(final)
	inTheWay := final
	if err != nil || there.Mode.IsRegular() && there.Size == f.Size {
		if _, err := n.cfg.FS.Stat(part); err != nil {
			return nil
		}
		inTheWay = part
	}
	return &Error{"exists", inTheWay + " is in the way, and is not ours", "move it elsewhere, then run the same command again", ExitDisk, nil}
}

// begin has an object go on from what its changed record says.
func (n *Node) begin(ctx context.Context, o *object, change func(*catalog.Record)) (*object, error) {
	again, err := n.restart(ctx, o, func(r *catalog.Record) {
		change(r)
		r.State, r.Error = underWay(*r), ""
	})
	if err != nil {
		return nil, err
	}
	n.open(again)
	return again, nil
}
