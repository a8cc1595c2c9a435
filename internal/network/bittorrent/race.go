package bittorrent

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// headStart is how long TCP is alone in a race: its SYN is sent again after a second, and whoever takes TCP has answered then.
const headStart = 1500 * time.Millisecond

// attempt is what came of dialling over one transport.
type attempt struct {
	by   transport
	conn net.Conn
	err  error
}

// race connects over TCP and, when that fails or takes long, over uTP beside it (RFC 8305 does so with addresses). Who is there
// first is taken, the other is called off. Again asks whether the address may be dialled once more. The error is errNobody if
// all that was tried has failed.
func (sh *Shell) race(ctx context.Context, addr netip.AddrPort, again func() bool) (conn net.Conn, err error) {
	ctx, callOff := context.WithCancel(ctx)
	var racers sync.WaitGroup
	attempts := make(chan attempt, 2)
	defer func() {
		callOff()
		racers.Wait()
		close(attempts)
		for late := range attempts {
			if late.conn != nil {
				late.conn.Close()
			}
		}
	}()
	running := 0
	start := func(by transport, patience time.Duration) {
		running++
		racers.Go(func() {
			a := attempt{by: by, err: errNobody}
			defer func() { attempts <- a }()
			sh.guarded(func() { a.conn, a.err = sh.connect(ctx, by, addr, patience) })
		})
	}
	start(overTCP, dialPatience)
	head := time.NewTimer(headStart)
	defer head.Stop()
	for joined := false; ; {
		select {
		case <-head.C:
		case a := <-attempts:
			running--
			if a.err == nil {
				return a.conn, nil
			}
			err = errors.Join(err, a.err)
			if a.by == overTCP && !errors.Is(a.err, errNobody) {
				return nil, err // it is we who have no way out
			}
		}
		if !joined {
			joined = true
			if again() {
				start(overUTP, utpPatience)
			}
		}
		if running == 0 {
			return nil, err
		}
	}
}
