package main

import (
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

// keepAlive is how often one who has nothing to say says so. BEP 3: "Keepalives are generally sent once every two minutes".
const keepAlive = 100 * time.Second

// idle has nothing, wants nothing, and stays.
func idle(p *conn, _ int) error {
	p.sayNone()
	if err := p.flush(); err != nil {
		return err
	}
	// A timer runs beside, so that the goroutine waits in one place.
	var beat *time.Timer
	beat = time.AfterFunc(keepAlive, func() {
		if _, err := p.Write(peer.AppendKeepAlive(nil)); err == nil {
			beat.Reset(keepAlive)
		}
	})
	defer beat.Stop()
	return p.each(initial, func(peer.Message) error { return nil }, func() error { return nil })
}
