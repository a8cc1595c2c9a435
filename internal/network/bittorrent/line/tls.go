package line

import (
	"crypto/tls"
	"net"
	"runtime"
	"sync"

	"github.com/potluck-p2p/potluck/internal/identity"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// TLS begins connections with other potlucks, which prove to each other who they are.
type TLS struct {
	buffers *Buffers
	stages  sync.Pool     // of *[maxRecord]byte
	desks   chan struct{} // one for each handshake that calculates
}

// NewTLS seals in the buffers, or in small ones if none is left.
func NewTLS(buffers *Buffers) *TLS {
	return &TLS{
		buffers: buffers,
		stages:  sync.Pool{New: func() any { return new([maxRecord]byte) }},
		desks:   make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// IsClientHello reports whether a connection begins with TLS: with a record (RFC 8446, section 5.1) in which a ClientHello
// begins (section 4.1.2). What MSE begins with is random, and all but never looks like that.
func IsClientHello(said []byte) bool {
	const handshake, clientHello = 22, 1
	// "The ClientHello.legacy_version field [...] MUST be set to 0x0303", and that of the record "MUST be ignored", but for its
	// first byte, which is the same in all versions.
	return said[0] == handshake && said[1] == 3 && said[5] == clientHello && said[9] == 3 && said[10] == 3
}

// Prove begins a connection that we made by TLS, with the node that has the key and with nobody else: an
// *identity.OtherKeyError says that another answered.
func (t *TLS) Prove(conn net.Conn, ours *identity.Identity, key identity.Key) (*Line, error) {
	below := &underTLS{Conn: conn, by: t, allowed: maxHello}
	return below.shake(tls.Client(below, ours.Dial(key)))
}

// Challenge has whoever began a connection by TLS prove a key, whichever. said is what came already.
func (t *TLS) Challenge(conn net.Conn, ours *identity.Identity, said []byte) (*Line, error) {
	below := &underTLS{Conn: conn, by: t, ahead: said, allowed: maxHello, desks: t.desks}
	return below.shake(tls.Server(below, ours.Accept()))
}

// Calculating is how many handshakes are at their sums.
func (t *TLS) Calculating() int { return len(t.desks) }

// maxHello bounds what one side may send until the handshake is over, in bytes: less than 3 KiB are needed.
const maxHello = 16 << 10

// errLongHello ends a handshake that takes more.
var errLongHello = wire.ProtocolError("a handshake that is too long")

// underTLS is what lies under a connection by TLS: the socket. While the handshake lasts it bounds what that may take, and
// afterwards it gathers what is to be sent, so that many records are one write. TLS never waits for the socket then: a write
// that it sees fail would be its last.
type underTLS struct {
	net.Conn
	by      *TLS
	ahead   []byte        // received, and not read yet
	allowed int           // how much more the handshake may read; negative: it is over
	desks   chan struct{} // one for each handshake that may be at its sums; nil: no bound
	out     sealed
}

// shake carries the handshake, one side of which t is, to its end.
func (u *underTLS) shake(t *tls.Conn) (*Line, error) {
	if err := u.calculate(t.Handshake); err != nil {
		return nil, err
	}
	key, err := identity.PeerOf(t.ConnectionState())
	if err != nil {
		return nil, err
	}
	u.allowed, u.desks = -1, nil
	return &Line{Conn: t, tls: u, key: key}, nil
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
	return u.out.add(p)
}

// seal makes records of buffers, as long as they may be whatever is in them, and takes out of rest what it has sealed: t is
// the connection above. What it returns is to be written to the socket, and then released.
func (u *underTLS) seal(t net.Conn, rest *net.Buffers) (net.Buffers, error) {
	stage := u.by.stages.Get().(*[maxRecord]byte)
	defer u.by.stages.Put(stage)
	room := u.out.begin(u.by.buffers)
	var err error
	for room > 0 && len(*rest) > 0 && err == nil {
		n := fill(stage[:], rest)
		_, err = t.Write(stage[:n])
		room -= maxRecord
	}
	return u.out.end(), err
}

// fill copies as much as fits from the front of some buffers, and takes it out.
func fill(p []byte, from *net.Buffers) (n int) {
	for len(*from) > 0 && n < len(p) {
		first := (*from)[0]
		m := copy(p[n:], first)
		n += m
		if m < len(first) {
			(*from)[0] = first[m:]
		} else {
			*from = (*from)[1:]
		}
	}
	return n
}
