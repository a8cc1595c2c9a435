package v1

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// guard refuses requests that a web page of somebody else has made the user's browser send: it looks at Host (against
// DNS rebinding), Origin and Fetch Metadata (against cross-site requests), and at the token. Loopback is no excuse.
type guard struct {
	token string // needed if it is not empty
	port  string // that the API is reached at; any if empty
	next  http.Handler
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	switch {
	case !g.isOurs(r.Host):
		refuse(w, http.StatusForbidden, "foreign-host", "this API does not answer to that host name", "use 127.0.0.1 or localhost")
	case !g.isSameOrigin(r):
		refuse(w, http.StatusForbidden, "foreign-origin", "this API does not answer to pages of other sites", "")
	case !g.hasToken(r):
		h.Set("WWW-Authenticate", `Bearer realm="potluck"`)
		refuse(w, http.StatusUnauthorized, "no-token", "the token is missing or wrong",
			"send Authorization: Bearer TOKEN; the token is in the file "+TokenFile+" of the home")
	default:
		g.next.ServeHTTP(w, r)
	}
}

// isOurs reports whether a Host header names this machine by a name that no name server decides about.
func (g *guard) isOurs(hostPort string) bool {
	host, port := hostPort, ""
	if h, p, err := net.SplitHostPort(hostPort); err == nil {
		host, port = h, p
	}
	if g.port != "" && port != g.port {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && a.IsLoopback()
}

// isSameOrigin reports whether a request comes from no web page, or from one of our own.
func (g *guard) isSameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return false
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && u.Scheme == "http" && strings.EqualFold(u.Host, r.Host)
}

func (g *guard) hasToken(r *http.Request) bool {
	if g.token == "" {
		return true
	}
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	// Digests are compared because they are of one length, which tells nothing of the token's.
	a, b := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(g.token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
