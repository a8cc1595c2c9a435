package mse

import (
	"bytes"
	"crypto/rc4"
	"encoding/binary"
	"math/rand/v2"
)

// Responder is the side that accepted.
//
//	awaitingYa -> awaitingReq1 -> awaitingReq2 -> awaitingProvide -> awaitingPadC -> its Session
type Responder struct {
	state  responderState
	random *rand.ChaCha8
	allow  Methods
	find   func(req2 [20]byte) (skey [20]byte, ok bool)

	in     inbox
	secret [keySize]byte
	skey   [20]byte
	a, b   *rc4.Cipher
	chosen Methods
	padC   int
}

type responderState uint8

const (
	awaitingYa responderState = iota
	awaitingReq1
	awaitingReq2
	awaitingProvide
	awaitingPadC
)

// NewResponder makes the side that was dialled, with the methods that it allows. find gives the info-hash whose [Req2] is
// asked for.
func NewResponder(seed Seed, allow Methods, find func(req2 [20]byte) (skey [20]byte, ok bool)) *Responder {
	return &Responder{random: rand.NewChaCha8(seed), allow: allow, find: find}
}

// Receive takes what has come from the other side, in portions of any size, and returns what is to be sent. With the session
// the handshake is done; after that, or after an error, which is the other side's, there is nothing left to do here.
//
// It does not wait for IA, nor keep it: to the session that is what is received first.
func (r *Responder) Receive(p []byte) (send []byte, s *Session, err error) {
	r.in.b = append(r.in.b, p...)
	for {
		switch r.state {
		case awaitingYa:
			theirs, ok := r.in.take(keySize)
			if !ok {
				return nil, nil, nil
			}
			// Only now, for it is what costs: who says less costs nothing.
			var keys keyPair
			if keys, r.secret, err = answerTo(theirs, r.random); err != nil {
				return nil, nil, err
			}
			send = hello(keys, r.random)
			r.state = awaitingReq1
		case awaitingReq1:
			// "B will be able to resynchronize on HASH('req1', S)."
			req1 := hash("req1", r.secret[:])
			found, err := r.in.seek(req1[:])
			if err != nil {
				return nil, nil, err
			}
			if !found {
				return send, nil, nil
			}
			r.state = awaitingReq2
		case awaitingReq2:
			b, ok := r.in.take(hashSize)
			if !ok {
				return send, nil, nil
			}
			if r.skey, ok = r.find(hiddenName([hashSize]byte(b), r.secret[:])); !ok {
				return nil, nil, ErrUnknown
			}
			r.a, r.b = ciphers(r.secret[:], r.skey)
			r.state = awaitingProvide
		case awaitingProvide:
			b, ok := r.in.decipher(vcSize+4+2, r.a)
			if !ok {
				return send, nil, nil
			}
			if err := r.choose(b); err != nil {
				return nil, nil, err
			}
			r.state = awaitingPadC
		case awaitingPadC:
			b, ok := r.in.decipher(r.padC+2, r.a)
			if !ok {
				return send, nil, nil
			}
			initial := int(binary.BigEndian.Uint16(b[r.padC:]))
			send = append(send, r.answer()...)
			s := &Session{SKEY: r.skey, Method: r.chosen, In: stream(r.a, r.chosen, initial), Out: stream(r.b, r.chosen, 0), Rest: r.in.b}
			s.In.XOR(s.Rest)
			return send, s, nil
		}
	}
}

// choose takes VC, crypto_provide and len(PadC). Where both sides allow it the payload travels plain: the handshake has
// hidden what is looked for, and RC4 costs more than all the rest.
func (r *Responder) choose(b []byte) error {
	if !bytes.Equal(b[:vcSize], make([]byte, vcSize)) {
		return ErrVC
	}
	switch both := Methods(binary.BigEndian.Uint32(b[vcSize:])) & r.allow; {
	case both&Plaintext != 0:
		r.chosen = Plaintext
	case both&RC4 != 0:
		r.chosen = RC4
	default:
		return ErrNoMethod
	}
	if r.padC = int(binary.BigEndian.Uint16(b[vcSize+4:])); r.padC > maxPad {
		return ErrPadding
	}
	return nil
}

// answer is step 4.
func (r *Responder) answer() []byte {
	padD := padLength(r.random)
	send := make([]byte, vcSize, vcSize+4+2+padD)
	send = binary.BigEndian.AppendUint32(send, uint32(r.chosen))
	send = binary.BigEndian.AppendUint16(send, uint16(padD))
	send = append(send, make([]byte, padD)...)
	r.b.XORKeyStream(send, send)
	return send
}
