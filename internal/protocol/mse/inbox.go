package mse

import (
	"bytes"
	"crypto/rc4"
)

// inbox is what has been received and not been used.
type inbox struct {
	b        []byte
	searched int // no mark begins before it
}

// take removes the next n bytes once they are there. They stay valid, and the caller's.
func (in *inbox) take(n int) (p []byte, ok bool) {
	if len(in.b) < n {
		return nil, false
	}
	p, in.b = in.b[:n:n], in.b[n:]
	return p, true
}

// decipher is take for what is enciphered.
func (in *inbox) decipher(n int, c *rc4.Cipher) (p []byte, ok bool) {
	if p, ok = in.take(n); ok {
		c.XORKeyStream(p, p)
	}
	return p, ok
}

// seek removes everything up to the end of a mark, which begins behind at most maxPad bytes of padding.
func (in *inbox) seek(mark []byte) (found bool, err error) {
	window := in.b[:min(len(in.b), maxPad+len(mark))]
	if at := bytes.Index(window[in.searched:], mark); at >= 0 {
		in.b = in.b[in.searched+at+len(mark):]
		return true, nil
	}
	if len(window) == maxPad+len(mark) {
		return false, ErrNoSync
	}
	in.searched = max(0, len(window)-len(mark)+1)
	return false, nil
}
