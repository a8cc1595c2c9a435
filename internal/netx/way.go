package netx

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// Way is a [Network] that takes one way out and no other: through an interface, or a proxy. When that way is closed, nothing is
// sent (DESIGN 4.10) until it is open again.
type Way interface {
	Network
	// Conditions are how the parts of the way are at present, the nearest to the far end first.
	Conditions() []Condition
	// Changed is closed when one of them changes. Ask for it before you ask for them.
	Changed() <-chan struct{}
}

// Changed is closed when a condition of nw changes; nil if nw is no [Way].
func Changed(nw Network) <-chan struct{} {
	if w, ok := capable[Way](nw); ok {
		return w.Changed()
	}
	return nil
}

// Condition is how a part of a way is, for the user.
type Condition struct {
	// Via names it: an interface, or a proxy without its password.
	Via string
	// Problem says why nothing is sent at present, as "is down"; empty if all is well.
	Problem string
	// Streams says why only TCP gets through; empty if datagrams do too.
	Streams string
}

// Conditions are those of a [Way]; none of another network.
func Conditions(nw Network) []Condition {
	if w, ok := capable[Way](nw); ok {
		return w.Conditions()
	}
	return nil
}

// NoWay is the error of the first part of the way of nw that is closed; nil if all is well, or nw is no [Way].
func NoWay(nw Network) error {
	for _, c := range Conditions(nw) {
		if c.Problem != "" {
			return &NoWayError{Via: c.Via, Problem: c.Problem}
		}
	}
	return nil
}

// NoWayError says that nothing is sent, because the only way that may be taken is closed. It does not blame whom we wanted to
// reach.
type NoWayError struct{ Via, Problem string }

func (e *NoWayError) Error() string { return e.Via + " " + e.Problem }

// IsNoWay reports whether an error is a [NoWayError].
func IsNoWay(err error) bool {
	var closed *NoWayError
	return errors.As(err, &closed)
}

// Errors of ways that do not carry everything.
var (
	// ErrNoListening says that nobody can connect to us by this way.
	ErrNoListening = errors.New("nobody can connect by this way")
	// ErrNoDatagrams says that only TCP gets through.
	ErrNoDatagrams = errors.New("no datagrams get through by this way")
	// ErrFarName says that names are looked up at the far end of the way, and never here.
	ErrFarName = errors.New("names are looked up by the proxy")
)

// NameDialer is a [Network] at whose far end names are looked up, as by a proxy: LookupHost takes addresses for what they are,
// and says [ErrFarName] of names.
type NameDialer interface {
	// DialName opens a stream to a host. The context bounds the dial only.
	DialName(ctx context.Context, host string, port uint16) (net.Conn, error)
}

// DialName opens a stream to a host whose name nw looks up at its far end. It is [ErrFarName] if nw does not.
func DialName(ctx context.Context, nw Network, host string, port uint16) (net.Conn, error) {
	if d, ok := capable[NameDialer](nw); ok {
		return d.DialName(ctx, host, port)
	}
	return nil, ErrFarName
}

// NameWriter is a [PacketConn] that sends to names which are looked up at the far end. What is answered comes from an address.
type NameWriter interface {
	WriteToName(p []byte, host string, port uint16) (n int, err error)
}

// WriteToName sends a datagram to a host whose name is looked up at the far end. It is [ErrFarName] if conn cannot.
func WriteToName(conn PacketConn, p []byte, host string, port uint16) (int, error) {
	for {
		if w, ok := conn.(NameWriter); ok {
			return w.WriteToName(p, host, port)
		}
		w, stands := conn.(interface{ Unwrap() PacketConn })
		if !stands {
			return 0, ErrFarName
		}
		conn = w.Unwrap()
	}
}

// Wildcards are where to listen in order to be reached at all addresses of a network: a socket for each.
func Wildcards(nw Network) []netip.Addr {
	if w, ok := capable[interface{ Wildcards() []netip.Addr }](nw); ok {
		return w.Wildcards()
	}
	return []netip.Addr{netip.IPv6Unspecified()} // of both families
}

// capable finds a network that can do more, in nw or in what that stands before.
func capable[T any](nw Network) (t T, ok bool) {
	for nw != nil {
		if t, ok = nw.(T); ok {
			return t, true
		}
		w, stands := nw.(interface{ Unwrap() Network })
		if !stands {
			break
		}
		nw = w.Unwrap()
	}
	return t, false
}
