package bittorrent

import (
	"context"
	"net/netip"
	"sync"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// way is how a connection that we make begins.
type way uint8

const (
	plain way = iota
	encrypted
	proven
)

// waysOfOne is how many tries a hybrid object makes by one of its info-hashes before the other has its turn: one each way.
const waysOfOne = 2

func (w way) String() string { return [...]string{"plain", "encrypted", "TLS"}[w] }

// ways are those that our policy allows to an address, the likelier first; none if it allows none. Where the user or the link
// says who is there, that has to be proven, unless our policy is to encrypt nothing at all. Where we only remember who was there,
// it may be somebody else today.
func (sh *Shell) ways(o *Object, addr netip.AddrPort, pin swarm.Pin) []way {
	switch provable := sh.cfg.Encryption.TLS() && o.Identity != nil && !pin.Key.IsZero(); {
	case provable && (pin.Firm() || sh.cfg.Encryption == mse.Authenticated):
		return []way{proven}
	case provable:
		return append([]way{proven}, sh.unproven(addr)...)
	case pin.Firm() && sh.cfg.Encryption.TLS():
		return nil
	}
	return sh.unproven(addr)
}

// unproven are the ways that prove nothing. The likelier is by encryption: most who can do without it can do with it, and some
// whom we would not reach otherwise let nothing else in.
func (sh *Shell) unproven(addr netip.AddrPort) []way {
	switch {
	case sh.cfg.Encryption == mse.Authenticated:
		return nil
	case sh.cfg.Encryption == mse.Off:
		return []way{plain}
	case sh.cfg.Encryption == mse.Require:
		return []way{encrypted}
	case sh.plain.has(addr):
		return []way{plain, encrypted}
	}
	return []way{encrypted, plain}
}

// upgrade connects by TLS to a peer that we are connected with, and that says which key it has. If it proves that, the swarm gives up
// the connection that proves nothing; if not, nothing has happened.
func (sh *Shell) upgrade(ctx context.Context, o *Object, by transport, addr netip.AddrPort, key identity.Key) {
	joined := false
	defer func() {
		if !joined {
			o.Swarm.NotUpgraded(sh.cfg.Now(), addr)
		}
	}()
	l, join, err := sh.reachBy(ctx, by, proven, key, o, addr, 0, handshakePatience)
	if err != nil {
		sh.cfg.Log.Debug("it has said which key it has, and does not prove it", "peer", addr, "err", err)
		return
	}
	defer l.Close()
	joined = sh.run(ctx, l, o, join)
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
