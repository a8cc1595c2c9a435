package local

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/scheduler"
)

// priorityNames are the priorities of files as users see them, by what the catalog keeps.
var priorityNames = [...]string{catalog.Skip: "skip", catalog.Low: "low", catalog.Normal: "normal", catalog.High: "high"}

// Prefer says how much single files are wanted, "low", "normal" or "high", and records it.
func (b *Object) Prefer(ctx context.Context, priorities map[int]string) error {
	wanted, err := b.parsePriorities(priorities)
	if err != nil {
		return err
	}
	if err := b.disk.Catalog.SetPriority(ctx, b.id, wanted); err != nil {
		return err
	}
	all := slices.Clone(b.thePriorities())
	if all == nil {
		all = slices.Repeat([]catalog.Priority{catalog.Normal}, len(b.Object.Files()))
	}
	for i, p := range wanted {
		all[i] = p
	}
	b.setPriorities(all)
	return nil
}

// parsePriorities checks what the user wants of single files.
func (b *Object) parsePriorities(priorities map[int]string) (map[int]catalog.Priority, error) {
	parsed := make(map[int]catalog.Priority)
	for _, i := range slices.Sorted(maps.Keys(priorities)) {
		p := slices.Index(priorityNames[:], priorities[i])
		switch {
		case i < 0 || i >= len(b.Object.Files()):
			return nil, fault.Usage(fmt.Sprintf("there is no file %d", i), fmt.Sprintf("the files are 0 to %d", len(b.Object.Files())-1), nil)
		case p < 0:
			return nil, fault.Usage(fmt.Sprintf("%.40q is no priority", priorities[i]), "choose low, normal or high", nil)
		case catalog.Priority(p) == catalog.Skip || !b.Wants(i):
			return nil, fault.Usage("which files are fetched was decided with the first get, and cannot be changed",
				"choose low, normal or high for files that are fetched; for others, remove the object and get it again with another --select", nil)
		}
		parsed[i] = catalog.Priority(p)
	}
	return parsed, nil
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

func (b *Object) thePriorities() []catalog.Priority {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.priorities
}

func (b *Object) setPriorities(all []catalog.Priority) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.priorities = all
}

// PriorityOf is how much the user wants a file: "low", "normal", "high", or "skip" if it was not selected.
func (b *Object) PriorityOf(file int) string {
	return priorityNames[b.priorityOf(file, b.thePriorities())]
}

// priorityOf is how much the user wants a file. All is by file, or nil for nothing special.
func (b *Object) priorityOf(file int, all []catalog.Priority) catalog.Priority {
	switch {
	case !b.Wants(file):
		return catalog.Skip
	case file < len(all) && all[file] != catalog.Skip:
		return all[file]
	}
	return catalog.Normal
}

// Priority is how much each piece is wanted now: as much as the file in it that is wanted most. It is nil if all are wanted
// alike.
func (b *Object) Priority() func(piece int) scheduler.Priority {
	all := b.thePriorities()
	if b.wanted == nil && all == nil {
		return nil
	}
	return func(piece int) scheduler.Priority {
		most := catalog.Skip
		for f := range b.Layout.Touches(piece) {
			most = max(most, b.priorityOf(f, all))
		}
		return [...]scheduler.Priority{
			catalog.Skip: scheduler.None, catalog.Low: scheduler.Low, catalog.Normal: scheduler.Normal, catalog.High: scheduler.High,
		}[most]
	}
}
