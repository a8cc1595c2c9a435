package bittorrent

import (
	"context"
	"net/netip"
	"time"
)

// Patience with those who do not answer.
const (
	dialPatience      = 8 * time.Second
	handshakePatience = 10 * time.Second
)

// Dial connects to a peer for an object and stays until the connection ends. try counts earlier failed attempts: a hybrid
// object tries its info-hashes in turn.
func (sh *Shell) Dial(ctx context.Context, o *Object, addr netip.AddrPort, try int) {
	sh.running.Go(func() { sh.guarded(func() { sh.dial(ctx, o, addr, try) }) })
}

func (sh *Shell) dial(ctx context.Context, o *Object, addr netip.AddrPort, try int) {
	joined := false
	defer func() {
		if !joined {
			o.Swarm.DialFailed(sh.cfg.Now(), addr)
		}
	}()
	within, cancel := context.WithTimeout(ctx, dialPatience)
	conn, err := sh.cfg.Network.DialTCP(within, addr)
	cancel()
	if err != nil {
		sh.cfg.Log.Debug("cannot connect", "peer", addr, "err", err)
		return
	}
	defer conn.Close()
	join, err := sh.offerHandshake(ctx, conn, o, addr, try)
	if err != nil {
		sh.cfg.Log.Debug("handshake failed", "peer", addr, "err", err)
		return
	}
	joined = sh.run(ctx, conn, o, join)
}
