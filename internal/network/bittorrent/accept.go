package bittorrent

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Accept takes connections from a listener until it is closed or the context ends.
func (sh *Shell) Accept(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			// Out of file descriptors, most likely: it passes.
			sh.cfg.Log.Warn("cannot accept a connection", "err", err)
			if netx.Pause(ctx, 100*time.Millisecond) != nil {
				return nil
			}
			continue
		}
		leave := sh.waiting.enter(conn)
		sh.running.Go(func() { sh.guarded(func() { sh.incoming(ctx, conn, leave) }) })
	}
}

func (sh *Shell) incoming(ctx context.Context, conn net.Conn, leave func()) {
	defer conn.Close()
	l, o, join, err := sh.welcome(ctx, conn, leave)
	if err != nil {
		sh.cfg.Log.Debug("incoming connection refused", "peer", conn.RemoteAddr().String(), "err", err)
		return
	}
	if join.Remote.PeerID != o.Swarm.OwnID() {
		sh.arrivals.note(sh.cfg.Now(), join.Addr.Addr(), join.UTP)
	}
	sh.run(ctx, l, o, join)
}
