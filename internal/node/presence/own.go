package presence

import (
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/reach/vote"
)

// OwnAddress is our address as the internet sees it: peers (BEP 10) and trackers (BEP 24) say it by the way, and one vote of
// all objects decides. A peer or tracker has one vote, of however many objects it is asked. The zero OwnAddress has heard
// nothing; it is safe for concurrent use.
type OwnAddress struct {
	mu  sync.Mutex
	box vote.Box
}

// Hear casts a vote about our address, and reports whether the outcome is a new one.
func (o *OwnAddress) Hear(now time.Time, voter, own netip.Addr) (changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.box.Cast(now, voter, own)
}

// Known are our addresses as far as others agree about them: at most one of IPv4 and one of IPv6.
func (o *OwnAddress) Known(now time.Time) (list []netip.Addr) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range []netx.Family{netx.IPv4, netx.IPv6} {
		if a, ok := o.box.Address(now, f); ok {
			list = append(list, a)
		}
	}
	return list
}
