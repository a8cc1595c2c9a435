package bittorrent

import (
	"bytes"
	"net"

	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// line is a connection that has begun: the socket, and how what travels on it is enciphered.
type line struct {
	net.Conn
	ahead   []byte      // received already, deciphered, and not read yet
	in, out *mse.Stream // nil: plain
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
	if !l.out.Plain() {
		p = bytes.Clone(p)
		l.out.XOR(p)
	}
	return l.Conn.Write(p)
}

// seal makes buffers, which are the caller's to change, ready to be written to the socket itself, once and in this order:
// one writev is all that they take, enciphered or not.
func (l *line) seal(buffers net.Buffers) {
	if l.out.Plain() {
		return
	}
	for _, b := range buffers {
		l.out.XOR(b)
	}
}

// buffersWriter is a connection that is no socket and takes several buffers at once all the same.
type buffersWriter interface {
	WriteBuffers(*net.Buffers) (int64, error)
}

// writeSealed writes buffers that are ready, and takes out what is written.
func (l *line) writeSealed(buffers *net.Buffers) (int64, error) {
	if w, ok := l.Conn.(buffersWriter); ok {
		return w.WriteBuffers(buffers)
	}
	return buffers.WriteTo(l.Conn)
}
