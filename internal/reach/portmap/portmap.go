// Package portmap has the routers before us let others in at our port, for as long as it runs: it finds the routers, brings a
// session of package protocol/portmap together with the network for each, and begins anew when our addresses or the routers
// change. At the end the mappings are removed.
//
// UPnP is our own and not taken from a library (huin/goupnp): that one searches on all interfaces, fetches whatever URL any
// machine answers with, follows redirects and reads XML without end, none of which can be handed to it differently.
//
// Without a way through routers of which the network knows (netx.Gateways), as by a proxy, nothing is asked.
package portmap

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/wire/natpmp"
)

const (
	// refresh is how often it is looked whether addresses or routers have changed.
	refresh = 15 * time.Second
	// farewell bounds how long the end of a program waits for routers.
	farewell = 2 * time.Second
	// callTimeout bounds a call over HTTP.
	callTimeout = 8 * time.Second
	// maxRouters bounds the sessions.
	maxRouters = 4
)

// Config is what a runner is made of. All fields are required.
type Config struct {
	Network netx.Network
	// Port is where peers are taken at an address of ours, over TCP and UDP; 0: they are not.
	Port func(source netip.Addr) uint16
	// Nonce is what routers know us by; who has the same after a crash may change what is still mapped.
	Nonce [12]byte
	// Description is what a router shows to its owner, UserAgent how we call ourselves to it.
	Description, UserAgent string
	Rand                   func() *rand.Rand // makes a generator for decisions that need no secrecy
	Log                    *slog.Logger
	// Changed is called when a status is another one than before, but not for those that end with Run. One call has returned
	// before the next begins, so that what the last one sees in Status is how it is.
	Changed func()
	// Panicked is told of a panic over what a router said; it is asked anew (promise 4.8).
	Panicked func(any)
}

// Runner keeps our port mapped. It is safe for concurrent use.
type Runner struct {
	cfg     Config
	client  *urls.Client
	telling sync.Mutex // held while Changed is called

	mu      sync.Mutex
	links   map[key]*link
	hearing bool // what routers say unasked
}

// key tells links apart: from another address of ours another session is needed.
type key struct {
	gateway netx.Gateway
	port    uint16
}

// New makes a runner; nothing happens before Run.
func New(cfg Config) *Runner {
	return &Runner{
		cfg: cfg, links: map[key]*link{},
		client: urls.NewClient(urls.ClientOptions{Network: cfg.Network, Family: netx.IPv4, UserAgent: cfg.UserAgent, Timeout: callTimeout}),
	}
}

// Run keeps our port mapped until ctx ends, and then removes the mappings, which takes 2 s at most.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer r.client.Close()
	defer wg.Wait()
	tick := time.NewTicker(refresh)
	defer tick.Stop()
	for {
		r.look(ctx, &wg)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look begins a link for each router that is new, and ends those of which the router or our address is gone.
func (r *Runner) look(ctx context.Context, wg *sync.WaitGroup) {
	gateways, err := netx.Gateways(r.cfg.Network)
	if err != nil {
		r.cfg.Log.Debug("cannot tell which routers there are", "err", err)
		return
	}
	var now []key
	for _, g := range gateways[:min(len(gateways), maxRouters)] {
		if port := r.cfg.Port(g.Source); port != 0 {
			now = append(now, key{g, port})
		}
	}
	gone := false
	r.mu.Lock()
	for k, l := range r.links {
		if !slices.Contains(now, k) {
			l.cancel()
			delete(r.links, k)
			gone = true
		}
	}
	for _, k := range now {
		if r.links[k] == nil {
			l := r.newLink(ctx, k)
			r.links[k] = l
			wg.Go(func() {
				r.contained(l.run)
				r.ended(ctx, k, l)
			})
		}
	}
	if len(now) > 0 && !r.hearing {
		r.hearing = true
		wg.Go(func() { r.contained(func() { r.overhear(ctx) }) })
	}
	r.mu.Unlock()
	if gone {
		r.changed()
	}
}

// newLink makes a link with its session.
func (r *Runner) newLink(ctx context.Context, k key) *link {
	l := &link{runner: r, source: k.gateway.Source, packets: make(chan packet, maxPackets), results: make(chan result, 1)}
	l.ctx, l.cancel = context.WithCancel(ctx)
	cfg := portmap.Config{
		Router: k.gateway.Addr, Guessed: k.gateway.Guessed, Source: k.gateway.Source, Port: k.port, Description: r.cfg.Description,
		Nonce: r.cfg.Nonce, Rand: r.cfg.Rand(),
	}
	l.session = portmap.NewSession(cfg)
	l.status = l.session.Status()
	return l
}

// ended has a link that ended by itself begun anew at the next look.
func (r *Runner) ended(ctx context.Context, k key, l *link) {
	l.cancel()
	r.mu.Lock()
	gone := r.links[k] == l
	if gone {
		delete(r.links, k)
	}
	r.mu.Unlock()
	if gone && ctx.Err() == nil {
		r.changed()
	}
}

// Status is how each router is doing, IPv4 first.
func (r *Runner) Status() []portmap.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []portmap.Status
	for _, l := range r.links {
		list = append(list, l.status)
	}
	slices.SortFunc(list, func(a, b portmap.Status) int { return a.Router.Compare(b.Router) })
	return list
}

// tell takes the status of a link.
func (r *Runner) tell(l *link, st portmap.Status) {
	r.mu.Lock()
	same := same(l.status, st)
	l.status = st
	r.mu.Unlock()
	if same {
		return
	}
	for _, p := range st.Ports {
		r.cfg.Log.Debug("the router maps our port", "router", st.Router, "protocol", st.Protocol, "transport", p.Transport, "external", p.External)
	}
	if st.Err != nil {
		r.cfg.Log.Debug("the router maps not everything", "err", st.Err)
	}
	r.changed()
}

// changed says that a status has changed.
func (r *Runner) changed() {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.cfg.Changed()
}

// contained does something with what a router says, and contains its panic.
func (r *Runner) contained(f func()) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Panicked(p)
		}
	}()
	f()
}

// same reports whether two statuses say the same, but for when the mappings end.
func same(a, b portmap.Status) bool {
	return a.Protocol == b.Protocol && a.Address == b.Address && fmt.Sprint(a.Err) == fmt.Sprint(b.Err) && slices.EqualFunc(a.Ports, b.Ports, func(x, y portmap.Port) bool {
		return x.Transport == y.Transport && x.External == y.External
	})
}

// overhear hears what routers say unasked; without it mappings are repaired later.
func (r *Runner) overhear(ctx context.Context) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.hearing = false
	}()
	conn, err := netx.ListenMulticast(ctx, r.cfg.Network, natpmp.Announcements)
	if err != nil {
		r.cfg.Log.Debug("cannot hear what routers say unasked", "err", err)
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		r.heard(netx.Datagram{From: from, Data: buf[:n]})
	}
}

// heard has what a router said unasked heard by its links.
func (r *Runner) heard(d netx.Datagram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, l := range r.links {
		if k.gateway.Addr.WithZone("") == d.From.Addr().WithZone("") {
			l.put(d)
		}
	}
}
