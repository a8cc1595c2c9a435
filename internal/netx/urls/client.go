package urls

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

const (
	maxRedirects   = 5
	maxHeader      = 64 << 10
	maxIdlePerHost = 4
	dialTimeout    = 10 * time.Second // per address
	maxDials       = 4
	defaultTimeout = 30 * time.Second
	defaultMaxBody = 2 << 20
)

// ErrTooLarge says that a response was longer than the caller allowed.
var ErrTooLarge = errors.New("response is too large")

// ClientOptions configure an HTTP client.
type ClientOptions struct {
	Network   netx.Network
	Family    netx.Family
	UserAgent string
	// Timeout bounds a dial, a TLS handshake and the wait for the header each, and a Fetch as a whole. 0 is 30 s.
	Timeout time.Duration
	// Idle is how long a connection to a public address is kept for the next request. 0 closes it at once.
	Idle time.Duration
	// Roots are the authorities that TLS trusts; nil takes those of the system.
	Roots *x509.CertPool
}

// Client asks for URLs that pass a [Guard], redirects included. It has no cookies, uses no proxy but that of its network and
// always verifies TLS.
type Client struct {
	opt   ClientOptions
	http  http.Client
	pools [2]http.Transport // public addresses, all others
}

const (
	publicPool = iota
	localPool
)

// NewClient makes a client. Close it when done.
func NewClient(opt ClientOptions) *Client {
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	c := &Client{opt: opt}
	for i := range c.pools {
		t := &c.pools[i]
		t.DialContext = c.dial
		t.TLSClientConfig = &tls.Config{RootCAs: opt.Roots, MinVersion: tls.VersionTLS12}
		t.TLSHandshakeTimeout = opt.Timeout
		t.ResponseHeaderTimeout = opt.Timeout
		t.MaxResponseHeaderBytes = maxHeader
		t.MaxIdleConnsPerHost = maxIdlePerHost
		t.IdleConnTimeout = opt.Idle
		// The rules for a private address depend on the path, so a connection to one is not kept for another URL.
		t.DisableKeepAlives = opt.Idle == 0 || i == localPool
	}
	c.http = http.Client{Transport: roundTripper{c}, CheckRedirect: checkRedirect}
	return c
}

// Close closes idle connections.
func (c *Client) Close() {
	for i := range c.pools {
		c.pools[i].CloseIdleConnections()
	}
}

// Request is a GET, or a POST if it has a body.
type Request struct {
	Guard  Guard
	URL    string
	Header http.Header // may be nil
	Body   []byte      // may be nil
	// MaxBody is how many bytes of body are read, after decompression, before ErrTooLarge. 0 is 2 MiB.
	MaxBody int64
}

// Response is an answer with any status. Its body must be closed.
type Response struct {
	*http.Response
	// Scope is that of the addresses asked; behind redirects, of the last.
	Scope netx.Scope
	// From is who answered; behind redirects, the last. The zero address if only its name is known.
	From netip.AddrPort
}

// Get asks and returns once the header is there. The context holds for the body too.
func (c *Client) Get(ctx context.Context, r Request) (*Response, error) {
	u, err := r.Guard.Parse(r.URL)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "udp" {
		return nil, refuse(u, "not an HTTP URL")
	}
	v := &visit{guard: r.Guard, named: hostPort(u)}
	method, body := http.MethodGet, io.Reader(nil)
	if r.Body != nil {
		method, body = http.MethodPost, bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(context.WithValue(ctx, visitKey{}, v), method, r.URL, body)
	if err != nil {
		return nil, refuse(u, "not a valid URL")
	}
	for k, vs := range r.Header {
		req.Header[k] = slices.Clone(vs)
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", c.opt.UserAgent)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		// The wrapping error would quote the URL with its query, which may hold a key.
		var ue *url.Error
		if errors.As(err, &ue) {
			err = ue.Err
		}
		return nil, err
	}
	limit := r.MaxBody
	if limit == 0 {
		limit = defaultMaxBody
	}
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: limit}
	return &Response{Response: resp, Scope: v.scope, From: v.from}, nil
}

// Fetch asks and reads the whole body, which it also closes.
func (c *Client) Fetch(ctx context.Context, r Request) (*Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	resp, err := c.Get(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

// visit is one Get through all its redirects.
type visit struct {
	guard Guard
	named string // host and port of the URL that was asked for
	hops  int
	scope netx.Scope // of the hop before
	from  netip.AddrPort
}

type (
	visitKey struct{}
	addrsKey struct{}
)

func hostPort(u *url.URL) string {
	return net.JoinHostPort(u.Hostname(), fmt.Sprint(Port(u)))
}

// checkRedirect bounds the redirects; where they lead is checked like any URL, by roundTripper.
func checkRedirect(req *http.Request, via []*http.Request) error {
	if v, ok := req.Context().Value(visitKey{}).(*visit); ok && v.guard.Purpose == ForGateway {
		return refuse(req.URL, "a router redirects")
	}
	if len(via) > maxRedirects {
		return refuse(req.URL, "more than %d redirects", maxRedirects)
	}
	// Whoever sits on the line could read, and write, what was to be kept from him.
	if via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https" {
		return refuse(req.URL, "a URL of https redirects to one of %s", req.URL.Scheme)
	}
	// The URL before may hold a key that is no business of the next host.
	req.Header.Del("Referer")
	return nil
}

// roundTripper takes one hop: it resolves, checks, and has the transport dial exactly what was checked.
type roundTripper struct{ c *Client }

func (rt roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	v := ctx.Value(visitKey{}).(*visit)
	guard := v.guard
	if v.hops > 0 && hostPort(req.URL) != v.named {
		guard.Trusted = false // the user did not name this one
	}
	addrs, err := guard.Resolve(ctx, rt.c.opt.Network, req.URL, rt.c.opt.Family)
	scope := netx.Global
	switch {
	case errors.Is(err, netx.ErrFarName):
		// No address: it is dialled by its name.
	case err != nil:
		return nil, err
	default:
		addrs, scope = widest(addrs)
	}
	if v.hops > 0 && v.scope == netx.Global && scope != netx.Global {
		return nil, refuse(req.URL, "a public URL redirects to a %v address", scope)
	}
	v.hops++
	v.scope = scope
	pool := localPool
	if scope == netx.Global {
		pool = publicPool
	}
	ctx = context.WithValue(ctx, addrsKey{}, addrs)
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { v.from = netx.AddrPort(i.Conn.RemoteAddr()) },
	})
	return rt.c.pools[pool].RoundTrip(req.WithContext(ctx))
}

// widest keeps the public addresses of a host; one that has none keeps all it has.
func widest(addrs []netip.AddrPort) ([]netip.AddrPort, netx.Scope) {
	public := slices.DeleteFunc(slices.Clone(addrs), func(a netip.AddrPort) bool { return netx.ScopeOf(a.Addr()) != netx.Global })
	if len(public) > 0 {
		return public, netx.Global
	}
	return addrs, netx.ScopeOf(addrs[0].Addr())
}

// dial ignores the name it is given and dials the addresses that the guard let through. If there are none, it is the name that the
// guard let through, for a proxy to look it up.
func (c *Client) dial(ctx context.Context, _, name string) (net.Conn, error) {
	addrs, resolved := ctx.Value(addrsKey{}).([]netip.AddrPort)
	if resolved && len(addrs) == 0 {
		return c.dialName(ctx, name)
	}
	err := error(ErrNoAddress)
	for _, a := range addrs[:min(len(addrs), maxDials)] {
		var conn net.Conn
		if conn, err = dialWithin(ctx, c.opt.Network, a); err == nil {
			return conn, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func (c *Client) dialName(ctx context.Context, hostPort string) (net.Conn, error) {
	host, digits, err := net.SplitHostPort(hostPort)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opt.Timeout)
	defer cancel()
	return netx.DialName(ctx, c.opt.Network, host, uint16(port))
}

func dialWithin(ctx context.Context, nw netx.Network, a netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return nw.DialTCP(ctx, a)
}

// boundedBody fails instead of ending early, so that a cut answer is not taken for a whole one.
type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	// One byte more than allowed tells a body of exactly that length from a longer one.
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
