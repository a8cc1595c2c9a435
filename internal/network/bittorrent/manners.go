package bittorrent

import (
	"net/netip"
	"sync"

	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// way is how a connection that we make begins.
type way uint8

const (
	plain way = iota
	encrypted
)

// waysOfOne is how many tries a hybrid object makes by one of its info-hashes before the other has its turn: one each way.
const waysOfOne = 2

func (w way) String() string { return [...]string{"plain", "encrypted"}[w] }

// ways are those that our policy allows to an address, the likelier first. That is by encryption: most who can do without
// it can do with it, and some whom we would not reach otherwise let nothing else in.
func (sh *Shell) ways(addr netip.AddrPort) []way {
	switch {
	case sh.cfg.Encryption == mse.Off:
		return []way{plain}
	case sh.cfg.Encryption == mse.Require:
		return []way{encrypted}
	case sh.plain.has(addr):
		return []way{plain, encrypted}
	}
	return []way{encrypted, plain}
}

// maxPlain bounds the addresses that are remembered.
const maxPlain = 4096

// addresses is a set that forgets the oldest when it is full: half of it at once.
type addresses struct {
	mu         sync.Mutex
	young, old map[netip.AddrPort]struct{}
}

func (a *addresses) has(addr netip.AddrPort) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, young := a.young[addr]
	_, old := a.old[addr]
	return young || old
}

func (a *addresses) add(addr netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.young) >= maxPlain/2 {
		a.young, a.old = nil, a.young
	}
	if a.young == nil {
		a.young = make(map[netip.AddrPort]struct{})
	}
	a.young[addr] = struct{}{}
}

func (a *addresses) remove(addr netip.AddrPort) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.young, addr)
	delete(a.old, addr)
}
