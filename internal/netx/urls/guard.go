// Package urls holds every URL that came from somebody else to one guard (DESIGN 4.9), and asks for those that pass: with a
// client that dials exactly the addresses that were judged, redirects included.
package urls

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// Purpose says what a URL is for; the rules differ.
type Purpose uint8

// Purposes of a URL.
const (
	ForTracker Purpose = iota + 1 // announce and scrape, over HTTP or UDP
	ForWebSeed                    // content
	ForTorrent                    // a .torrent file
	ForGateway                    // what a router does for its network (UPnP); it leads to that router, and is not redirected
)

// Guard decides where a URL may lead. See DESIGN 4.9.
type Guard struct {
	Purpose Purpose
	// Trusted holds for what the user names on the command line: any address is allowed. It covers the URL itself, not
	// where that redirects to.
	Trusted bool
	// Router is the only address that a URL ForGateway may lead to.
	Router netip.Addr
}

// Error says that the guard refused a URL. It blames the URL, not the network.
type Error struct {
	URL    string // without user, password and query, which may hold secrets
	Reason string
}

func (e *Error) Error() string { return "refused " + e.URL + ": " + e.Reason }

func refuse(u *url.URL, format string, args ...any) error {
	return &Error{URL: Printable(u), Reason: fmt.Sprintf(format, args...)}
}

// Printable is a URL as it may be shown and logged: a user name, a password and a query can be keys to a private tracker.
// What is not ASCII stays escaped.
func Printable(u *url.URL) string {
	s := strconv.QuoteToASCII((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String())
	return s[1 : len(s)-1]
}

// ErrNoAddress says that a host has no address of the family asked for.
var ErrNoAddress = errors.New("host has no address of that family")

const maxURL = 4096

// Parse reads a URL that came from anywhere and checks what can be checked without resolving its host.
func (g Guard) Parse(raw string) (*url.URL, error) {
	if len(raw) > maxURL {
		return nil, &Error{URL: "a URL", Reason: "longer than " + strconv.Itoa(maxURL) + " bytes"}
	}
	u, err := url.Parse(raw)
	if err != nil {
		// The error of package url would quote the whole URL.
		return nil, &Error{URL: "a URL", Reason: "not a valid URL"}
	}
	return u, g.CheckURL(u)
}

// CheckURL checks scheme, host and port.
func (g Guard) CheckURL(u *url.URL) error {
	switch {
	case u.Scheme == "http" || u.Scheme == "https":
	case u.Scheme == "udp" && g.Purpose == ForTracker:
	default:
		return refuse(u, "scheme %q is not allowed", u.Scheme)
	}
	host := u.Hostname()
	if host == "" || u.Opaque != "" {
		return refuse(u, "it has no host")
	}
	for _, c := range []byte(host) {
		// A name outside ASCII would be mapped before it is resolved, full-width digits to an address among others. The
		// owner of such a name knows its xn-- form.
		if c <= ' ' || c >= 0x7f {
			return refuse(u, "the host is not ASCII")
		}
	}
	// Whoever looks it up may take it for an IPv4 address: inet_aton(3) takes 127.1, 0177.0.0.1 and 0x7f.0.0.1.
	if _, err := netip.ParseAddr(host); err != nil && !g.Trusted && endsInNumber(host) {
		return refuse(u, "the host is neither a name nor an address")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return refuse(u, "port %s is not valid", port)
		}
	} else if u.Scheme == "udp" {
		return refuse(u, "it has no port")
	}
	return nil
}

// endsInNumber is the "ends in a number checker" of the URL standard (https://url.spec.whatwg.org/#ends-in-a-number-checker): no
// name does, for "the highest-level component label will be alphabetic" (RFC 1123, section 2.1).
func endsInNumber(host string) bool {
	host = strings.TrimRight(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if digits, is := strings.CutPrefix(strings.ToLower(last), "0x"); is {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// CheckAddr decides whether the host of u may be dialled at addr.
func (g Guard) CheckAddr(u *url.URL, addr netip.Addr) error {
	if g.Purpose == ForGateway {
		if addr.Unmap() != g.Router {
			return refuse(u, "it does not lead to the router %v", g.Router)
		}
		return nil
	}
	scope := netx.ScopeOf(addr)
	if scope == netx.Global {
		return nil
	}
	if g.Trusted {
		// A user who names a host means that host, not a metadata service that its name server makes of it.
		if _, err := netip.ParseAddr(u.Hostname()); err == nil || scope != netx.Never && scope != netx.LinkLocal {
			return nil
		}
	}
	switch scope {
	case netx.Never, netx.LinkLocal:
		return refuse(u, "%v is a %v address", addr, scope)
	}
	switch g.Purpose {
	case ForTracker:
		if p := u.EscapedPath(); !strings.HasSuffix(p, "/announce") && !strings.HasSuffix(p, "/scrape") {
			return refuse(u, "a tracker at a %v address is asked only at /announce or /scrape", scope)
		}
	case ForWebSeed:
		if u.RawQuery != "" || u.ForceQuery {
			return refuse(u, "a web seed at a %v address gets no query", scope)
		}
	default:
		return refuse(u, "%v is a %v address", addr, scope)
	}
	return nil
}

// nearby are the domains of names that mean somebody near to whoever looks them up: RFC 6761, 6762 and 8375, and what ICANN keeps
// free for it.
var nearby = []string{"localhost", "local", "home.arpa", "internal"}

// checkName decides about a host whose address nobody sees, because a proxy looks it up: what is known to be near to the proxy is
// none of the business of whoever made up the URL.
func (g Guard) checkName(u *url.URL) error {
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if g.Trusted {
		return nil
	}
	if !strings.Contains(name, ".") {
		return refuse(u, "the proxy would look it up in its own network")
	}
	for _, domain := range nearby {
		if strings.HasSuffix(name, "."+domain) {
			return refuse(u, "the proxy would look it up in its own network")
		}
	}
	return nil
}

// Resolve looks the host up once and returns those of its addresses that may be dialled, in the order of the resolver.
// The caller dials these and never the name. Behind a proxy names are not looked up: of one that may be dialled by its name the
// error is [netx.ErrFarName]. It stands for one of both families, and counts as IPv4.
func (g Guard) Resolve(ctx context.Context, nw netx.Network, u *url.URL, family netx.Family) ([]netip.AddrPort, error) {
	if err := g.CheckURL(u); err != nil {
		return nil, err
	}
	addrs, err := nw.LookupHost(ctx, u.Hostname())
	if errors.Is(err, netx.ErrFarName) {
		if err := g.checkName(u); err != nil {
			return nil, err
		}
		if family == netx.IPv6 {
			return nil, fmt.Errorf("%s: %w: %v", u.Hostname(), ErrNoAddress, family)
		}
	}
	if err != nil {
		return nil, err
	}
	port := Port(u)
	var (
		allowed []netip.AddrPort
		refused error
	)
	for _, a := range addrs {
		if !family.Has(a) {
			continue
		}
		if err := g.CheckAddr(u, a); err != nil {
			refused = err
			continue
		}
		allowed = append(allowed, netip.AddrPortFrom(a.Unmap(), port))
	}
	switch {
	case len(allowed) > 0:
		return allowed, nil
	case refused != nil:
		return nil, refused
	}
	return nil, fmt.Errorf("%s: %w: %v", u.Hostname(), ErrNoAddress, family)
}

// Port is the port of a URL that passed CheckURL.
func Port(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}
