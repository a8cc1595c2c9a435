// Package identity is who a node is to other nodes: the Ed25519 key by which it proves itself, the text by which users pass
// that on, and TLS between two nodes that know each other by nothing else.
//
// There are no names and no authorities. Each end shows a certificate that it signed itself (RFC 5280), of which only the key
// counts; TLS 1.3 (RFC 8446) proves that it has the private one. Who dials knows the key that must answer; who accepts takes any
// key, and learns it. What an observer of such a connection sees is that it is TLS 1.3: no server name (SNI), no application
// protocol (ALPN), no certificate, no session that could be told again. Who dials shows his key to nobody but the node that he
// looks for: a server proves itself first.
//
//	text of a key:  52 characters of base32 (RFC 4648) without padding, in lower case
package identity

import (
	"crypto/ed25519"
	"encoding/base32"
	"errors"
	"strings"
)

// Key is the public key of a node. The zero Key stands for none.
type Key [ed25519.PublicKeySize]byte

// ErrKey says that a text is not that of a key.
var ErrKey = errors.New("a node's key has 52 characters, of the letters a to z and the digits 2 to 7")

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// ParseKey reads the text of a key, in letters of either case. One key has one text: ends of it that stand for nothing are
// refused, and so is the text of none.
func ParseKey(text string) (Key, error) {
	text = strings.ToLower(text)
	b, err := encoding.DecodeString(text)
	if err != nil || len(b) != ed25519.PublicKeySize || encoding.EncodeToString(b) != text || Key(b).IsZero() {
		return Key{}, ErrKey
	}
	return Key(b), nil
}

// String is the text of a key.
func (k Key) String() string { return encoding.EncodeToString(k[:]) }

// shortLength is enough to tell the peers of a node apart, and too little to trust.
const shortLength = 8

// Short is the beginning of the text, to be looked at only.
func (k Key) Short() string { return k.String()[:shortLength] }

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k == Key{} }
