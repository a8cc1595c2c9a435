package bittorrent

import (
	"context"
	"errors"
	"sync"

	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// connection is one peer from handshake to hang-up. Its reader and its writer share only what is here.
type connection struct {
	sh   *Shell
	o    *Object
	conn *line.Line
	id   swarm.PeerID
	// down and up limit its payload; nothing does that of a peer to whom limits do not apply.
	down, up netx.Chain
	wake     chan struct{} // the writer has something to send
}

// run joins the swarm and carries the connection until it ends. It reports false if the swarm did not want it.
func (sh *Shell) run(ctx context.Context, conn *line.Line, o *Object, join swarm.Joining) bool {
	c := &connection{sh: sh, o: o, conn: conn, wake: make(chan struct{}, 1)}
	if sh.cfg.Unlimited == nil || !sh.cfg.Unlimited(join.Addr.Addr()) {
		c.down, c.up = o.Down, o.Up
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if !o.gate.enter(c, cancel) {
		return false
	}
	defer o.gate.leave(c)
	join.Wake = func() {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
	join.HangUp = cancel
	id, err := o.Swarm.Join(sh.cfg.Now(), join)
	if err != nil {
		sh.cfg.Log.Debug("connection not wanted", "peer", join.Addr, "err", err)
		return false
	}
	c.id = id
	defer func() {
		cause := context.Cause(ctx)
		o.Swarm.Leave(sh.cfg.Now(), id, cause)
		sh.cfg.Log.Debug("connection ended", "peer", join.Addr, "why", cause)
	}()

	// Closing the socket is what ends a side that waits for the peer.
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	// carry runs one side; whichever ends first ends the other.
	carry := func(side func(context.Context) error) {
		defer cancel(errPanicked)
		sh.guarded(func() { cancel(side(ctx)) })
	}
	var writer sync.WaitGroup
	writer.Go(func() { carry(c.write) })
	carry(c.read)
	writer.Wait()
	return true
}

var errPanicked = errors.New("internal error in this connection")
