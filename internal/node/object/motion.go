package object

import (
	"context"
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/turn"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Serve sets a complete object in motion.
func (o *Object) Serve(b *local.Object) {
	all := content.NewBitmap(b.Layout.Pieces())
	all.SetAll()
	o.embody(b, all)
}

// embody gives an object its body, and its swarm something to do.
func (o *Object) embody(b *local.Object, verified content.Bitmap) {
	o.mu.Lock()
	o.body = b
	o.mu.Unlock()
	o.rooms.Books.addHashes(o, b.Info.Hash)
	o.Net.Content.Store(&bittorrent.Content{Hash: b.Info.Hash, Layout: b.Layout, Files: b.Files, Intake: b.Intake})
	o.setInMotion(func() {
		o.Swarm.Open(o.rooms.Now(), swarm.Content{
			Info: b.Info, Layout: b.Layout, Hashes: b.Hashes, Verified: verified, Priority: b.Priority(),
		})
	})
}

// setInMotion begins what peers have to do with an object, unless the user has paused it, perhaps just now: the record
// says so before the swarm does.
func (o *Object) setInMotion(begin func()) {
	paused := o.Record().State == catalog.State(swarm.Paused)
	waits := !paused && !o.hasTurn()
	o.setWaiting(waits)
	begin()
	if _, why := o.Swarm.State(); why != nil {
		o.Swarm.Resume(o.rooms.Now()) // what stopped it meanwhile is overcome: its metadata came after all
	}
	if paused || o.Record().State == catalog.State(swarm.Paused) {
		o.Swarm.Stop(swarm.Paused, nil)
	} else if waits {
		o.Swarm.Stop(swarm.Paused, nil)
		o.setWaiting(true) // also if it was given a turn just now: it is given one again
	}
}

// Start sets an object in motion that was stopped, and whose body is as it was.
func (o *Object) Start() {
	o.mu.Lock()
	o.seen = o.rooms.Now()
	o.waiting, o.progress = false, turn.Progress{}
	o.mu.Unlock()
	o.Swarm.Resume(o.rooms.Now())
	o.Discover()
	o.Show()
	o.Stir()
}

// Check stops an object while its files are looked at, and returns what puts it back into the state in which it was.
func (o *Object) Check() (was swarm.State, goBack func()) {
	was, why := o.Swarm.State()
	o.Swarm.Stop(swarm.Checking, nil)
	o.Show()
	return was, func() {
		if Moving(was) {
			o.Start()
			return
		}
		o.Swarm.Stop(was, why)
		o.Show()
	}
}

// Pause stops an object that the caller manages, across restarts.
func (o *Object) Pause(ctx context.Context) error {
	waited := o.Waits()
	// First the record: whoever is about to set it in motion looks there.
	err := o.update(ctx, func(r *catalog.Record) { r.State, r.Error = catalog.State(swarm.Paused), "" })
	if err != nil {
		return err
	}
	o.Swarm.Stop(swarm.Paused, nil)
	o.trackers.Silence()
	o.Show()
	if waited {
		o.Publish(news.EventState, "") // the state is the same, but for another reason
	}
	return nil
}

// BePatient begins anew to count how long an object goes on without any source.
func (o *Object) BePatient(patience time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.patience, o.seen = patience, o.rooms.Now()
}

// ExpectSources fails an object for which nobody has had anything for longer than the user waits.
func (o *Object) ExpectSources(now time.Time) {
	s := o.Swarm.Snapshot(now)
	o.mu.Lock()
	busy := s.Sources > s.Unproven || s.State != swarm.Resolving && s.State != swarm.Fetching
	if busy {
		o.seen = now
	}
	over := o.patience > 0 && now.Sub(o.seen) >= o.patience
	o.mu.Unlock()
	if over {
		message := fmt.Sprintf("nobody who has it was found within %v", o.patience)
		for _, why := range []string{o.whyServers(), o.whyStranger()} {
			if why != "" {
				message += "; " + why
			}
		}
		if netx.NoWay(o.rooms.Network) != nil {
			o.Fail(swarm.Failed, fault.Explain(netx.NoWay(o.rooms.Network)))
			return
		}
		hint := "try again later, name a peer with --peer, or ask whoever gave you the link"
		if o.rooms.Encryption != mse.Prefer {
			hint += fmt.Sprintf("; encryption = %v keeps out some who may have it", o.rooms.Encryption)
		}
		o.Fail(swarm.Failed, fault.New(fault.ExitNobody, "no-source", message, hint, nil))
	}
}
