package bittorrent

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// What our policy of encryption has to say to those who prove nothing, and who would.
var (
	errUnproven = errors.New("proves no key, which our configuration requires")
	errNoPin    = errors.New("its key is not known, and our configuration requires that it is")
	errTLS      = wire.ProtocolError("begins with TLS, which we do not take")
)

// isClientHello reports whether a connection begins with TLS: with a record (RFC 8446, section 5.1) in which a ClientHello
// begins (section 4.1.2). What MSE begins with is random, and all but never looks like that.
func isClientHello(said []byte) bool {
	const handshake, clientHello = 22, 1
	// "The ClientHello.legacy_version field [...] MUST be set to 0x0303", and that of the record "MUST be ignored", but for its
	// first byte, which is the same in all versions.
	return said[0] == handshake && said[1] == 3 && said[5] == clientHello && said[9] == 3 && said[10] == 3
}

// prove begins a connection that we made by TLS, with the node that has the key and with nobody else: an
// *identity.OtherKeyError says that another answered. Who does not speak TLS with us is given up as mute, after patience at
// the latest.
func (sh *Shell) prove(conn net.Conn, ours *identity.Identity, key identity.Key, patience time.Duration) (*line, error) {
	if err := conn.SetReadDeadline(sh.cfg.Now().Add(patience)); err != nil {
		return nil, err
	}
	below := &underTLS{Conn: conn, sh: sh, allowed: maxHello}
	l, err := below.shake(tls.Client(below, ours.Dial(key)))
	var other *identity.OtherKeyError
	switch {
	case errors.As(err, &other):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errMute, err)
	}
	return l, conn.SetReadDeadline(time.Time{})
}

// challenge has whoever began a connection by TLS prove a key, whichever. said is what came already.
func (sh *Shell) challenge(conn net.Conn, said []byte) (*line, error) {
	below := &underTLS{Conn: conn, sh: sh, ahead: said, allowed: maxHello, desks: sh.desks}
	return below.shake(tls.Server(below, sh.cfg.Identity.Accept()))
}

// maxHello bounds what one side may send until the handshake is over, in bytes: less than 3 KiB are needed.
const maxHello = 16 << 10

// errLongHello ends a handshake that takes more.
var errLongHello = wire.ProtocolError("a handshake that is too long")

// underTLS is what lies under a connection by TLS: the socket. While the handshake lasts it bounds what that may take, and
// afterwards it gathers what is to be sent, so that many records are one write. TLS never waits for the socket then: a write
// that it sees fail would be its last.
type underTLS struct {
	net.Conn
	sh      *Shell
	ahead   []byte        // received, and not read yet
	allowed int           // how much more the handshake may read; negative: it is over
	desks   chan struct{} // one for each handshake that may be at its sums; nil: no bound
	out     sealed
}

// shake carries the handshake, one side of which t is, to its end.
func (u *underTLS) shake(t *tls.Conn) (*line, error) {
	if err := u.calculate(t.Handshake); err != nil {
		return nil, err
	}
	key, err := identity.PeerOf(t.ConnectionState())
	if err != nil {
		return nil, err
	}
	u.allowed, u.desks = -1, nil
	return &line{Conn: t, tls: u, key: key}, nil
}

// calculate does something at a desk. A handshake is at one while it does its sums, and not while it waits for the other side:
// a flood of them waits for its turn, in a room that is no larger for it, and leaves processors to everybody else.
func (u *underTLS) calculate(f func() error) error {
	u.sitDown()
	defer u.standUp()
	return f()
}

func (u *underTLS) sitDown() {
	if u.desks != nil {
		u.desks <- struct{}{}
	}
}

func (u *underTLS) standUp() {
	if u.desks != nil {
		<-u.desks
	}
}

// wait reads from the socket, away from the desk.
func (u *underTLS) wait(p []byte) (int, error) {
	u.standUp()
	defer u.sitDown()
	return u.Conn.Read(p)
}

// Read is for TLS alone.
func (u *underTLS) Read(p []byte) (int, error) {
	if u.allowed == 0 {
		return 0, errLongHello
	}
	if u.allowed > 0 {
		p = p[:min(len(p), u.allowed)]
	}
	var err error
	n := copy(p, u.ahead)
	if u.ahead = u.ahead[n:]; n == 0 {
		n, err = u.wait(p)
	}
	if u.allowed > 0 {
		u.allowed -= n
	}
	return n, err
}

// Write is for TLS alone: records go out at once during the handshake, and later with the writer's next flush.
func (u *underTLS) Write(p []byte) (int, error) {
	if u.allowed >= 0 {
		return u.Conn.Write(p)
	}
	return u.out.add(u.sh, p)
}

// seal makes records of buffers, as long as they may be whatever is in them: t is the connection above. What it returns is to
// be written to the socket, and then released.
func (u *underTLS) seal(t net.Conn, vector net.Buffers) (net.Buffers, error) {
	stage := u.sh.stages.Get().(*[maxRecord]byte)
	defer u.sh.stages.Put(stage)
	u.out.begin(u.sh)
	n := 0
	var err error
	for _, b := range vector {
		for len(b) > 0 && err == nil {
			m := copy(stage[n:], b)
			b, n = b[m:], n+m
			if n == len(stage) {
				_, err = t.Write(stage[:n])
				n = 0
			}
		}
	}
	if n > 0 && err == nil {
		_, err = t.Write(stage[:n])
	}
	return u.out.end(), err
}

// maxRecord is how much a record of TLS carries. RFC 8446, section 5.1: "The length MUST NOT exceed 2^14 bytes."
const maxRecord = 1 << 14
