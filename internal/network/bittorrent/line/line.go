// Package line is a connection with a peer once it has begun, plain, by MSE or by TLS: the same to whoever reads and writes it.
// And it has the large buffers that payload moves through, of which there are so many and no more.
//
//	buffers   leased while payload flows        (buffers.go)
//	line      read, sealed, written             (line.go)
//	TLS       with a node that proves its key   (tls.go, sealed.go)
package line

import (
	"bytes"
	"net"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// Line is a connection that has begun: the socket, and how what travels on it is enciphered.
type Line struct {
	net.Conn
	ahead   []byte      // received already, deciphered, and not read yet
	in, out *mse.Stream // nil: plain, or TLS

	tls *underTLS    // what Conn is above of if that is TLS
	key identity.Key // of the other end, which it has proven by TLS
}

// Plain is a connection on which nothing is enciphered. said is what was received already.
func Plain(conn net.Conn, said []byte) *Line { return &Line{Conn: conn, ahead: said} }

// Enciphered is a connection after the handshake of MSE.
func Enciphered(conn net.Conn, s *mse.Session) *Line {
	return &Line{Conn: conn, ahead: s.Rest, in: s.In, out: s.Out}
}

// Key is that of the other end, which has proven it by TLS; zero on any other line.
func (l *Line) Key() identity.Key { return l.key }

// Hidden reports whether all that travels is enciphered by MSE.
func (l *Line) Hidden() bool { return !l.in.Plain() && !l.out.Plain() }

// socket is what carries the connection.
func (l *Line) socket() net.Conn {
	if l.tls != nil {
		return l.tls.Conn
	}
	return l.Conn
}

// Read reads straight to where the bytes belong, and deciphers them there.
func (l *Line) Read(p []byte) (int, error) {
	if len(l.ahead) > 0 {
		n := copy(p, l.ahead)
		if l.ahead = l.ahead[n:]; len(l.ahead) == 0 {
			l.ahead = nil
		}
		return n, nil
	}
	n, err := l.Conn.Read(p)
	l.in.XOR(p[:n])
	return n, err
}

// Write leaves p as it is, at the price of a copy.
func (l *Line) Write(p []byte) (int, error) {
	rest := net.Buffers{p}
	if !l.out.Plain() {
		rest[0] = bytes.Clone(p)
	}
	for len(rest) > 0 {
		ready, err := l.Seal(&rest)
		if err == nil {
			_, err = l.WriteSealed(&ready)
		}
		l.Release()
		if err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Seal makes buffers, which are the caller's to change, ready to be written to the socket, once and in this order: one writev
// is all that they take, enciphered or not. It takes out of rest what it has made ready; by TLS that is as much as fits in a
// buffer. When it is written, or never will be, Release is to be called, and then Seal again for what is left.
func (l *Line) Seal(rest *net.Buffers) (ready net.Buffers, err error) {
	if l.tls != nil {
		return l.tls.seal(l.Conn, rest)
	}
	ready, *rest = *rest, nil
	if !l.out.Plain() {
		for _, b := range ready {
			l.out.XOR(b)
		}
	}
	return ready, nil
}

// Release gives back what was taken to seal.
func (l *Line) Release() {
	if l.tls != nil {
		l.tls.out.release(l.tls.by.buffers)
	}
}

// Room is how much payload is best sealed at once, of so much.
func (l *Line) Room(portion int) int {
	if l.tls != nil {
		return min(portion, largePlain-maxRecord) // with all that stands around it, it is sealed at once
	}
	return portion
}

// buffersWriter is a connection that is no socket and takes several buffers at once all the same.
type buffersWriter interface {
	WriteBuffers(*net.Buffers) (int64, error)
}

// WriteSealed writes buffers that are ready, and takes out what is written.
func (l *Line) WriteSealed(buffers *net.Buffers) (int64, error) {
	if w, ok := l.socket().(buffersWriter); ok {
		return w.WriteBuffers(buffers)
	}
	return buffers.WriteTo(l.socket())
}
