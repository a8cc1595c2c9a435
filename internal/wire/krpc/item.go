package krpc

import (
	"crypto/ed25519"
	"crypto/sha1"
	"errors"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// Bounds on items, in bytes. BEP 44: "it's not safe to assume storing more than 1000 bytes will succeed", and "The salt string
// MUST NOT be longer than 64 bytes."
const (
	MaxValue = 1000
	MaxSalt  = 64
)

// An Item is a value stored in the DHT (BEP 44). It is immutable and found by its hash, or mutable: then it has a key, and is
// found by that and the salt.
type Item struct {
	Value []byte // bencoded
	Key   []byte // ed25519 public key, 32 bytes; nil: immutable
	Salt  []byte // at most MaxSalt bytes
	Seq   int64  // the higher, the newer; not negative
	Sig   []byte // 64 bytes
}

// Mutable reports whether the item has an owner who can change it.
func (it *Item) Mutable() bool { return it.Key != nil }

// Target is the ID under which the item is found.
func (it *Item) Target() ID {
	if !it.Mutable() {
		return sha1.Sum(it.Value)
	}
	return MutableTarget(it.Key, it.Salt)
}

// MutableTarget is the ID under which a mutable item is found: "the SHA-1 hash of this key concatenated with the salt, if
// present".
func MutableTarget(key, salt []byte) ID {
	h := sha1.New()
	h.Write(key)
	h.Write(salt)
	return ID(h.Sum(nil))
}

// Check reports why the item can be no item: its value is too long or no bencoding, its salt is too long, or its signature
// is not by its key. The error is an *Error with the code of BEP 44.
func (it *Item) Check() error {
	if len(it.Value) > MaxValue {
		return &Error{CodeTooBig, "message (v field) too big"}
	}
	if len(it.Salt) > MaxSalt {
		return &Error{CodeSaltTooBig, "salt too big"}
	}
	if _, err := bencode.Parse(it.Value); err != nil {
		return &Error{CodeProtocol, "v is no bencoding"}
	}
	if !it.Mutable() {
		return nil
	}
	// BEP 44: "A client MAY also reject any message with a negative sequence number."
	if it.Seq < 0 {
		return &Error{CodeProtocol, "seq is negative"}
	}
	if len(it.Key) != ed25519.PublicKeySize || len(it.Sig) != ed25519.SignatureSize || !ed25519.Verify(it.Key, it.signed(), it.Sig) {
		return &Error{CodeBadSignature, "invalid signature"}
	}
	return nil
}

// Sign makes a mutable item of a value, with the key of its owner.
func Sign(owner ed25519.PrivateKey, salt, value []byte, seq int64) (Item, error) {
	if len(owner) != ed25519.PrivateKeySize {
		return Item{}, errors.New("krpc: no ed25519 key")
	}
	it := Item{Value: value, Key: owner.Public().(ed25519.PublicKey), Salt: salt, Seq: seq}
	it.Sig = ed25519.Sign(owner, it.signed())
	return it, it.Check()
}

// signed is what the signature is of.
//
// BEP 44: "Concatenate ("4:salt" length-of-salt ":" salt) "3:seqi" seq "e1:v" len ":" and the encoded value."
func (it *Item) signed() []byte {
	b := make([]byte, 0, len(it.Salt)+len(it.Value)+64)
	if len(it.Salt) > 0 {
		b = bencode.AppendString(b, "salt")
		b = bencode.AppendBytes(b, it.Salt)
	}
	b = bencode.AppendString(b, "seq")
	b = bencode.AppendInt(b, it.Seq)
	b = bencode.AppendString(b, "v")
	return append(b, it.Value...)
}

// Clone is a copy that does not share memory with the datagram the item came in.
func (it *Item) Clone() Item {
	return Item{clone(it.Value), clone(it.Key), clone(it.Salt), it.Seq, clone(it.Sig)}
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}
