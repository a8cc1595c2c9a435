package presence

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/ownaddr"
)

// OwnAddress is our address as the internet sees it: peers (BEP 10) and trackers (BEP 24) say it by the way, and one vote of
// all objects decides. A peer or tracker has one vote, of however many objects it is asked. The zero OwnAddress has heard
// nothing; it is safe for concurrent use.
type OwnAddress struct {
	mu        sync.Mutex
	four, six ownaddr.Box
	hints     []netip.Addr
}

func (o *OwnAddress) box(f netx.Family) *ownaddr.Box {
	if f == netx.IPv4 {
		return &o.four
	}
	return &o.six
}

// Hear casts a vote about our address, and reports whether the outcome is a new one. Nothing counts that is not said across the
// internet about an address there: a tracker in our network sees our address in it.
func (o *OwnAddress) Hear(now time.Time, voter, own netip.Addr) (changed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if netx.ScopeOf(voter.Unmap()) != netx.Global || netx.ScopeOf(own.Unmap()) != netx.Global {
		return false
	}
	f := netx.IPv6
	if own.Unmap().Is4() {
		f = netx.IPv4
	}
	return o.box(f).Cast(now, voter, own)
}

// Suggest says what our addresses are as routers see them, instead of what they said before. They count where others do not
// agree, if they are addresses of the internet: a router may stand behind another.
func (o *OwnAddress) Suggest(hints []netip.Addr) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.hints = hints
}

// Known are our addresses as far as others agree about them: at most one of IPv4 and one of IPv6.
func (o *OwnAddress) Known(now time.Time) (list []netip.Addr) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range []netx.Family{netx.IPv4, netx.IPv6} {
		if a, ok := o.box(f).Address(now); ok {
			list = append(list, a)
		} else if i := slices.IndexFunc(o.hints, func(a netip.Addr) bool { return f.Has(a) && netx.ScopeOf(a) == netx.Global }); i >= 0 {
			list = append(list, o.hints[i])
		}
	}
	return list
}
