package bittorrent

import (
	"bytes"
	"net"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// line is a connection that has begun: the socket, and how what travels on it is enciphered.
type line struct {
	net.Conn
	ahead   []byte      // received already, deciphered, and not read yet
	in, out *mse.Stream // nil: plain, or TLS

	tls *underTLS    // what Conn is above of if that is TLS
	key identity.Key // of the other end, which it has proven by TLS
}

// hidden reports whether all that travels is enciphered by MSE.
func (l *line) hidden() bool { return !l.in.Plain() && !l.out.Plain() }

// socket is what carries the connection.
func (l *line) socket() net.Conn {
	if l.tls != nil {
		return l.tls.Conn
	}
	return l.Conn
}

// Read reads straight to where the bytes belong, and deciphers them there.
func (l *line) Read(p []byte) (int, error) {
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
func (l *line) Write(p []byte) (int, error) {
	vector := net.Buffers{p}
	if !l.out.Plain() {
		vector[0] = bytes.Clone(p)
	}
	vector, err := l.seal(vector)
	defer l.release()
	if err != nil {
		return 0, err
	}
	if _, err := l.writeSealed(&vector); err != nil {
		return 0, err
	}
	return len(p), nil
}

// seal makes buffers, which are the caller's to change, ready to be written to the socket itself, once and in this order:
// one writev is all that they take, enciphered or not. When they are written, or never will be, they are to be released.
func (l *line) seal(buffers net.Buffers) (net.Buffers, error) {
	if l.tls != nil {
		return l.tls.seal(l.Conn, buffers)
	}
	if !l.out.Plain() {
		for _, b := range buffers {
			l.out.XOR(b)
		}
	}
	return buffers, nil
}

// release gives back what was taken to seal.
func (l *line) release() {
	if l.tls != nil {
		l.tls.out.release(l.tls.sh)
	}
}

// room is how much payload is best sealed at once, of so much.
func (l *line) room(portion int) int {
	if l.tls != nil {
		return min(portion, bufferSize-maxRecord) // with all that stands around it, it fits in a buffer
	}
	return portion
}

// buffersWriter is a connection that is no socket and takes several buffers at once all the same.
type buffersWriter interface {
	WriteBuffers(*net.Buffers) (int64, error)
}

// writeSealed writes buffers that are ready, and takes out what is written.
func (l *line) writeSealed(buffers *net.Buffers) (int64, error) {
	if w, ok := l.socket().(buffersWriter); ok {
		return w.WriteBuffers(buffers)
	}
	return buffers.WriteTo(l.socket())
}
