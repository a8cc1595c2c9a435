package guard

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"
)

const (
	// tokenAge is how long a secret makes tokens; they are taken for as long again. BEP 5: "a secret that changes every five
	// minutes and tokens up to ten minutes old are accepted".
	tokenAge = 5 * time.Minute
	// TokenSize is the length of our tokens in bytes.
	TokenSize = 8
)

type secret [16]byte

// Tokens makes write tokens and knows them again. A token is bound to an IP address and needs no memory.
type Tokens struct {
	rng           *rand.Rand
	current, last secret
	made          time.Time // of the current secret
}

// NewTokens makes tokens from secrets taken from rng, which nobody must be able to guess.
func NewTokens(now time.Time, rng *rand.Rand) *Tokens {
	t := &Tokens{rng: rng, made: now}
	t.current, t.last = t.draw(), t.draw()
	return t
}

func (t *Tokens) draw() (s secret) {
	binary.BigEndian.PutUint64(s[:], t.rng.Uint64())
	binary.BigEndian.PutUint64(s[8:], t.rng.Uint64())
	return s
}

// Issue is the token for an address.
func (t *Tokens) Issue(now time.Time, a netip.Addr) []byte {
	t.rotate(now)
	return token(t.current, a)
}

// Valid reports whether the token was issued for this address, and lately.
//
// BEP 5: "The queried node must verify that the token was previously sent to the same IP address as the querying node."
func (t *Tokens) Valid(now time.Time, a netip.Addr, got []byte) bool {
	t.rotate(now)
	return hmac.Equal(got, token(t.current, a)) || hmac.Equal(got, token(t.last, a))
}

func (t *Tokens) rotate(now time.Time) {
	switch age := now.Sub(t.made); {
	case age < tokenAge:
		return
	case age < 2*tokenAge:
		t.last = t.current
	default: // nobody asked for a while, and all that was issued is too old
		t.last = t.draw()
	}
	t.current, t.made = t.draw(), now
}

func token(s secret, a netip.Addr) []byte {
	mac := hmac.New(sha256.New, s[:])
	mac.Write(a.Unmap().AsSlice())
	return mac.Sum(nil)[:TokenSize]
}
