package mse

import (
	"bytes"
	"math/big"
	"math/rand/v2"
	"testing"
)

// An attacker of fuzzedKey knows the secret that they share with a side made of the zero seed. So an input is what they
// encipher, and gets as deep as a handshake does; raw inputs are sent as they are.
var fuzzedKey = big.NewInt(0x10001)

func attacker(f *testing.F, theirs keyPair) *script {
	s := &script{keys: keyPair{private: fuzzedKey}}
	new(big.Int).Exp(generator, fuzzedKey, prime).FillBytes(s.keys.public[:])
	var err error
	if s.secret, err = s.keys.secret(theirs.public[:]); err != nil {
		f.Fatal(err)
	}
	return s
}

// holds feeds a side what an attacker says, cut where they like. Whatever it is, the side keeps little, answers little, and
// says either nothing, or that it is done, or what is wrong.
func holds(t *testing.T, side receiver, in *inbox, said []byte, cut uint16) {
	for len(said) > 0 {
		n := min(len(said), int(cut)+1)
		send, s, err := side.Receive(said[:n])
		said = said[n:]
		if err != nil {
			if send != nil || s != nil {
				t.Fatal("an error and something else")
			}
			return
		}
		if len(send) > 2*(keySize+maxPad) {
			t.Fatalf("answers with %d bytes", len(send))
		}
		if s != nil {
			if s.Method != Plaintext && s.Method != RC4 || s.SKEY != skey {
				t.Fatalf("%+v", s)
			}
			return
		}
		if len(in.b) > keySize+maxPad+hashSize {
			t.Fatalf("keeps %d bytes", len(in.b))
		}
	}
}

func FuzzResponder(f *testing.F) {
	a := attacker(f, makeKeyPair(rand.NewChaCha8(Seed{})))
	f.Add(false, []byte{}, []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00"), uint16(700))
	f.Add(false, []byte("pad"), []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x02..\x00\x05hello and more"), uint16(0))
	f.Add(false, make([]byte, 512), []byte("\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\x02\x01"), uint16(99))
	f.Add(false, make([]byte, 513), []byte{}, uint16(40))
	f.Add(true, make([]byte, keySize), []byte("x"), uint16(9))
	f.Fuzz(func(t *testing.T, raw bool, pad, opening []byte, cut uint16) {
		r := NewResponder(Seed{}, Plaintext|RC4, known)
		said := bytes.Join([][]byte{pad, opening}, nil)
		if !raw {
			req1, name := hash("req1", a.secret[:]), hiddenName(Req2(skey), a.secret[:])
			c, _ := ciphers(a.secret[:], skey)
			opening = bytes.Clone(opening)
			c.XORKeyStream(opening, opening)
			said = bytes.Join([][]byte{a.keys.public[:], pad, req1[:], name[:], opening}, nil)
		}
		holds(t, r, &r.in, said, cut)
	})
}

func FuzzInitiator(f *testing.F) {
	b := attacker(f, NewInitiator(Seed{}, skey, RC4, nil).keys)
	f.Add(false, []byte{}, []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00"), uint16(700))
	f.Add(false, []byte("pad"), []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x07paddingand payload"), uint16(0))
	f.Add(false, make([]byte, 512), []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x02\x01"), uint16(99))
	f.Add(false, make([]byte, 513), []byte{}, uint16(40))
	f.Add(true, make([]byte, keySize), []byte("x"), uint16(9))
	f.Fuzz(func(t *testing.T, raw bool, pad, opening []byte, cut uint16) {
		i := NewInitiator(Seed{}, skey, Plaintext|RC4, []byte("initial"))
		i.Hello()
		said := bytes.Join([][]byte{pad, opening}, nil)
		if !raw {
			_, c := ciphers(b.secret[:], skey)
			opening = bytes.Clone(opening)
			c.XORKeyStream(opening, opening)
			said = bytes.Join([][]byte{b.keys.public[:], pad, opening}, nil)
		}
		holds(t, i, &i.in, said, cut)
	})
}
