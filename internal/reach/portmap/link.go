package portmap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/wire/upnp"
)

const (
	// maxPackets bounds the datagrams that wait; who sends more than is read is not heard.
	maxPackets = 32
	// maxDatagram is the longest that a router has a reason to send, in bytes, and one more.
	maxDatagram = 4096 + 1
)

// packet is a datagram that waits.
type packet struct {
	from netip.AddrPort
	data []byte
}

// link is a session with its sockets.
type link struct {
	runner  *Runner
	source  netip.Addr
	session *portmap.Session // of the goroutine of run alone
	ctx     context.Context
	cancel  context.CancelFunc
	packets chan packet
	results chan result

	status portmap.Status // held by the runner's lock
}

// result is how a call ended.
type result struct {
	number int
	body   []byte
	err    error
}

// put has a datagram heard, unless too many wait. It keeps none of it.
func (l *link) put(d netx.Datagram) {
	p := packet{d.From, slices.Clone(d.Data[:min(len(d.Data), maxDatagram)])}
	select {
	case l.packets <- p:
	default:
	}
}

// run drives the session until the link is cancelled and the mappings are removed. It ends early when there is no socket any
// more.
func (l *link) run() {
	// Calls outlive the link's context, since removing a mapping takes some.
	calls, stop := context.WithCancel(context.WithoutCancel(l.ctx))
	conn, err := l.runner.cfg.Network.ListenUDP(calls, netip.AddrPortFrom(l.source, 0))
	if err != nil {
		stop()
		l.runner.cfg.Log.Debug("cannot ask the router", "err", err)
		return
	}
	shared := mux.New(conn)
	shared.Batches(func([]byte, netip.AddrPort) bool { return true }, func(list []netx.Datagram) {
		for _, d := range list {
			l.put(d)
		}
	})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer shared.Close()
	defer stop()
	closed := make(chan struct{})
	wg.Go(func() {
		defer close(closed)
		_ = shared.Serve() // without the socket the link ends
	})

	timer := time.NewTimer(0)
	defer timer.Stop()
	leave := l.ctx.Done()
	var end <-chan time.Time
	for !l.session.Over() {
		for _, o := range l.session.Step(time.Now()) {
			if o.Call != nil {
				wg.Go(func() { l.call(calls, *o.Call) })
				continue
			}
			// What could not be sent is not answered, and sent again.
			_, _ = conn.WriteTo(o.Datagram, o.To)
		}
		if leave != nil {
			l.runner.tell(l, l.session.Status())
		}
		if next, ok := l.session.Next(); ok {
			timer.Reset(time.Until(next))
		}
		select {
		case <-timer.C:
		case p := <-l.packets:
			l.session.Hear(time.Now(), p.from, p.data)
		case res := <-l.results:
			l.session.Called(time.Now(), res.number, res.body, res.err)
		case <-closed:
			return
		case <-leave:
			leave = nil
			end = time.After(farewell)
			l.session.Leave()
		case <-end:
			return
		}
	}
}

// call asks the router over HTTP, and has the session hear what came of it, whatever that is.
func (l *link) call(ctx context.Context, c portmap.Call) {
	res := result{c.Number, nil, errBroken}
	l.runner.contained(func() { res.body, res.err = l.fetch(ctx, c) })
	select {
	case l.results <- res:
	case <-ctx.Done():
	}
}

// errBroken is of an answer over which we have stumbled.
var errBroken = errors.New("internal error over its answer")

// fetch is what the router answers. Faults of a service come with status 500 and a body that says more.
func (l *link) fetch(ctx context.Context, c portmap.Call) (body []byte, err error) {
	req := urls.Request{
		Guard: urls.Guard{Purpose: urls.ForGateway, Router: c.At}, URL: c.URL, Body: c.Body, MaxBody: upnp.MaxBody, Header: http.Header{},
	}
	if c.Action != "" {
		req.Header.Set("Content-Type", `text/xml; charset="utf-8"`)
		// Some routers take the header in this form only.
		req.Header["SOAPAction"] = []string{c.Action}
	}
	resp, body, err := l.runner.client.Fetch(ctx, req)
	if err == nil && resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusInternalServerError {
		err = fmt.Errorf("the router answers %s", http.StatusText(resp.StatusCode))
	}
	var late net.Error
	switch {
	case errors.As(err, &late) && late.Timeout():
		err = portmap.ErrSilent
	case err != nil:
		err = errors.New(netx.Reason(err))
	}
	return body, err
}
