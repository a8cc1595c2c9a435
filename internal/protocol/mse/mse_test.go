package mse

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
)

var skey = [20]byte([]byte("the info-hash, sha-1"))

// known answers for one object.
func known(req2 [20]byte) ([20]byte, bool) { return skey, req2 == Req2(skey) }

// receiver is what both sides are.
type receiver interface {
	Receive(p []byte) (send []byte, s *Session, err error)
}

// feeder speaks to a side.
type feeder struct {
	t    *testing.T
	side receiver
	sent []byte   // what it answered
	s    *Session // once it is done; what came since is added to its rest
}

// feed says something, in portions of at most n bytes.
func (f *feeder) feed(said []byte, n int) {
	f.t.Helper()
	for p := range slices.Chunk(bytes.Clone(said), n) {
		if f.s != nil {
			f.s.In.XOR(p)
			f.s.Rest = append(f.s.Rest, p...)
			continue
		}
		send, s, err := f.side.Receive(p)
		if err != nil {
			f.t.Fatal(err)
		}
		f.sent, f.s = append(f.sent, send...), s
	}
}

func (f *feeder) is(what string, answer []byte, rest string) {
	f.t.Helper()
	if f.s == nil || string(f.s.Rest) != rest || !bytes.Equal(f.sent, answer) {
		f.t.Fatalf("%s: %+v", what, f.s)
	}
}

// transcript is a handshake as it went over the wire: what each side said, in turn.
type transcript struct{ one, two, three, four []byte }

func seeds(n byte) (a, b Seed) { return Seed{n, 'a'}, Seed{n, 'b'} }

// converse plays a handshake in whole messages.
func converse(t *testing.T, n byte, provide, allow Methods, initial string) (w transcript, a, b *Session) {
	t.Helper()
	seedA, seedB := seeds(n)
	initiator := NewInitiator(seedA, skey, provide, []byte(initial))
	from, to := &feeder{t: t, side: initiator}, &feeder{t: t, side: NewResponder(seedB, allow, known)}
	say := func(f *feeder, said []byte) (answer []byte) {
		f.sent = nil
		f.feed(said, len(said))
		return f.sent
	}
	w.one = initiator.Hello()
	w.two = say(to, w.one)
	w.three = say(from, w.two)
	w.four = say(to, w.three)
	say(from, w.four)
	if from.s == nil || to.s == nil {
		t.Fatal("not done")
	}
	return w, from.s, to.s
}

func TestBothSidesAgree(t *testing.T) {
	const both = Plaintext | RC4
	for _, c := range []struct{ provide, allow, want Methods }{
		{RC4, RC4, RC4},
		{Plaintext, Plaintext, Plaintext},
		{both, both, Plaintext},
		{both, RC4, RC4},
		{RC4, both, RC4},
		{both | 0xfff0, both, Plaintext}, // reserved bits
	} {
		for _, initial := range []string{"", "my handshake", string(make([]byte, 65535))} {
			t.Run(fmt.Sprintf("%x %x with %d", c.provide, c.allow, len(initial)), func(t *testing.T) {
				for n := range byte(20) {
					_, a, b := converse(t, n, c.provide, c.allow, initial)
					if a.Method != c.want || b.Method != c.want || b.SKEY != skey || a.SKEY != skey {
						t.Fatalf("%+v %+v", a, b)
					}
					if string(b.Rest) != initial || len(a.Rest) != 0 {
						t.Fatalf("%d bytes came with the handshake, and %d", len(b.Rest), len(a.Rest))
					}
					carries(t, a.Out, b.In, c.want)
					carries(t, b.Out, a.In, c.want)
				}
			})
		}
	}
}

// carries holds that a stream brings over what another sends, hidden or not.
func carries(t *testing.T, out, in *Stream, m Methods) {
	t.Helper()
	if out.Plain() != (m == Plaintext) || in.Plain() != (m == Plaintext) {
		t.Fatal("a stream that is not what was agreed")
	}
	const said = "\x13BitTorrent protocol and so on"
	for range 3 {
		p := []byte(said)
		out.XOR(p)
		if bytes.Equal(p, []byte(said)) != (m == Plaintext) {
			t.Fatalf("travels as %q", p)
		}
		in.XOR(p[:7])
		in.XOR(p[7:])
		if string(p) != said {
			t.Fatalf("arrives as %q", p)
		}
	}
}

// Nothing that a box could look for is on the wire, and no two handshakes look alike.
func TestNothingIsSeen(t *testing.T) {
	const initial = "\x13BitTorrent protocol"
	lengths := map[int]bool{}
	for n := range byte(50) {
		w, _, _ := converse(t, n, Plaintext|RC4, RC4, initial)
		all := bytes.Join([][]byte{w.one, w.two, w.three, w.four}, nil)
		for _, secret := range [][]byte{[]byte("BitTorrent"), skey[:], make([]byte, vcSize)} {
			if bytes.Contains(all, secret) {
				t.Fatalf("%q is on the wire", secret)
			}
		}
		for _, m := range [][]byte{w.one, w.two, w.three, w.four} {
			lengths[len(m)] = true
		}
	}
	if len(lengths) < 100 {
		t.Errorf("only %d lengths in 200 messages", len(lengths))
	}
}

// However the input is cut, the outcome is the same.
func TestEverySplit(t *testing.T) {
	const initial, payload = "my handshake", "and what follows it"
	for _, m := range []Methods{Plaintext, RC4} {
		seedA, seedB := seeds(222) // with little padding
		w, a, b := converse(t, 222, m, m, initial)
		toA, toB := []byte(payload), []byte(payload)
		a.Out.XOR(toB)
		b.Out.XOR(toA)
		for name, c := range map[string]struct {
			side         func() receiver
			said, answer []byte
			rest         string
		}{
			"initiator": {func() receiver {
				i := NewInitiator(seedA, skey, m, []byte(initial))
				i.Hello()
				return i
			}, slices.Concat(w.two, w.four, toA), w.three, payload},
			"responder": {func() receiver { return NewResponder(seedB, m, known) },
				slices.Concat(w.one, w.three, toB), slices.Concat(w.two, w.four), initial + payload},
		} {
			// Cut once at every place, and cut all over.
			for at := 1; at <= len(c.said); at++ {
				f := feeder{t: t, side: c.side()}
				f.feed(c.said[:at], at)
				f.feed(c.said[at:], len(c.said))
				f.is(fmt.Sprintf("%s cut at %d", name, at), c.answer, c.rest)
			}
			for _, n := range []int{1, 2, 3, 19} {
				f := feeder{t: t, side: c.side()}
				f.feed(c.said, n)
				f.is(fmt.Sprintf("%s by %d", name, n), c.answer, c.rest)
			}
		}
	}
}

// The beginning of the payload is enciphered even where the rest is not.
func TestInitialPayloadBeforePlaintext(t *testing.T) {
	w, _, _ := converse(t, 1, Plaintext, Plaintext, "hidden")
	_, seedB := seeds(1)
	f := feeder{t: t, side: NewResponder(seedB, Plaintext, known)}
	f.feed(w.one, len(w.one))
	some := len(w.three) - 3
	f.feed(w.three[:some], some)
	if f.s == nil || string(f.s.Rest) != "hid" || f.s.In.Plain() {
		t.Fatalf("%+v", f.s)
	}
	f.feed(slices.Concat(w.three[some:], []byte("plain")), 8)
	if string(f.s.Rest) != "hiddenplain" || !f.s.In.Plain() {
		t.Errorf("%+v", f.s)
	}
}

// RFC 6229, key of 40 bits, at offset 1024.
func TestTheBeginningOfRC4IsDiscarded(t *testing.T) {
	got := make([]byte, 16)
	makeCipher([]byte{1, 2, 3, 4, 5}).XORKeyStream(got, got)
	if want := "30abbcc7c20b01609f23ee2d5f6bb7df"; hex.EncodeToString(got) != want {
		t.Errorf("%x", got)
	}
}

func TestGroup(t *testing.T) {
	if prime.BitLen() != 8*keySize || !prime.ProbablyPrime(20) {
		t.Error("P is not a prime of 768 bits")
	}
	if half := new(big.Int).Rsh(primeLess1, 1); !half.ProbablyPrime(20) {
		t.Error("P is not a safe prime")
	}
	for n := range byte(50) {
		a, b := makeKeyPair(rand.NewChaCha8(Seed{n, 1})), makeKeyPair(rand.NewChaCha8(Seed{n, 2}))
		if a.private.BitLen() != 8*secretSize {
			t.Errorf("a secret of %d bits", a.private.BitLen())
		}
		s, err1 := a.secret(b.public[:])
		other, err2 := b.secret(a.public[:])
		if s != other || errors.Join(err1, err2) != nil {
			t.Errorf("%x and %x", s, other)
		}
	}
}

func TestPolicies(t *testing.T) {
	for name, c := range map[string]struct {
		policy  Policy
		methods Methods
		plain   bool
	}{
		"prefer":  {Prefer, Plaintext | RC4, true},
		"require": {Require, RC4, false},
		"off":     {Off, 0, true},

		"authenticated": {Authenticated, 0, false},
	} {
		p, ok := ParsePolicy(name)
		if !ok || p != c.policy || p.String() != name || p.Methods() != c.methods || p.Plain() != c.plain {
			t.Errorf("%s: %v %v %v %v", name, ok, p, p.Methods(), p.Plain())
		}
	}
	if p, ok := ParsePolicy("on"); ok || p != Prefer {
		t.Error("there is a policy called on")
	}
}
