package proxy

import (
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck/internal/wire/socks"
)

// Scheme is what a proxy speaks.
type Scheme string

// Schemes of proxies.
const (
	SOCKS5 Scheme = "socks5"
	HTTP   Scheme = "http"
)

// Server is a proxy and who we are to it.
type Server struct {
	Scheme   Scheme
	Host     string // a name or an address
	Port     uint16
	User     string // empty: we need not say
	Password string
}

// Errors of what a user names as a proxy; they quote nothing of it, since it may hold a password.
var (
	errURL    = errors.New("is not the URL of a proxy")
	errScheme = errors.New("has a scheme that is neither socks5 nor http")
	errPort   = errors.New("has no port from 1 to 65535")
	errExtra  = errors.New("has more than a host and a port")
	errLogin  = errors.New("has a user name or a password longer than 255 bytes, or one without the other")
)

// Parse reads a proxy as in socks5://user:password@host:port or http://host:port. SOCKS 4 is none, since it knows no IPv6, and
// https none, since the password of that would be all that it hides better.
func Parse(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Server{}, errURL
	}
	s := Server{Scheme: Scheme(strings.ToLower(u.Scheme)), Host: u.Hostname()}
	if s.Scheme == "socks5h" { // how others say that names are looked up there, which is the only way here
		s.Scheme = SOCKS5
	}
	switch port, bad := strconv.ParseUint(u.Port(), 10, 16); {
	case s.Scheme != SOCKS5 && s.Scheme != HTTP:
		return Server{}, errScheme
	case u.Opaque != "" || !isHost(s.Host):
		return Server{}, errURL
	case bad != nil || port == 0:
		return Server{}, errPort
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Server{}, errExtra
	default:
		s.Port = uint16(port)
	}
	s.User = u.User.Username()
	s.Password, _ = u.User.Password()
	if len(s.User) > socks.MaxName || len(s.Password) > socks.MaxName || s.User == "" && s.Password != "" {
		return Server{}, errLogin
	}
	return s, nil
}

// isHost takes addresses and what may be a name.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host != "" && len(host) <= socks.MaxName && !strings.ContainsFunc(host, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune("/:@%[]\\\"", r)
	})
}

// String names the proxy without who we are to it.
func (s Server) String() string {
	return string(s.Scheme) + "://" + net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))
}

// URL is the proxy with user name and password, as Parse reads it; empty for none.
func (s Server) URL() string {
	if s.Host == "" {
		return ""
	}
	u := url.URL{Scheme: string(s.Scheme), Host: net.JoinHostPort(s.Host, strconv.Itoa(int(s.Port)))}
	switch {
	case s.Password != "":
		u.User = url.UserPassword(s.User, s.Password)
	case s.User != "":
		u.User = url.User(s.User)
	}
	return u.String()
}
