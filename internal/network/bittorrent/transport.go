package bittorrent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
)

// utpPatience is how long a SYN of uTP waits for its answer. It is sent again after 1 s and after 3 s.
const utpPatience = 5 * time.Second

// A Dialer connects to a peer over another transport than TCP. Accepted connections of such come in by Accept.
type Dialer interface {
	Dial(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
}

// transport is what carries a connection.
type transport uint8

const (
	overTCP transport = iota
	overUTP
	overEither // whichever is there first
)

func (t transport) String() string { return [...]string{"TCP", "uTP", "TCP or uTP"}[t] }

// errNobody says that no connection could be made, though there is a way to the address: it may be another transport that is
// let through.
var errNobody = errors.New("cannot be reached")

// transports are those that we dial an address over, the likelier first: TCP costs less, and almost everybody takes it. Where a
// relay can help, uTP comes after TCP, and with the relay. (After a connection over TCP that came to nothing, it is uTP alone.)
func (sh *Shell) transports(o *Object, addr netip.AddrPort) []transport {
	switch {
	case sh.cfg.UTP == nil:
		return []transport{overTCP}
	case sh.canMeet(o, addr):
		return []transport{overTCP, overUTP}
	}
	return []transport{overEither, overUTP}
}

func (sh *Shell) connect(ctx context.Context, by transport, addr netip.AddrPort, patience time.Duration) (conn net.Conn, err error) {
	dial := sh.cfg.Network.DialTCP
	if by == overUTP {
		dial = sh.cfg.UTP.Dial
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err = dial(within, addr)
	if err != nil && ctx.Err() == nil && !netx.IsUnreachable(err) && !netx.IsNoWay(err) && !errors.Is(err, netx.ErrFamily) {
		err = fmt.Errorf("%w: %w", errNobody, err)
	}
	return conn, err
}

// barred reports whether it is we who have no way out at present: whom we dial does not answer for that.
func (sh *Shell) barred() bool { return netx.NoWay(sh.cfg.Network) != nil }

// carrierOf is the transport of a connection.
func carrierOf(conn net.Conn) transport {
	if isUTP(conn) {
		return overUTP
	}
	return overTCP
}

// isUTP reports what carries a connection: what is not over TCP is over UDP.
func isUTP(conn net.Conn) bool {
	_, udp := conn.RemoteAddr().(*net.UDPAddr)
	return udp
}
