package object

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/addressbook"
	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// savedEvery is how often the peers of an object are saved beside the transfer.
const savedEvery = 5 * time.Minute

// saving is what an object remembers of saving its peers.
type saving struct {
	at   time.Time
	list []addressbook.Saved
}

// recall makes the swarm know whom the last run had to do with, as far as they may be dialled today. Offline, only what the
// user or the link names is.
func (o *Object) recall() {
	if o.rooms.Silent || o.rooms.Offline {
		return
	}
	rows, err := o.rooms.Catalog.SavedPeers(o.Life, o.ID)
	if err != nil {
		o.rooms.Log.Warn("the peers of the last run are lost", "id", o.ID, "err", err)
		return
	}
	own, hidden := o.rooms.Sockets.Addrs(), o.IsHidden()
	var list []addressbook.Saved
	for _, r := range rows {
		// What the user typed then is what the record names today.
		origin := max(addressbook.Origin(r.Origin), swarm.FromLink)
		source, known := savedSource(origin)
		if known && netx.AcceptPeer(source, r.Addr, own) && !(hidden && (origin == swarm.FromPEX || origin == swarm.FromLAN || origin == swarm.FromDHT)) {
			list = append(list, addressbook.Saved{Addr: r.Addr, Origin: origin, Moved: r.Moved, Seen: r.Seen, Anchor: r.Anchor, Key: r.Key})
		}
	}
	o.Swarm.RestorePeers(list)
}

// savedSource is by which rule an address may be dialled that was saved with its origin (promise 4.9). A private one can only
// have come from a tracker that is private itself.
func savedSource(origin addressbook.Origin) (source netx.PeerSource, known bool) {
	switch origin {
	case swarm.FromLink:
		return netx.FromLink, true
	case swarm.FromTracker:
		return netx.FromPrivateTracker, true
	case swarm.FromLAN:
		return netx.FromLAN, true
	case swarm.FromPeer, swarm.FromPEX, swarm.FromDHT:
		return netx.FromPublic, true
	}
	return 0, false
}

// SavePeers saves now and then whom the next run should know.
func (o *Object) SavePeers(now time.Time) {
	if o.due(now, &o.saving.at, savedEvery) {
		o.Run(o.savePeers)
	}
}

// due reports whether something that is done every so often is to be done now, and notes that it is; the first time is one
// interval after the first look. What at points to is guarded by mu.
func (o *Object) due(now time.Time, at *time.Time, every time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at.IsZero() {
		*at = now
	}
	due := now.Sub(*at) >= every
	if due {
		*at = now
	}
	return due
}

// savePeers does so at once, if there is news.
func (o *Object) savePeers() {
	list := o.Swarm.SavedPeers(o.rooms.Now(), catalog.MaxSavedPeers)
	o.mu.Lock()
	news := !slices.Equal(list, o.saving.list)
	o.saving.list = list
	o.mu.Unlock()
	if !news {
		return
	}
	var rows []catalog.SavedPeer
	for _, s := range list {
		if s.Addr.Addr().Zone() == "" { // interfaces may have other names tomorrow
			rows = append(rows, catalog.SavedPeer{Addr: s.Addr, Origin: uint8(s.Origin), Moved: s.Moved, Seen: s.Seen, Anchor: s.Anchor, Key: s.Key})
		}
	}
	err := o.rooms.Catalog.SetSavedPeers(context.WithoutCancel(o.Life), o.ID, rows)
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		o.rooms.Log.Warn("cannot save the peers of an object", "id", o.ID, "err", err)
	}
}
