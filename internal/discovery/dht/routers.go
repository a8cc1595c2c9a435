package dht

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/netx"
)

const (
	// patience is how long nodes of an earlier run are given before strangers are asked.
	patience = 10 * time.Second
	// After the routers were asked in vain it waits from firstWait to longestWait.
	firstWait   = 30 * time.Second
	longestWait = 30 * time.Minute
	// resolveTime bounds the resolving of their names.
	resolveTime = 20 * time.Second
)

// routers decides when the well-known nodes are asked for a way in: only if we know nobody, or nobody we know answers.
type routers struct {
	due  time.Time
	wait time.Duration
	idle bool // we are in, and need them no more
}

// newRouters gives known nodes a start, if there are any.
func newRouters(now time.Time, known bool) routers {
	if known {
		return routers{due: now.Add(patience)}
	}
	return routers{due: now}
}

// ask reports whether they are to be asked now; alone says that one of our nodes knows nobody.
func (r *routers) ask(now time.Time, alone bool) bool {
	r.idle = !alone
	if r.idle || now.Before(r.due) {
		return false
	}
	r.wait = min(max(2*r.wait, firstWait), longestWait)
	r.due = now.Add(r.wait)
	return true
}

// next is when ask may say yes; zero while we are in.
func (r *routers) next() time.Time {
	if r.idle {
		return time.Time{}
	}
	return r.due
}

// resolve looks up the routers and gives their addresses to our nodes. The user or potluck names them, so they may be anywhere.
func (r *Runner) resolve(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	r.mu.Lock()
	r.knocks.forget()
	r.mu.Unlock()
	for _, router := range r.cfg.Routers {
		host, port, err := splitHostPort(router)
		if err != nil {
			r.cfg.Log.Warn("cannot ask a DHT router", "router", router, "err", err)
			continue
		}
		addrs, err := r.lookUp(ctx, host, port)
		if errors.Is(err, netx.ErrFarName) {
			err = r.knock(host, port)
		}
		if err != nil {
			r.cfg.Log.Debug("cannot find a DHT router", "router", router, "err", err)
		}
		r.Contact(addrs...)
	}
}

// Introduce resolves nodes that a .torrent names, as HOST:PORT, and asks them for a way in. It returns when that is begun. Who
// made the .torrent is a stranger: only what he may name as a peer is asked, and nobody by a name that a proxy would look up.
func (r *Runner) Introduce(ctx context.Context, nodes []string) {
	ctx, cancel := context.WithTimeout(ctx, resolveTime)
	defer cancel()
	for _, n := range nodes {
		var addrs []netip.AddrPort
		host, port, err := splitHostPort(n)
		if err == nil {
			addrs, err = r.lookUp(ctx, host, port)
		}
		if err != nil {
			r.cfg.Log.Debug("cannot ask a node of a .torrent", "node", content.Printable(n), "err", err)
		}
		r.Contact(slices.DeleteFunc(addrs, func(a netip.AddrPort) bool { return !netx.AcceptPeer(netx.FromPublic, a, nil) })...)
	}
}

var errNoNode = errors.New("is not HOST:PORT")

func splitHostPort(hostPort string) (host string, port uint16, err error) {
	host, digits, err := net.SplitHostPort(hostPort)
	n, bad := strconv.ParseUint(digits, 10, 16)
	if err != nil || bad != nil {
		return "", 0, errNoNode
	}
	return host, uint16(n), nil
}

// lookUp finds the addresses of a node.
func (r *Runner) lookUp(ctx context.Context, host string, port uint16) (addrs []netip.AddrPort, err error) {
	hosts, err := r.cfg.Network.LookupHost(ctx, host)
	for _, h := range hosts {
		addrs = append(addrs, netip.AddrPortFrom(h, port))
	}
	return addrs, err
}
