package tracker

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

const (
	httpTimeout = 30 * time.Second
	maxBody     = 1 << 20
)

// ClientConfig says what a client works with.
type ClientConfig struct {
	Network netx.Network
	// UDP are the sockets that trackers are asked from, at most one for each family; [wire.IsResponse] tells what comes to
	// them from other datagrams. The client closes them. Without any, UDP trackers cannot be asked.
	UDP       []netx.PacketConn
	UserAgent string
	Roots     *x509.CertPool // nil: those of the system
	// Rand makes transaction ids, which nobody must be able to guess. The client alone uses it.
	Rand *rand.Rand
}

// Client asks trackers. It is safe for concurrent use.
type Client struct {
	nw    netx.Network
	http  map[netx.Family]*urls.Client
	udp   *udpClient
	lines lines
}

// NewClient makes a client; close it when done.
func NewClient(cfg ClientConfig) *Client {
	c := &Client{nw: cfg.Network, http: map[netx.Family]*urls.Client{}, udp: newUDPClient(cfg.UDP, cfg.Rand)}
	for _, f := range []netx.Family{netx.AnyFamily, netx.IPv4, netx.IPv6} {
		c.http[f] = urls.NewClient(urls.ClientOptions{
			Network: cfg.Network, Family: f, UserAgent: cfg.UserAgent, Timeout: httpTimeout, Roots: cfg.Roots,
		})
	}
	return c
}

// Close ends the client. Announces under way fail.
func (c *Client) Close() {
	for _, h := range c.http {
		h.Close()
	}
	c.udp.close()
}

// Request is one announce to one tracker.
type Request struct {
	Server   Server
	Family   netx.Family
	Announce wire.Announce
}

// Error says which tracker an announce failed with. Its text is safe to show.
type Error struct {
	Tracker string
	Err     error
}

func (e *Error) Error() string {
	text := netx.Reason(e.Err)
	var failure *wire.Failure
	if !errors.As(e.Err, &failure) { // which escapes what it quotes itself
		text = content.Printable(text)
	}
	return "tracker " + e.Tracker + ": " + text
}

// Unwrap is the cause: a *wire.Failure, *wire.FormatError, *urls.Error, *StatusError, ErrNoAnswer or a network error.
func (e *Error) Unwrap() error { return e.Err }

// Announce asks a tracker and waits for its answer. A [Runner] has announces to one host wait for each other.
func (c *Client) Announce(ctx context.Context, r Request) (resp *Response, err error) {
	// DESIGN 4.8: a panic over one tracker's answer stays with that tracker.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a bug in potluck: %v", p)
		}
		if err != nil {
			resp, err = nil, &Error{Tracker: printable(r.Server.URL), Err: err}
		}
	}()
	guard := urls.Guard{Purpose: urls.ForTracker, Trusted: r.Server.Trusted}
	u, err := guard.Parse(r.Server.URL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "udp" {
		return c.announceUDP(ctx, guard, u, r)
	}
	return c.announceHTTP(ctx, guard, u, r)
}

func (c *Client) announceHTTP(ctx context.Context, guard urls.Guard, u *url.URL, r Request) (*Response, error) {
	resp, body, err := c.http[r.Family].Fetch(ctx, urls.Request{Guard: guard, URL: r.Announce.URL(u), MaxBody: maxBody})
	if err != nil {
		return nil, err
	}
	answer, err := wire.ParseResponse(body)
	var failure *wire.Failure
	if resp.StatusCode != http.StatusOK && !errors.As(err, &failure) {
		// Some trackers send their refusals with the status of an error; those tell more than the status.
		return nil, &StatusError{resp.StatusCode}
	}
	if err != nil {
		return nil, err
	}
	return &Response{Response: *answer, From: netx.TrackerSource(resp.Scope), Tracker: resp.From.Addr()}, nil
}

// locate finds the addresses of a UDP tracker that may be asked.
func (c *Client) locate(ctx context.Context, guard urls.Guard, u *url.URL, family netx.Family) ([]netip.AddrPort, error) {
	addrs, err := guard.Resolve(ctx, c.nw, u, family)
	if !errors.Is(err, netx.ErrFarName) {
		return addrs, err
	}
	addr, err := c.udp.meet(ctx, u.Hostname(), urls.Port(u))
	if err == nil {
		err = guard.CheckAddr(u, addr.Addr())
	}
	return []netip.AddrPort{addr}, err
}

func (c *Client) announceUDP(ctx context.Context, guard urls.Guard, u *url.URL, r Request) (*Response, error) {
	addrs, err := c.locate(ctx, guard, u, r.Family)
	if err != nil {
		return nil, err
	}
	path := u.EscapedPath()
	if u.RawQuery != "" {
		path += "?" + u.RawQuery
	}
	answer, addr, err := c.udp.announce(ctx, addrs, &r.Announce, path)
	if err != nil {
		return nil, err
	}
	return &Response{Response: *answer, From: netx.TrackerSource(netx.ScopeOf(addr.Addr())), Tracker: addr.Addr()}, nil
}
