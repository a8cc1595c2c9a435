package addressbook

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
)

// Saved is an address that the next run should know: payload went to or fro.
type Saved struct {
	Addr   netip.AddrPort
	Origin Origin
	Moved  int64     // payload, in bytes
	Seen   time.Time // when it last went
	// Anchor marks those to be dialled before all others: whoever fills the book meanwhile does not come between us.
	Anchor bool
	// Key is that of the node which is there, or was; zero if none is known.
	Key identity.Key
}

const (
	// anchors is how many there are. Each is of another network.
	anchors = 2
	// savedPerNetwork bounds the share of one network.
	savedPerNetwork = 10
	// fade is what a byte of an earlier run counts for less than one of this run.
	fade = 4
)

// Save lists the addresses worth keeping, the most useful first, at most so many.
func (b *Book) Save(most int) []Saved {
	var worth []*entry
	for _, e := range b.table {
		if e.proven() && e.phase != ourselves {
			worth = append(worth, e)
		}
	}
	slices.SortFunc(worth, func(e, f *entry) int {
		return cmp.Or(cmp.Compare(f.moved, e.moved), f.seen.Compare(e.seen), e.addr.Compare(f.addr))
	})
	var list []Saved
	held := make(map[*network]int)
	anchored := 0
	for _, e := range worth {
		if len(list) == most {
			break
		}
		if held[e.network]++; held[e.network] > savedPerNetwork {
			continue
		}
		s := Saved{Addr: e.addr, Origin: e.origin, Moved: e.moved, Seen: e.seen, Key: b.Pin(e.addr).Key}
		if s.Anchor = anchored < anchors && held[e.network] == 1; s.Anchor {
			anchored++
		}
		list = append(list, s)
	}
	return list
}

// Restore enters what an earlier run saved. The caller has checked that each may be dialled.
func (b *Book) Restore(list []Saved) {
	for _, s := range list {
		addr := unmap(s.Addr)
		b.Add(s.Origin, netip.Addr{}, addr)
		e := b.table[addr]
		if e == nil || e.tried {
			continue
		}
		e.moved = max(e.moved, s.Moved/fade, 1)
		e.seen, e.lives, e.anchor = s.Seen, true, s.Anchor
		b.SetPin(addr, Pin{Key: s.Key, By: FromPeer})
		b.reorder(e)
	}
}
