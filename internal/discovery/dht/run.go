package dht

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Run takes part until ctx ends.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer r.end()
	defer wg.Wait()
	defer context.AfterFunc(ctx, r.closeSockets)()
	for _, m := range r.members {
		wg.Go(func() { r.read(m) })
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(time.Until(r.guardedTurn(ctx, &wg, time.Now())))
		select {
		case <-timer.C:
		case <-r.wake:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	r.closeSockets()
}

func (r *Runner) closeSockets() {
	for _, m := range r.members {
		_ = m.conn.Close()
	}
}

// end lets go of those who wait for something.
func (r *Runner) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	for _, w := range r.waiting {
		close(w.over)
	}
	r.waiting = nil
}

// read takes datagrams until the socket is closed.
func (r *Runner) read(m *member) {
	buf := make([]byte, krpc.MaxPacket+1) // one byte more tells a datagram that is too long
	for {
		n, from, err := m.conn.ReadFrom(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n > krpc.MaxPacket {
			continue
		}
		r.receive(m, from, slices.Clone(buf[:n]))
	}
}

func (r *Runner) receive(m *member, from netip.AddrPort, packet []byte) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Panicked(p)
		}
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	query := false
	if r.knocks.answered(packet) {
		m.node.Contact(now, from)
	} else {
		query = m.node.Receive(now, from, packet)
	}
	if rule := m.rule(from.Addr().Unmap()); rule != nil {
		rule.heard(now, from.Addr().Unmap(), query)
	}
	r.nudge()
}

// idle is how long a runner sleeps at most.
const idle = time.Minute

// news are peers that were found, or that an announce is over.
type news struct {
	hash      [20]byte
	peers     []netip.AddrPort
	announced bool
	taken     int // by as many nodes
}

// guardedTurn is turn; a panic in it costs that turn, and not the node (promise 4.8).
func (r *Runner) guardedTurn(ctx context.Context, wg *sync.WaitGroup, now time.Time) (next time.Time) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Panicked(p)
			next = now.Add(time.Second)
		}
	}()
	return r.turn(ctx, wg, now)
}

// turn does what is due, and returns when there is something again.
func (r *Runner) turn(ctx context.Context, wg *sync.WaitGroup, now time.Time) time.Time {
	next := now.Add(idle)
	var told []news
	stands := false
	func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.begin(now)
		told = r.collect(now)
		for _, m := range r.members {
			again, changed := m.stand(now)
			next, stands = sooner(next, again), stands || changed
			next = sooner(next, m.node.Advance(now))
		}
		told = append(told, r.collect(now)...)
		r.settle()
		if len(r.searches) < atOnce { // else the end of one wakes us
			next = sooner(next, r.schedule.Next())
		}
		if !r.joined && r.states(dht.Joined) {
			r.joined = true
			r.schedule.Hurry(now)
		}
		if r.routers.ask(now, r.states(dht.Alone)) {
			wg.Go(func() { r.resolve(ctx) })
		}
		next = sooner(next, r.routers.next())
		r.flush(now)
	}()
	for _, n := range told {
		switch {
		case !n.announced:
			r.cfg.Found(n.hash, n.peers)
		case r.cfg.Announced != nil:
			r.cfg.Announced(n.hash, n.taken)
		}
	}
	if stands && r.cfg.Stands != nil {
		r.cfg.Stands()
	}
	return next
}

// states reports whether one of our nodes is in a state of joining.
func (r *Runner) states(state dht.JoinState) bool {
	for _, m := range r.members {
		for _, s := range m.node.Stats(time.Now()).Sides {
			if s.State == state {
				return true
			}
		}
	}
	return false
}

// flush sends what the nodes have to send. Sending on a datagram socket does not wait.
func (r *Runner) flush(now time.Time) {
	for _, m := range r.members {
		for _, d := range m.node.Outbox() {
			m.rule(d.To.Addr()).wrote(now, d.To.Addr())
			if _, err := m.conn.WriteTo(d.Data, d.To); err != nil && !errors.Is(err, net.ErrClosed) {
				r.cfg.Log.Debug("cannot send to a node of the DHT", "to", d.To, "err", err)
			}
		}
	}
}

// begin starts the look-ups that are due.
func (r *Runner) begin(now time.Time) {
	for len(r.searches) < atOnce {
		look, ok := r.schedule.Begin(now)
		if !ok {
			return
		}
		s := &search{Look: look}
		opt := dht.PeerOptions{NoSeed: look.Seed}
		if look.Announce {
			// The port is told rather than implied: it is for TCP, and what a NAT makes of UDP says nothing about that.
			opt.Announce = &dht.Announcement{Port: r.cfg.Port(), Seed: look.Seed}
		}
		for _, m := range r.members {
			s.at = append(s.at, m.node.FindPeers(now, look.Hash, opt))
		}
		r.searches = append(r.searches, s)
	}
}

// collect takes what look-ups have found, and ends those that are done.
func (r *Runner) collect(now time.Time) (told []news) {
	r.searches = slices.DeleteFunc(r.searches, func(s *search) bool {
		over, heard, taken := true, false, 0
		for _, at := range s.at {
			if peers := at.Take(); len(peers) > 0 {
				told = append(told, news{hash: s.Hash, peers: peers})
				r.schedule.Found(s.Hash)
			}
			over = over && at.Done()
			heard = heard || at.Written() > 0 || !s.Announce && at.Answered() > 0
			taken += at.Written()
		}
		if over {
			r.schedule.Ended(now, s.Hash, heard)
			if s.Announce {
				told = append(told, news{hash: s.Hash, announced: true, taken: taken})
			}
		}
		return over
	})
	return told
}

// sooner is the earlier of two times, of which the zero time is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
