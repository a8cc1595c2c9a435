package finding

import (
	"context"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/reach"
)

// reachChecks bounds the checks under way: each is a look-up.
const reachChecks = 2

// announced is told that an announce is over, and how many nodes took it. What the user is told is what others find then.
func (d *DHT) announced(infoHash [20]byte, taken int) {
	o := d.rooms.Books.Find(infoHash)
	if o == nil || !o.BeginReach(d.rooms.Now(), infoHash, taken > 0) {
		return
	}
	o.Run(func() {
		var found news.Reach
		defer func() { o.EndReach(found) }()
		if taken == 0 {
			found = reach.Unheard(d.rooms.Now(), d.runner.Stats())
			return
		}
		found = d.check(o.Life, infoHash)
	})
}

// Unreached reports whether strangers do not reach our node in the DHT in the family of an address.
func (d *DHT) Unreached(a netip.Addr) bool { return d != nil && d.runner.Unreached(a) }

// stands is told that it has changed whether strangers reach us.
func (d *DHT) stands() {
	for _, o := range d.rooms.Books.All() {
		o.SayReach(d.rooms.Now())
	}
}

// check looks an info-hash up as others do. It waits for its turn; nothing is checked if ctx ends.
func (d *DHT) check(ctx context.Context, infoHash [20]byte) news.Reach {
	select {
	case d.checks <- struct{}{}:
		defer func() { <-d.checks }()
	case <-ctx.Done():
		return news.Reach{}
	}
	own := d.rooms.Sockets.Addrs()
	for _, a := range d.rooms.External() {
		own = append(own, netip.AddrPortFrom(a, d.rooms.Sockets.PublicPort()))
	}
	seen, err := d.runner.Check(ctx, infoHash, own)
	if err != nil {
		return news.Reach{}
	}
	return reach.Of(d.rooms.Now(), seen)
}
