// Package storage keeps what others leave with a DHT node: [Peers] that announced themselves (BEP 5, 33, 51) and [Items]
// (BEP 44). All nodes of one machine may share it (BEP 45: "Shared Storage").
//
// Everything in it was sent by somebody who wants it to be there, so all of it is bounded: over all, for a key, and for the
// network that it came from, so that no network can fill it alone. It expires unless it is told again.
//
// It is pure, and not safe for concurrent use.
package storage

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
)

// sweepPause is the time between two searches for what has expired.
const sweepPause = time.Minute

// ledger counts what each network has here.
type ledger map[netip.Prefix]int

func (l ledger) has(a netip.Addr) int { return l[guard.NetworkOf(a)] }

func (l ledger) add(a netip.Addr) { l[guard.NetworkOf(a)]++ }

func (l ledger) drop(a netip.Addr) {
	n := guard.NetworkOf(a)
	if l[n]--; l[n] <= 0 {
		delete(l, n)
	}
}
