package home

import (
	"context"
	"log/slog"
	"time"
)

// A backup is made soon after a start and then now and then: a node that runs for weeks, or is killed, must not lose more than
// that with its catalog.
const (
	firstBackup = time.Minute
	nextBackup  = 10 * time.Minute
)

// KeepBackup keeps the backup of the catalog up to date until ctx ends. Nothing is written while nothing changes.
func (h *Home) KeepBackup(ctx context.Context, log *slog.Logger) {
	timer := time.NewTimer(firstBackup)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := h.Catalog.Backup(ctx); err != nil && ctx.Err() == nil {
			log.Error("the catalog could not be backed up", "err", err)
		}
		timer.Reset(nextBackup)
	}
}
