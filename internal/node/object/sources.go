package object

import (
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/local"
	"github.com/potluck-p2p/potluck/internal/network/web"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Hear makes an object's swarm know the peers that the user typed.
func (o *Object) Hear(typed []inspect.Peer) {
	o.mu.Lock()
	o.named = append(o.named, typed...)
	o.mu.Unlock()
	if o.rooms.Filter != nil {
		for _, p := range typed {
			o.rooms.Filter.Exempt(p.Addr.Addr())
		}
	}
	for _, p := range typed {
		o.Swarm.FoundNode(swarm.FromUser, p.Key, p.Addr)
	}
}

// HearLinked makes an object's swarm know the addresses that its link carries, as far as they resolve.
func (o *Object) HearLinked() {
	peers := o.Record().Peers
	if len(peers) == 0 {
		return
	}
	o.Run(func() {
		for _, h := range peers {
			found, err := inspect.ResolvePeer(o.Life, o.rooms.Network, h)
			if err != nil {
				continue
			}
			for _, p := range found {
				if netx.AcceptPeer(netx.FromLink, p.Addr, nil) {
					o.Swarm.FoundNode(swarm.FromLink, p.Key, p.Addr)
				}
			}
		}
	})
}

// IsHidden reports whether an object must not be spoken of but to its trackers: it is private, or may turn out to be once
// its metadata is known.
func (o *Object) IsHidden() bool {
	r := o.Record()
	return r.Private || r.Info == nil && len(r.Trackers) > 0
}

// AddPeers adds those of hosts to the record that it does not have yet.
func (o *Object) AddPeers(ctx context.Context, hosts []string) error {
	fresh := without(hosts, o.Record().Peers)
	if len(fresh) == 0 {
		return nil
	}
	return o.update(ctx, func(r *catalog.Record) { r.Peers = append(slices.Clone(r.Peers), fresh...) })
}

// AddTrackers adds those of urls that an object does not have yet, and announces it there.
func (o *Object) AddTrackers(ctx context.Context, urls []string) error {
	fresh := without(urls, slices.Concat(o.Record().Trackers...))
	if len(fresh) == 0 {
		return nil
	}
	if err := o.update(ctx, func(r *catalog.Record) { r.Trackers = append(r.Trackers, inspect.Tiers(fresh)...) }); err != nil {
		return err
	}
	o.Discover()
	return nil
}

// AddServers adds those of urls to the record that it does not have yet.
func (o *Object) AddServers(ctx context.Context, urls []string) error {
	known := o.Record().WebSeeds
	fresh := without(urls, known)
	fresh = fresh[:min(len(fresh), max(0, link.MaxWebSeeds-len(known)))]
	if len(fresh) == 0 {
		return nil
	}
	return o.update(ctx, func(r *catalog.Record) { r.WebSeeds = append(slices.Clone(r.WebSeeds), fresh...) })
}

// without are those of list that are not known.
func without(list, known []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(known, s) })
}

// asking is what an object has to do with web servers that hold its files.
type asking struct {
	urls []string
	stop context.CancelFunc // nil: none is asked
}

// AskServers has an object's web servers asked while it is fetched, and only then. It is for one goroutine.
func (o *Object) AskServers() {
	state, _ := o.Swarm.State()
	b := o.Body()
	var urls []string
	if state == swarm.Fetching && b != nil && b.Intake != nil && !o.rooms.Silent {
		urls = o.rooms.unseen(o.Record().WebSeeds)
	}
	o.mu.Lock()
	old := o.asking
	same := slices.Equal(old.urls, urls)
	o.mu.Unlock()
	if same {
		return
	}
	if old.stop != nil {
		old.stop()
	}
	now := asking{urls: urls}
	if len(urls) > 0 {
		var ctx context.Context
		ctx, now.stop = context.WithCancel(o.Life)
		o.Run(func() { o.rooms.Web.Run(ctx, o.servers(b, urls)) })
	}
	o.mu.Lock()
	o.asking = now
	o.mu.Unlock()
}

// servers are an object's web servers as they are asked.
func (o *Object) servers(b *local.Object, urls []string) *web.Object {
	return &web.Object{
		Info: b.Info, Layout: b.Layout, Swarm: o.Swarm, Intake: b.Intake, Down: o.Net.Down, URLs: urls,
		// Only a share's web seeds are the user's own words.
		Trusted: o.Record().Kind == catalog.Shared,
		Failed:  o.Unreadable,
		Failing: o.blame,
		Dropped: func(name string, why error) {
			o.blame(name, why)
			o.rooms.Log.Warn("a web seed is not asked any more", "id", o.ID, "url", name, "why", why)
		},
	}
}

// blame remembers what was wrong with a web server.
func (o *Object) blame(name string, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.blamed = fmt.Sprintf("the web seed %s: %s", name, netx.Reason(why))
}

// whyServers says what is wrong with an object's web servers, as far as that is known; the last of them that failed stands for
// all.
func (o *Object) whyServers() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.blamed != "":
		return o.blamed
	case len(o.asking.urls) == 0:
		return ""
	}
	u, err := url.Parse(o.asking.urls[0])
	if err != nil {
		return ""
	}
	return fmt.Sprintf("the web seed %s has given nothing", urls.Printable(u))
}
