package mse

import "crypto/rc4"

// discarded is how much of an RC4 stream is thrown away: its beginning tells of the key.
const discarded = 1024

// endless is the length of a stream that is enciphered to its end.
const endless = -1

// Stream is one direction of a connection behind the handshake. A nil Stream is plain. It is not safe for concurrent use.
type Stream struct {
	cipher *rc4.Cipher
	left   int // bytes that are still enciphered, or endless
}

// XOR enciphers or deciphers the next bytes of the stream, in place.
func (s *Stream) XOR(p []byte) {
	if s.Plain() {
		return
	}
	if s.left != endless {
		p = p[:min(len(p), s.left)]
		s.left -= len(p)
	}
	s.cipher.XORKeyStream(p, p)
}

// Plain reports whether XOR changes nothing any more.
func (s *Stream) Plain() bool { return s == nil || s.left == 0 }

// stream is what follows the handshake in a direction: enciphered for ever with RC4, and for the first n bytes otherwise.
func stream(c *rc4.Cipher, m Methods, n int) *Stream {
	if m == RC4 {
		n = endless
	}
	return &Stream{c, n}
}

// ciphers are the RC4 streams from A to B and from B to A.
func ciphers(s []byte, skey [20]byte) (a, b *rc4.Cipher) {
	keyA, keyB := hash("keyA", s, skey[:]), hash("keyB", s, skey[:])
	return makeCipher(keyA[:]), makeCipher(keyB[:])
}

func makeCipher(key []byte) *rc4.Cipher {
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic(err) // the length of a key is no news
	}
	var waste [discarded]byte
	c.XORKeyStream(waste[:], waste[:])
	return c
}
