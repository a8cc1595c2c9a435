package node

import (
	"context"
	"slices"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/network/web"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// asking is what an object has to do with web servers that hold its files.
type asking struct {
	urls []string
	stop context.CancelFunc // nil: none is asked
}

// askServers has an object's web servers asked while it is fetched, and only then.
func (n *Node) askServers(o *object) {
	state, _ := o.swarm.State()
	b := o.theBody()
	var urls []string
	if state == swarm.Fetching && b != nil && b.intake != nil && !n.cfg.Silent {
		urls = o.theRecord().WebSeeds
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
		ctx, now.stop = context.WithCancel(o.life)
		n.run(o, func() { n.web.Run(ctx, n.servers(o, b, urls)) })
	}
	o.mu.Lock()
	o.asking = now
	o.mu.Unlock()
}

// addServers adds those of urls to the record that it does not have yet.
func (n *Node) addServers(ctx context.Context, o *object, urls []string) error {
	known := o.theRecord().WebSeeds
	fresh := slices.DeleteFunc(slices.Clone(urls), func(u string) bool { return slices.Contains(known, u) })
	fresh = fresh[:min(len(fresh), max(0, link.MaxWebSeeds-len(known)))]
	if len(fresh) == 0 {
		return nil
	}
	return n.update(ctx, o, func(r *catalog.Record) { r.WebSeeds = append(slices.Clone(r.WebSeeds), fresh...) })
}

// servers are an object's web servers as they are asked.
func (n *Node) servers(o *object, b *body, urls []string) *web.Object {
	return &web.Object{
		Info: b.info, Layout: b.layout, Swarm: o.swarm, Intake: b.intake, Down: o.net.Down, URLs: urls,
		// Only a share's web seeds are the user's own words.
		Trusted: o.theRecord().Kind == catalog.Shared,
		Failed:  func(err error) { n.unreadable(o, err) },
		Dropped: func(name string, why error) {
			n.cfg.Log.Warn("a web seed is not asked any more", "id", o.id, "url", name, "why", why)
		},
	}
}
