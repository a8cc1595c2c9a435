package bittorrent

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/potluck-p2p/potluck/internal/swarm"
)

// connection is one peer from handshake to hang-up. Its reader and its writer share only what is here.
type connection struct {
	sh   *Shell
	o    *Object
	conn net.Conn
	id   swarm.PeerID
	wake chan struct{} // the writer has something to send
}

// run joins the swarm and carries the connection until it ends. It reports false if the swarm did not want it.
func (sh *Shell) run(ctx context.Context, conn net.Conn, o *Object, join swarm.Joining) bool {
	c := &connection{sh: sh, o: o, conn: conn, wake: make(chan struct{}, 1)}
	join.Wake = func() {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	id, err := o.Swarm.Join(sh.cfg.Now(), join)
	if err != nil {
		sh.cfg.Log.Debug("connection not wanted", "peer", join.Addr, "err", err)
		return false
	}
	c.id = id

	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	var both sync.WaitGroup
	for _, side := range []func(context.Context) error{c.read, c.write} {
		both.Go(func() {
			defer cancel(errPanicked)
			sh.guarded(func() { cancel(side(ctx)) })
		})
	}
	both.Wait()
	stop()
	cause := context.Cause(ctx)
	cancel(nil)
	o.Swarm.Leave(sh.cfg.Now(), id, cause)
	sh.cfg.Log.Debug("connection ended", "peer", join.Addr, "why", cause)
	return true
}

var errPanicked = errors.New("internal error in this connection")
