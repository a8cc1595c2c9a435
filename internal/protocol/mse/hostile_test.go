package mse

import (
	"bytes"
	"encoding/binary"
	"math/big"
	"math/rand/v2"
	"testing"
)

// script is a side that follows the specification as far as a test wants it to.
type script struct {
	keys   keyPair
	secret [keySize]byte
}

// begin makes a side with a key of its own, which knows the other's.
func begin(t *testing.T, theirs []byte) *script {
	t.Helper()
	s := &script{keys: keyPair{private: big.NewInt(0x10001)}}
	new(big.Int).Exp(generator, s.keys.private, prime).FillBytes(s.keys.public[:])
	if theirs != nil {
		s.meet(t, theirs)
	}
	return s
}

func (s *script) meet(t *testing.T, theirs []byte) {
	t.Helper()
	var err error
	if s.secret, err = s.keys.secret(theirs[:keySize]); err != nil {
		t.Fatal(err)
	}
}

// offer is step 3 with these fields. The lengths are as written, whatever follows.
func (s *script) offer(vc uint64, provide uint32, padC uint16, rest ...byte) []byte {
	req1, name := hash("req1", s.secret[:]), hiddenName(Req2(skey), s.secret[:])
	a, _ := ciphers(s.secret[:], skey)
	b := binary.BigEndian.AppendUint64(nil, vc)
	b = binary.BigEndian.AppendUint32(b, provide)
	b = append(binary.BigEndian.AppendUint16(b, padC), rest...)
	a.XORKeyStream(b, b)
	return append(append(req1[:], name[:]...), b...)
}

// choice is step 4 with these fields.
func (s *script) choice(selected uint32, padD uint16) []byte {
	_, c := ciphers(s.secret[:], skey)
	b := binary.BigEndian.AppendUint32(make([]byte, vcSize), selected)
	b = binary.BigEndian.AppendUint16(b, padD)
	c.XORKeyStream(b, b)
	return b
}

func TestWhatAResponderRefuses(t *testing.T) {
	noise := func(n int) []byte { return bytes.Repeat([]byte{0xa5}, n) }
	for name, c := range map[string]struct {
		allow Methods
		say   func(s *script) []byte
		want  error // nil: it waits for more
		done  bool
	}{
		"no padding":               {RC4, func(s *script) []byte { return s.offer(0, 2, 0, 0, 0) }, nil, true},
		"most padding":             {RC4, func(s *script) []byte { return append(noise(512), s.offer(0, 2, 0, 0, 0)...) }, nil, true},
		"more padding":             {RC4, func(s *script) []byte { return append(noise(513), s.offer(0, 2, 0, 0, 0)...) }, ErrNoSync, false},
		"noise":                    {RC4, func(*script) []byte { return noise(512 + hashSize) }, ErrNoSync, false},
		"noise without an end":     {RC4, func(*script) []byte { return noise(1 << 20) }, ErrNoSync, false},
		"a little noise":           {RC4, func(*script) []byte { return noise(512 + hashSize - 1) }, nil, false},
		"a wrong VC":               {RC4, func(s *script) []byte { return s.offer(1, 2, 0, 0, 0) }, ErrVC, false},
		"no method":                {RC4 | Plaintext, func(s *script) []byte { return s.offer(0, 0, 0, 0, 0) }, ErrNoMethod, false},
		"plaintext, which is not":  {RC4, func(s *script) []byte { return s.offer(0, 1, 0, 0, 0) }, ErrNoMethod, false},
		"reserved methods":         {RC4 | Plaintext, func(s *script) []byte { return s.offer(0, 0xfffffffc, 0, 0, 0) }, ErrNoMethod, false},
		"most PadC":                {RC4, func(s *script) []byte { return s.offer(0, 2, 512, make([]byte, 514)...) }, nil, true},
		"more PadC":                {RC4, func(s *script) []byte { return s.offer(0, 2, 513, make([]byte, 515)...) }, ErrPadding, false},
		"less PadC than announced": {RC4, func(s *script) []byte { return s.offer(0, 2, 512, make([]byte, 513)...) }, nil, false},
		"an object that we have not": {RC4, func(s *script) []byte {
			b := s.offer(0, 2, 0, 0, 0)
			b[hashSize]++
			return b
		}, ErrUnknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := NewResponder(Seed{}, c.allow, known)
			a := begin(t, nil)
			yb, _, err := r.Receive(a.keys.public[:])
			if err != nil || len(yb) < keySize || len(yb) > keySize+maxPad {
				t.Fatal(len(yb), err)
			}
			a.meet(t, yb)
			_, s, err := r.Receive(c.say(a))
			if err != c.want || (s != nil) != c.done {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

func TestWhatAnInitiatorRefuses(t *testing.T) {
	noise := func(n int) []byte { return bytes.Repeat([]byte{0x5a}, n) }
	for name, c := range map[string]struct {
		provide Methods
		say     func(s *script) []byte
		want    error
		done    bool
	}{
		"no padding":              {RC4, func(s *script) []byte { return s.choice(2, 0) }, nil, true},
		"most padding":            {RC4, func(s *script) []byte { return append(noise(512), s.choice(2, 0)...) }, nil, true},
		"more padding":            {RC4, func(s *script) []byte { return append(noise(513), s.choice(2, 0)...) }, ErrNoSync, false},
		"noise":                   {RC4, func(*script) []byte { return noise(512 + vcSize) }, ErrNoSync, false},
		"noise without an end":    {RC4, func(*script) []byte { return noise(1 << 20) }, ErrNoSync, false},
		"a little noise":          {RC4, func(*script) []byte { return noise(512 + vcSize - 1) }, nil, false},
		"no method":               {RC4, func(s *script) []byte { return s.choice(0, 0) }, ErrSelection, false},
		"both methods":            {RC4 | Plaintext, func(s *script) []byte { return s.choice(3, 0) }, ErrSelection, false},
		"another method":          {RC4 | Plaintext, func(s *script) []byte { return s.choice(4, 0) }, ErrSelection, false},
		"plaintext, which is not": {RC4, func(s *script) []byte { return s.choice(1, 0) }, ErrSelection, false},
		"more PadD":               {RC4, func(s *script) []byte { return s.choice(2, 513) }, ErrPadding, false},
		"PadD to come":            {RC4, func(s *script) []byte { return s.choice(2, 512) }, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			i := NewInitiator(Seed{}, skey, c.provide, nil)
			b := begin(t, i.Hello())
			if _, _, err := i.Receive(b.keys.public[:]); err != nil {
				t.Fatal(err)
			}
			_, s, err := i.Receive(c.say(b))
			if err != c.want || (s != nil) != c.done {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// Keys whose secret everybody knows.
func TestDegenerateKeys(t *testing.T) {
	most := new(big.Int).Sub(new(big.Int).Lsh(one, 8*keySize), one)
	for name, y := range map[string]*big.Int{
		"0": new(big.Int), "1": one, "P-1": primeLess1, "P": prime, "P+1": new(big.Int).Add(prime, one), "all ones": most,
	} {
		key := y.FillBytes(make([]byte, keySize))
		if send, _, err := NewResponder(Seed{}, RC4, known).Receive(key); err != ErrKey || send != nil {
			t.Errorf("%s to a responder: %v", name, err)
		}
		i := NewInitiator(Seed{}, skey, RC4, nil)
		i.Hello()
		if send, _, err := i.Receive(key); err != ErrKey || send != nil {
			t.Errorf("%s to an initiator: %v", name, err)
		}
	}
}

// A secret that begins with a zero is understood by some only: a responder sees to it that there is none, and an initiator, who
// cannot, says so.
func TestShortSecrets(t *testing.T) {
	a := begin(t, nil)
	short := 0
	for n := range 1 << 10 {
		seed := Seed{byte(n), byte(n >> 8)}
		if s, err := makeKeyPair(rand.NewChaCha8(seed)).secret(a.keys.public[:]); err != nil || !isShort(s) {
			continue
		}
		short++
		r := NewResponder(seed, RC4, known)
		yb, _, err := r.Receive(a.keys.public[:])
		if err != nil {
			t.Fatal(err)
		}
		if a.meet(t, yb); isShort(a.secret) {
			t.Errorf("%x", a.secret)
		}
		if _, s, err := r.Receive(a.offer(0, 2, 0, 0, 0)); err != nil || s == nil {
			t.Errorf("%+v, %v", s, err)
		}
		// The same pair of keys the other way around.
		i := NewInitiator(seed, skey, RC4, nil)
		i.Hello()
		if send, s, err := i.Receive(a.keys.public[:]); err != ErrShort || send != nil || s != nil {
			t.Errorf("%x, %+v, %v", send, s, err)
		}
	}
	if short == 0 {
		t.Error("no seed leads to one")
	}
}

// An object among hundreds is found by one look.
func TestOneLookAmongMany(t *testing.T) {
	names := map[[20]byte][20]byte{Req2(skey): skey}
	for i := range 500 {
		name := [20]byte{byte(i), byte(i >> 8)}
		names[Req2(name)] = name
	}
	looks := 0
	r := NewResponder(Seed{}, RC4, func(req2 [20]byte) ([20]byte, bool) {
		looks++
		name, ok := names[req2]
		return name, ok
	})
	a := begin(t, nil)
	yb, _, _ := r.Receive(a.keys.public[:])
	a.meet(t, yb)
	if _, s, err := r.Receive(a.offer(0, 2, 0, 0, 0)); err != nil || s.SKEY != skey || looks != 1 {
		t.Errorf("%+v, %v, after %d looks", s, err, looks)
	}
}
