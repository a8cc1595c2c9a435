// Package mse is Message Stream Encryption, also called Protocol Encryption, without I/O: the handshake of both sides, fed
// bytes and answering with bytes, and the two RC4 streams that are its result. The specification is the page "Message Stream
// Encryption" of the Vuze wiki.
//
// This is obfuscation, not authentication and hardly secrecy. It keeps boxes that look for "BitTorrent protocol" from
// finding it. Nobody proves who they are, so that whoever sits between two peers and knows the info-hash reads all, as does
// who guesses the hash of a public torrent; RC4 and a Diffie-Hellman exchange of 768 bits protect no secret worth keeping.
// What arrives is as little to be trusted as on a plain connection.
//
//	A, who dialled                                               B, who accepted
//
//	1   Ya (96)  PadA (0..512)                             ->
//	2                                                      <-   Yb (96)  PadB (0..512)
//	3   HASH('req1', S) (20)
//	    HASH('req2', SKEY) xor HASH('req3', S) (20)
//	    ENCRYPT( VC (8)  crypto_provide (4)
//	             len(PadC) (2)  PadC (0..512)
//	             len(IA) (2)  IA (0..65535) )              ->
//	4                                                      <-   ENCRYPT( VC (8)  crypto_select (4)
//	                                                                     len(PadD) (2)  PadD (0..512) )
//	5                           ENCRYPT2( payload in both directions )
//
//	Y     g^x mod P, in 96 bytes, big-endian          S   the shared secret, in 96 bytes
//	HASH  SHA-1 of what stands in it, concatenated    SKEY  the info-hash, of 20 bytes as on the wire
//	VC    eight zero bytes                            IA  the first bytes of A's payload
//	ENCRYPT   RC4 with the key HASH('keyA', S, SKEY) from A to B, HASH('keyB', S, SKEY) from B to A, of which the
//	          first 1024 bytes are discarded
//	ENCRYPT2  goes on with the same stream if RC4 was selected, or leaves everything as it is
//
// The lengths of PadA and PadB are told to nobody: B finds its place by HASH('req1', S), A by the enciphered VC.
package mse

import "errors"

// Sizes in bytes.
const (
	keySize  = 96 // of Y and of S
	hashSize = 20
	vcSize   = 8
	maxPad   = 512
)

// Methods is a set of ways in which the payload may travel: the fields crypto_provide and crypto_select.
type Methods uint32

// The methods that exist; the other bits are reserved.
const (
	Plaintext Methods = 1 << iota
	RC4
)

// Seed is the randomness of one handshake, from which its secret is made: never used twice, and known to nobody else.
type Seed [32]byte

// Session is what a handshake came to.
type Session struct {
	// SKEY is the info-hash that the initiator named.
	SKEY [20]byte
	// Method is the one that was selected.
	Method Methods
	// In and Out are for what is received and sent from here on.
	In, Out *Stream
	// Rest is what was received behind the handshake, deciphered.
	Rest []byte
}

// Error is a fault of the other side.
type Error string

func (e Error) Error() string { return "mse: " + string(e) }

// What the other side does wrong.
const (
	ErrKey       = Error("a public key that gives no secret")
	ErrNoSync    = Error("nothing of a handshake where it should be")
	ErrUnknown   = Error("asks for an object that we do not have")
	ErrVC        = Error("a wrong verification constant")
	ErrPadding   = Error("more padding than is allowed")
	ErrNoMethod  = Error("offers no method that we allow")
	ErrSelection = Error("selected a method that we did not offer")
)

// ErrShort says that the secret begins with a zero, as one in 256 does: not every responder understands it then. It is nobody's
// fault, and the initiator begins again, on another connection and with another seed.
var ErrShort = errors.New("mse: a secret that is short by chance")

// Req2 is HASH('req2', SKEY), by which a responder recognises the info-hash that it is asked for. Who has many keeps them
// in a map by this.
func Req2(skey [20]byte) [20]byte { return hash("req2", skey[:]) }
