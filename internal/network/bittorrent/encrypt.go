package bittorrent

import (
	cryptorand "crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// What our policy of encryption has to say to a connection.
var (
	errPlain    = errors.New("speaks no encryption, which our configuration requires")
	errMSE      = wire.ProtocolError("not a BitTorrent handshake, and our configuration allows no encryption")
	errTLS      = wire.ProtocolError("begins with TLS, which we do not take")
	errUnproven = errors.New("proves no key, which our configuration requires")
	errNoPin    = errors.New("its key is not known, and our configuration requires that it is")
)

// errMute says that nothing came back on a connection that we made. Who does not speak as we do ends it without a word.
var errMute = errors.New("does not answer")

// opening is how many bytes tell a plain connection from an encrypted one: the name of the protocol, with its length.
const opening = 20

// open finds out how a connection that we accepted begins, and carries the handshake of MSE or of TLS if it is by one of these.
// The session is nil unless it is by MSE.
func (sh *Shell) open(conn net.Conn) (*line.Line, *mse.Session, error) {
	said := make([]byte, opening)
	if _, err := io.ReadFull(conn, said); err != nil {
		return nil, nil, err
	}
	switch policy := sh.cfg.Encryption; {
	case line.IsClientHello(said):
		if !policy.TLS() || sh.cfg.Identity == nil {
			return nil, nil, errTLS
		}
		l, err := sh.tls.Challenge(conn, sh.cfg.Identity, said)
		return l, nil, err
	case policy == mse.Authenticated:
		return nil, nil, errUnproven
	case !wire.IsHandshake(said):
		if policy == mse.Off {
			return nil, nil, errMSE
		}
		return agree(conn, mse.NewResponder(newSeed(), policy.Methods(), sh.cfg.FindReq2), said)
	case !policy.Plain():
		return nil, nil, errPlain
	}
	return line.Plain(conn, said), nil, nil
}

// prove begins a connection that we made by TLS, with the node that has the key and with nobody else: an
// *identity.OtherKeyError says that another answered. Who does not speak TLS with us is given up as mute, after patience at
// the latest.
func (sh *Shell) prove(conn net.Conn, ours *identity.Identity, key identity.Key, patience time.Duration) (*line.Line, error) {
	if err := conn.SetReadDeadline(sh.cfg.Now().Add(patience)); err != nil {
		return nil, err
	}
	l, err := sh.tls.Prove(conn, ours, key)
	var other *identity.OtherKeyError
	switch {
	case errors.As(err, &other):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errMute, err)
	}
	return l, conn.SetReadDeadline(time.Time{})
}

// encrypt begins a connection that we made by the handshake of MSE, for an info-hash, and sends our own handshake. Who is
// silent for longer than patience is given up as mute.
func (sh *Shell) encrypt(conn net.Conn, name [20]byte, ours []byte, patience time.Duration) (*line.Line, error) {
	if err := conn.SetReadDeadline(sh.cfg.Now().Add(patience)); err != nil {
		return nil, err
	}
	provide := sh.cfg.Encryption.Methods()
	// Sent as IA our handshake saves a round trip. But IA is enciphered even where plaintext is selected, and then
	// Transmission 3.00 does not decipher it: it gets IA where it has no choice.
	var initial []byte
	if provide == mse.RC4 {
		initial, ours = ours, nil
	}
	side := mse.NewInitiator(newSeed(), name, provide, initial)
	if _, err := conn.Write(side.Hello()); err != nil {
		return nil, fmt.Errorf("%w: %w", errMute, err)
	}
	l, _, err := agree(conn, side, nil)
	if err != nil {
		return nil, err
	}
	if len(ours) > 0 {
		if _, err := l.Write(ours); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// mseSide is either side of the handshake of MSE.
type mseSide interface {
	Receive(p []byte) (send []byte, s *mse.Session, err error)
}

// agree carries one side to its end. said is what the other side has said already. The bound on its answer is taken away
// with the first that it gives.
func agree(conn net.Conn, side mseSide, said []byte) (*line.Line, *mse.Session, error) {
	buf := make([]byte, 1<<10)
	n := copy(buf, said)
	answered := false
	for {
		send, s, err := side.Receive(buf[:n])
		if err != nil {
			return nil, nil, err
		}
		if len(send) > 0 {
			answered = true
			if err := conn.SetReadDeadline(time.Time{}); err != nil {
				return nil, nil, err
			}
			if _, err := conn.Write(send); err != nil {
				return nil, nil, err
			}
		}
		if s != nil {
			return line.Enciphered(conn, s), s, nil
		}
		if n, err = conn.Read(buf); n == 0 && err != nil {
			if !answered {
				err = fmt.Errorf("%w: %w", errMute, err)
			}
			return nil, nil, err
		}
	}
}

func newSeed() (s mse.Seed) {
	cryptorand.Read(s[:]) // never fails
	return s
}
