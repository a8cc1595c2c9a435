// Package lan finds peers on the local network (BEP 14): it tells two multicast groups which info-hashes we are active
// with, and hears who else is.
//
// [Schedule] decides what is told when, [Hearing] what is heeded of what others tell; neither does I/O. [Runner] brings the
// two together with the network. Nothing is ever answered: who hears of us connects to us over TCP.
package lan

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/wire/lsd"
)

// rejoin is the wait before a group is joined again that could not be.
const rejoin = time.Minute

// Object is something that we share or fetch.
type Object struct {
	// Hashes are its info-hashes on the wire; a hybrid has two.
	Hashes [][20]byte
	// Private keeps it from the local network (BEP 27).
	Private bool
}

// Config is what a runner is made of. All fields are required.
type Config struct {
	Network netx.Network
	// Port is where we take peers.
	Port uint16
	Rand *rand.Rand // used by the runner alone
	Log  *slog.Logger
	// Found is told of a peer for one of our info-hashes; its address may be dialled. It is called by several goroutines,
	// and often for the same peer.
	Found func(infoHash [20]byte, peer netip.AddrPort)
	// Panicked is told of a panic over one datagram, which is dropped (promise 4.8).
	Panicked func(any)
}

// Runner tells the local network of our objects and hears of those of others.
type Runner struct {
	cfg  Config
	wake chan struct{}

	mu       sync.Mutex
	schedule *Schedule
	hearing  *Hearing
	conns    map[netip.AddrPort]netx.MulticastConn // by group
}

// New makes a runner; nothing happens before Run.
func New(cfg Config) *Runner {
	cookie := strconv.FormatUint(cfg.Rand.Uint64(), 16)
	return &Runner{
		cfg: cfg, wake: make(chan struct{}, 1),
		schedule: NewSchedule(cfg.Rand), hearing: NewHearing(cookie), conns: map[netip.AddrPort]netx.MulticastConn{},
	}
}

// SetObjects says what we are active with from now on. Private objects are left out.
func (r *Runner) SetObjects(objects []Object) {
	var hashes [][20]byte
	for _, o := range objects {
		if !o.Private {
			hashes = append(hashes, o.Hashes...)
		}
	}
	r.mu.Lock()
	r.schedule.Set(time.Now(), hashes)
	r.mu.Unlock()
	r.nudge()
}

func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run tells and hears until ctx ends. A machine without a local network may get one later: then it begins.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, group := range []netip.AddrPort{lsd.Group4, lsd.Group6} {
		wg.Go(func() { r.member(ctx, group) })
	}
	for {
		timer := time.NewTimer(time.Until(r.tell(time.Now())))
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// idle is how long a runner sleeps that has nothing to tell.
const idle = time.Hour

// tell sends what is due, and returns when there is something again.
func (r *Runner) tell(now time.Time) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.conns) == 0 {
		return now.Add(idle)
	}
	for {
		hashes := r.schedule.Due(now)
		if len(hashes) == 0 {
			break
		}
		a := lsd.Announce{Port: r.cfg.Port, Hashes: hashes, Cookie: r.hearing.cookie}
		sent := false
		for group, conn := range r.conns {
			if err := conn.Send(a.Append(nil, group)); err != nil {
				r.cfg.Log.Debug("cannot tell the local network", "group", group, "err", err)
				continue
			}
			sent = true
		}
		if !sent {
			r.schedule.Failed(now)
			break
		}
		r.schedule.Sent(now, hashes)
	}
	if next := r.schedule.Next(); !next.IsZero() {
		return next
	}
	return now.Add(idle)
}

// member is in a group for as long as ctx and the network allow.
func (r *Runner) member(ctx context.Context, group netip.AddrPort) {
	for {
		conn, err := netx.ListenMulticast(ctx, r.cfg.Network, group)
		switch {
		case errors.Is(err, netx.ErrFamily):
			return // we are bound to an address of the other family
		case err != nil:
			r.cfg.Log.Debug("cannot join the local network", "group", group, "err", err)
		default:
			r.listen(ctx, group, conn)
		}
		timer := time.NewTimer(rejoin)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// listen hears until the connection ends, and closes it.
func (r *Runner) listen(ctx context.Context, group netip.AddrPort, conn netx.MulticastConn) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	r.mu.Lock()
	r.conns[group] = conn
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.conns, group)
		r.mu.Unlock()
		if stop() {
			_ = conn.Close()
		}
	}()
	r.nudge()
	buf := make([]byte, lsd.MaxSize+1) // one byte more tells a datagram that is too long
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			if ctx.Err() == nil {
				r.cfg.Log.Debug("cannot hear the local network", "group", group, "err", err)
			}
			return
		}
		r.hear(buf[:n], from)
	}
}

// hear takes one datagram.
func (r *Runner) hear(b []byte, from netip.AddrPort) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Panicked(p)
		}
	}()
	if !isLocal(from.Addr(), r.cfg.Network.Addrs) {
		return
	}
	a, err := lsd.Parse(b)
	if err != nil {
		return
	}
	peer := netip.AddrPortFrom(from.Addr(), a.Port)
	if !netx.AcceptPeer(netx.FromLAN, peer, nil) {
		return
	}
	var wanted [][20]byte
	r.mu.Lock()
	if r.hearing.Heed(time.Now(), peer, a.Cookie) {
		for _, h := range a.Hashes {
			if r.schedule.Has(h) {
				wanted = append(wanted, h)
			}
		}
	}
	r.mu.Unlock()
	for _, h := range wanted {
		r.cfg.Found(h, peer)
	}
}
