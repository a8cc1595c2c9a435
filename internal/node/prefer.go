package node

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/scheduler"
	"github.com/potluck-p2p/potluck/internal/store"
)

// priorityNames are the priorities of files as users see them, by what the catalog keeps.
var priorityNames = [...]string{catalog.Skip: "skip", catalog.Low: "low", catalog.Normal: "normal", catalog.High: "high"}

// SetPriorities says how much files are wanted, by their places in the list of [Node.Files]: "low", "normal" or "high". It
// holds across restarts. Which files are wanted at all is decided by GetRequest.Select, once.
func (n *Node) SetPriorities(ref string, priorities map[int]string) error {
	ctx, leave, err := n.enter(context.Background())
	if err != nil {
		return err
	}
	defer leave()
	o, done, err := n.findToManage(ref)
	if err != nil {
		return err
	}
	defer done()
	b := o.theBody()
	if b == nil {
		return &Error{"resolving", "it is not known yet what the files are", "wait until peers have sent the metadata", ExitFailed, nil}
	}
	if b.intake == nil {
		return &Error{"shared", "the files of a share are all there, so none is fetched before others", "", ExitUsage, nil}
	}
	wanted, err := b.parsePriorities(priorities)
	if err != nil {
		return err
	}
	if err := n.catalog.SetPriority(ctx, o.id, wanted); err != nil {
		return explain(err)
	}
	o.mu.Lock()
	all := slices.Clone(o.priorities)
	if all == nil {
		all = slices.Repeat([]catalog.Priority{catalog.Normal}, len(b.object.Files()))
	}
	for i, p := range wanted {
		all[i] = p
	}
	o.priorities = all
	o.mu.Unlock()
	o.swarm.Prefer(n.cfg.Now(), b.priority(all))
	return nil
}

// prioritiesOf are the priorities that the catalog has of files; none if none is special.
func prioritiesOf(rows []catalog.FileRow) []catalog.Priority {
	var all []catalog.Priority
	special := false
	for _, row := range rows {
		all = append(all, row.Priority)
		special = special || row.Priority == catalog.Low || row.Priority == catalog.High
	}
	if !special {
		return nil
	}
	return all
}

// parsePriorities checks what the user wants of single files.
func (b *body) parsePriorities(priorities map[int]string) (map[int]catalog.Priority, error) {
	parsed := make(map[int]catalog.Priority)
	for _, i := range slices.Sorted(maps.Keys(priorities)) {
		p := slices.Index(priorityNames[:], priorities[i])
		switch {
		case i < 0 || i >= len(b.object.Files()):
			return nil, &Error{"usage", fmt.Sprintf("there is no file %d", i), fmt.Sprintf("the files are 0 to %d", len(b.object.Files())-1), ExitUsage, nil}
		case p < 0:
			return nil, &Error{"usage", fmt.Sprintf("%.40q is no priority", priorities[i]), "choose low, normal or high", ExitUsage, nil}
		case catalog.Priority(p) == catalog.Skip || !b.wants(i):
			return nil, &Error{"usage", "which files are fetched was decided with the first get, and cannot be changed",
				"choose low, normal or high for files that are fetched; for others, remove the object and get it again with another --select", ExitUsage, nil}
		}
		parsed[i] = catalog.Priority(p)
	}
	return parsed, nil
}

// priorityOf is how much the user wants a file. All is by file, or nil for nothing special.
func (b *body) priorityOf(file int, all []catalog.Priority) catalog.Priority {
	switch {
	case !b.wants(file):
		return catalog.Skip
	case file < len(all) && all[file] != catalog.Skip:
		return all[file]
	}
	return catalog.Normal
}

// priority is how much each piece is wanted: as much as the file in it that is wanted most.
func (b *body) priority(all []catalog.Priority) func(int) scheduler.Priority {
	if b.wanted == nil && all == nil {
		return nil
	}
	return func(piece int) scheduler.Priority {
		most := catalog.Skip
		for f := range b.layout.Touches(piece) {
			most = max(most, b.priorityOf(f, all))
		}
		return [...]scheduler.Priority{
			catalog.Skip: scheduler.None, catalog.Low: scheduler.Low, catalog.Normal: scheduler.Normal, catalog.High: scheduler.High,
		}[most]
	}
}

// fileStatus is a file as the user sees it, but for what is done of it while it is unfinished.
func (b *body) fileStatus(i int, all []catalog.Priority) File {
	f := b.object.Files()[i]
	d := File{Path: f.Path.String(), Size: f.Size, Priority: priorityNames[b.priorityOf(i, all)]}
	if b.files.State(i) == store.Whole {
		d.BytesDone = f.Size
	}
	return d
}
