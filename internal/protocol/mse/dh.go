package mse

import (
	"crypto/sha1"
	"math/big"
	"math/rand/v2"
)

// The group: P is a safe prime of 768 bits, and 2 generates.
const primeHex = "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD" +
	"EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563"

var (
	prime, _  = new(big.Int).SetString(primeHex, 16)
	generator = big.NewInt(2)
	one       = big.NewInt(1)
	// primeLess1 is the largest element of the group; it and 1 are the only ones whose powers are known without the exponent.
	primeLess1 = new(big.Int).Sub(prime, one)
)

// secretSize is the length of a private exponent. The specification asks for 128 bits, recommends 160, and expects nothing
// from more than 180.
const secretSize = 20

// keyPair is a private exponent and its public key. math/big takes a time that depends on the exponent, which is good for
// one handshake only.
type keyPair struct {
	private *big.Int
	public  [keySize]byte
}

func makeKeyPair(random *rand.ChaCha8) keyPair {
	var x [secretSize]byte
	random.Read(x[:])
	x[0] |= 0x80 // it has all its bits
	k := keyPair{private: new(big.Int).SetBytes(x[:])}
	new(big.Int).Exp(generator, k.private, prime).FillBytes(k.public[:])
	return k
}

// secret is S, made of the other side's public key of keySize bytes. A key of which it is known what S it gives is ErrKey.
func (k keyPair) secret(theirs []byte) (s [keySize]byte, err error) {
	y := new(big.Int).SetBytes(theirs)
	if y.Cmp(one) <= 0 || y.Cmp(primeLess1) >= 0 {
		return s, ErrKey
	}
	y.Exp(y, k.private, prime).FillBytes(s[:])
	return s, nil
}

// answerTo makes the key pair that answers a public key, and their secret, which is never short: a responder may choose so.
func answerTo(theirs []byte, random *rand.ChaCha8) (k keyPair, s [keySize]byte, err error) {
	// One in 256 is, and nobody can send a key that makes it more: P is a safe prime, so the powers of each that secret takes
	// are all of the group, or half of it.
	for {
		k = makeKeyPair(random)
		if s, err = k.secret(theirs); err != nil || !isShort(s) {
			return k, s, err
		}
	}
}

// isShort reports whether S begins with a zero. It is of 96 bytes all the same, but not to everybody: the libtorrent of rTorrent
// (0.13.8) leaves the zero out of what it hashes, and both sides wait in vain; the other libtorrent (2.0.8) hangs up if it is
// the responder.
func isShort(s [keySize]byte) bool { return s[0] == 0 }

// hash is HASH of a word and what follows it.
func hash(word string, parts ...[]byte) (sum [hashSize]byte) {
	h := sha1.New()
	h.Write([]byte(word))
	for _, p := range parts {
		h.Write(p)
	}
	h.Sum(sum[:0])
	return sum
}

// hiddenName is HASH('req2', SKEY) xor HASH('req3', S), or what is left of it without the latter.
func hiddenName(req2 [hashSize]byte, s []byte) [hashSize]byte {
	for i, b := range hash("req3", s) {
		req2[i] ^= b
	}
	return req2
}
