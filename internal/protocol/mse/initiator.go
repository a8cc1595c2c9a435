package mse

import (
	"crypto/rc4"
	"encoding/binary"
	"math/rand/v2"
)

// Initiator is the side that dialled.
//
//	Hello -> awaitingYb -> awaitingVC -> awaitingSelect -> awaitingPadD -> its Session
type Initiator struct {
	state   initiatorState
	keys    keyPair
	random  *rand.ChaCha8
	skey    [20]byte
	provide Methods
	initial []byte

	in     inbox
	vc     [vcSize]byte // as it will arrive
	a, b   *rc4.Cipher
	chosen Methods
	padD   int
}

type initiatorState uint8

const (
	awaitingYb initiatorState = iota
	awaitingVC
	awaitingSelect
	awaitingPadD
)

// NewInitiator makes the side that dials for an info-hash, with the methods that it offers. initial is the beginning of its
// payload, at most 65535 bytes, which travels with the handshake and is always enciphered.
func NewInitiator(seed Seed, skey [20]byte, provide Methods, initial []byte) *Initiator {
	random := rand.NewChaCha8(seed)
	return &Initiator{keys: makeKeyPair(random), random: random, skey: skey, provide: provide, initial: initial}
}

// Hello is what the initiator begins with.
func (i *Initiator) Hello() []byte { return hello(i.keys, i.random) }

// hello is Y and padding: step 1 and step 2.
func hello(k keyPair, random *rand.ChaCha8) []byte {
	b := make([]byte, keySize+padLength(random))
	copy(b, k.public[:])
	random.Read(b[keySize:])
	return b
}

// padLength draws the length of a padding.
func padLength(random *rand.ChaCha8) int { return int(random.Uint64() % (maxPad + 1)) }

// Receive takes what has come from the other side, in portions of any size, and returns what is to be sent. With the session
// the handshake is done; after that, or after an error, there is nothing left to do here. The error is the other side's, unless
// it is ErrShort.
func (i *Initiator) Receive(p []byte) (send []byte, s *Session, err error) {
	i.in.b = append(i.in.b, p...)
	for {
		switch i.state {
		case awaitingYb:
			theirs, ok := i.in.take(keySize)
			if !ok {
				return nil, nil, nil
			}
			if send, err = i.ask(theirs); err != nil {
				return nil, nil, err
			}
			i.state = awaitingVC
		case awaitingVC:
			// "A will be able to resynchronize on ENCRYPT(VC)."
			found, err := i.in.seek(i.vc[:])
			if err != nil {
				return nil, nil, err
			}
			if !found {
				return send, nil, nil
			}
			i.state = awaitingSelect
		case awaitingSelect:
			b, ok := i.in.decipher(4+2, i.b)
			if !ok {
				return send, nil, nil
			}
			i.chosen, i.padD = Methods(binary.BigEndian.Uint32(b)), int(binary.BigEndian.Uint16(b[4:]))
			if i.chosen != Plaintext && i.chosen != RC4 || i.chosen&i.provide == 0 {
				return nil, nil, ErrSelection
			}
			if i.padD > maxPad {
				return nil, nil, ErrPadding
			}
			i.state = awaitingPadD
		case awaitingPadD:
			if _, ok := i.in.decipher(i.padD, i.b); !ok {
				return send, nil, nil
			}
			s := &Session{SKEY: i.skey, Method: i.chosen, In: stream(i.b, i.chosen, 0), Out: stream(i.a, i.chosen, 0), Rest: i.in.b}
			s.In.XOR(s.Rest)
			return send, s, nil
		}
	}
}

// ask is step 3, made once the other side's public key is there.
func (i *Initiator) ask(theirs []byte) ([]byte, error) {
	secret, err := i.keys.secret(theirs)
	if err != nil {
		return nil, err
	}
	if isShort(secret) {
		return nil, ErrShort
	}
	i.a, i.b = ciphers(secret[:], i.skey)
	i.b.XORKeyStream(i.vc[:], i.vc[:])

	req1, name := hash("req1", secret[:]), hiddenName(Req2(i.skey), secret[:])
	padC := padLength(i.random)
	send := make([]byte, 0, 2*hashSize+vcSize+4+2+padC+2+len(i.initial))
	send = append(send, req1[:]...)
	send = append(send, name[:]...)
	opening := len(send)
	send = append(send, make([]byte, vcSize)...)
	send = binary.BigEndian.AppendUint32(send, uint32(i.provide))
	send = binary.BigEndian.AppendUint16(send, uint16(padC))
	send = append(send, make([]byte, padC)...)
	send = binary.BigEndian.AppendUint16(send, uint16(len(i.initial)))
	send = append(send, i.initial...)
	i.a.XORKeyStream(send[opening:], send[opening:])
	return send, nil
}
