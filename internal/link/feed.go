package link

import (
	"crypto/ed25519"
	"encoding/hex"
	"strings"
)

// MaxSalt bounds the salt of a feed, in bytes. BEP 44: "The maximum size of salt is 64 bytes".
const MaxSalt = 64

// Pointer names a feed: a signed item in the DHT that says which object is the newest version (BEP 46). The zero Pointer
// names none.
type Pointer struct {
	Publisher [ed25519.PublicKeySize]byte
	// Salt tells apart the feeds of one publisher; at most MaxSalt bytes.
	Salt string
}

// IsZero reports whether the pointer names no feed.
func (p Pointer) IsZero() bool { return p == Pointer{} }

const feedScheme = "urn:btpk:"

// parsePublisher takes the source of a feed. BEP 46: "magnet:?xs=urn:btpk:[ Public Key (Hex) ]&s=[ Salt (Hex) ]".
func parsePublisher(source string) (key [ed25519.PublicKeySize]byte, ok bool) {
	if len(source) != len(feedScheme)+hex.EncodedLen(len(key)) || !strings.EqualFold(source[:len(feedScheme)], feedScheme) {
		return key, false
	}
	_, err := hex.Decode(key[:], []byte(source[len(feedScheme):]))
	return key, err == nil
}

func parseSalt(digits string) (salt string, ok bool) {
	if len(digits) > hex.EncodedLen(MaxSalt) {
		return "", false
	}
	b, err := hex.DecodeString(digits)
	return string(b), err == nil
}
