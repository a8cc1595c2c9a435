package bittorrent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// diary is a log that a test reads.
type diary struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(p)
}

func (d *diary) handler() slog.Handler {
	return slog.NewTextHandler(d, &slog.HandlerOptions{Level: slog.LevelDebug})
}

func (d *diary) says(t *testing.T, what string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !strings.Contains(d.b.String(), what) {
		t.Errorf("nothing of %q in\n%s", what, &d.b)
	}
}

// lines are the connections that a rig has.
func (r *rig) lines() (all []*line.Line) {
	r.object.gate.mu.Lock()
	defer r.object.gate.mu.Unlock()
	for c := range r.object.gate.inside {
		all = append(all, c.conn)
	}
	return all
}

// Who may speak with whom: the payload is enciphered only if somebody requires it.
func TestPoliciesMeet(t *testing.T) {
	type outcome int
	const (
		nothing outcome = iota
		plainly
		hidden
	)
	for _, c := range []struct {
		from, to mse.Policy
		want     outcome
		dials    int
	}{
		{mse.Prefer, mse.Prefer, plainly, 1},
		{mse.Prefer, mse.Require, hidden, 1},
		{mse.Prefer, mse.Off, plainly, 2},
		{mse.Require, mse.Prefer, hidden, 1},
		{mse.Require, mse.Require, hidden, 1},
		{mse.Require, mse.Off, nothing, 1},
		{mse.Off, mse.Prefer, plainly, 1},
		{mse.Off, mse.Require, nothing, 1},
		{mse.Off, mse.Off, plainly, 1},
	} {
		for _, f := range []string{"v1", "v2", "hybrid"} {
			t.Run(fmt.Sprintf("%v dials %v, %s", c.from, c.to, f), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := makeSample(t, f, 32<<10, 300_000, 70_001)
					w := netxtest.NewWorld(1)
					var ours, theirs diary
					seed := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: c.to, log: theirs.handler()})
					r := newRig(t, w, "10.0.0.2", s, options{encryption: c.from, log: ours.handler()})
					seed.choke.Store(true)
					r.object.Swarm.Found(swarm.FromUser, seed.addr)
					time.Sleep(time.Second)
					if n := len(r.host.Dials()); n != c.dials {
						t.Errorf("dialled %d times", n)
					}
					if c.want == nothing {
						if len(r.lines())+len(seed.lines()) != 0 {
							t.Error("they are connected")
						}
						ours.says(t, "does not answer")
						ours.says(t, "encryption="+c.from.String())
						if c.to == mse.Require {
							theirs.says(t, errPlain.Error())
						} else {
							theirs.says(t, errMSE.Error())
						}
						return
					}
					for _, l := range append(r.lines(), seed.lines()...) {
						if l.Hidden() == (c.want == plainly) {
							t.Errorf("%+v", l)
						}
					}
					seed.choke.Store(false)
					r.fetched(s)
				})
			})
		}
	}
}

// A large object over a slow link, so that reads and writes are cut everywhere, both ways at once.
func TestEncryptedFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 3<<20)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: mse.Require})
		a := newRig(t, w, "10.0.0.2", s, options{encryption: mse.Require, down: 300_000})
		b := newRig(t, w, "10.0.0.3", s, options{encryption: mse.Require, up: 200_000, budget: 100_000}) // spills
		for _, r := range []*rig{a, b} {
			r.object.Swarm.Found(swarm.FromUser, seed.addr)
		}
		a.object.Swarm.Found(swarm.FromUser, b.addr)
		a.fetched(s)
		b.fetched(s)
	})
}

// encrypted is the other end of an encrypted connection, played by the test.
func (r *rig) encrypted(p *peer, name [20]byte, provide mse.Methods, initial []byte) *mse.Session {
	r.t.Helper()
	side := mse.NewInitiator(mse.Seed{1}, name, provide, initial)
	p.send(side.Hello())
	buf := make([]byte, 7)
	for {
		n, err := p.Read(buf)
		if err != nil {
			r.t.Fatal(err)
		}
		send, session, err := side.Receive(buf[:n])
		if err != nil {
			r.t.Fatal(err)
		}
		p.send(send)
		if session != nil {
			p.Conn = line.Enciphered(p.Conn, session)
			return session
		}
	}
}

// Our handshake is understood whether it comes with the encrypted one or behind it, cut anywhere.
func TestWhereAHandshakeMayBe(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 100)
	h := wire.AppendHandshake(nil, wire.Handshake{InfoHash: anyName(s), PeerID: [20]byte{'p'}})
	for _, m := range []mse.Methods{mse.Plaintext, mse.RC4} {
		for _, cut := range []int{0, 1, 19, 20, 21, 67, 68} {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{has: true})
				p := r.connect(w.Host("10.0.0.2"))
				if got := r.encrypted(p, anyName(s), m, h[:cut]); got.Method != m {
					t.Fatalf("selected %v", got.Method)
				}
				p.send(h[cut:])
				b := make([]byte, wire.HandshakeSize)
				if _, err := io.ReadFull(p, b); err != nil {
					t.Fatal(err)
				}
				if theirs, err := wire.ParseHandshake(b); err != nil || theirs.InfoHash != anyName(s) {
					t.Errorf("%+v, %v", theirs, err)
				}
				p.alive()
			})
		}
	}
}

// The object is the one that was named when the connection began.
func TestNobodyChangesTheObjectBehindEncryption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		other := metainfo.HashV1{9}
		hash := metainfo.NewInfoHash(&other, nil)
		r.find = func(h [20]byte) *Object {
			if h == other {
				return &Object{Hash: hash}
			}
			return r.object
		}
		p := r.connect(w.Host("10.0.0.2"))
		r.encrypted(p, anyName(s), mse.RC4, nil)
		p.send(wire.AppendHandshake(nil, wire.Handshake{InfoHash: other}))
		if took := p.hangup(); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

// An encrypted connection that stays silent is as short as a plain one.
func TestSlowEncryptionIsDropped(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 100)
	hello := mse.NewInitiator(mse.Seed{}, anyName(s), mse.RC4, nil).Hello()
	for _, n := range []int{20, 95, 96, len(hello)} {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{has: true})
			p := r.connect(w.Host("10.0.0.2"))
			p.send(hello[:n])
			if took := p.hangup(); took != handshakePatience {
				t.Errorf("with %d bytes after %v", n, took)
			}
		})
	}
}

// Somebody who knows no encryption says nothing, or hangs up. The second time they are spoken to plainly at once, until that
// fails too.
func TestFallBack(t *testing.T) {
	for name, c := range map[string]struct {
		hangsUp bool
		after   time.Duration
	}{"who hangs up": {true, 0}, "who is silent": {false, secondTry}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 16<<10, 100)
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{})
				l, err := w.Host("10.0.0.2").ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:9000"))
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				// meet accepts, and says how the connection began and when.
				meet := func() (p *peer, by way) {
					conn, err := l.Accept()
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(func() { conn.Close() })
					b := make([]byte, wire.HandshakeSize)
					if _, err := io.ReadFull(conn, b); err != nil {
						t.Fatal(err)
					}
					if wire.IsHandshake(b) {
						return &peer{Conn: conn, t: t}, plain
					}
					if c.hangsUp {
						conn.Close()
					}
					return &peer{Conn: conn, t: t}, encrypted
				}
				addr := netip.MustParseAddrPort("10.0.0.2:9000")
				r.object.Swarm.Found(swarm.FromUser, addr)
				_, first := meet()
				begun := time.Now()
				p, second := meet()
				if took := time.Since(begun); first != encrypted || second != plain || took != c.after {
					t.Fatalf("%v, and %v after %v", first, second, took)
				}
				p.send(wire.AppendHandshake(nil, wire.Handshake{InfoHash: anyName(s), PeerID: [20]byte{'x'}}))
				p.alive()
				p.Close()
				if p, by := meet(); by != plain {
					t.Errorf("the next time by %v", by)
				} else {
					p.Close()
				}
				if _, by := meet(); by != encrypted {
					t.Errorf("when that fails by %v", by)
				}
			})
		})
	}
}

// Who refuses an object, and is heard to know encryption, is not asked again plainly.
func TestNoFallBackBehindAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", makeSample(t, "v1", 16<<10, 100, 100), options{has: true})
		r := newRig(t, w, "10.0.0.2", s, options{})
		r.object.Swarm.Found(swarm.FromUser, seed.addr)
		time.Sleep(time.Second)
		if n := len(r.host.Dials()); n != 1 {
			t.Errorf("dialled %d times", n)
		}
	})
}

func TestRememberedAddressesAreBounded(t *testing.T) {
	var a addresses
	at := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1)
	}
	for i := range 3 * maxPlain {
		a.add(at(i))
		if !a.has(at(i)) || len(a.young)+len(a.old) > maxPlain {
			t.Fatalf("%d: %d and %d", i, len(a.young), len(a.old))
		}
	}
	if a.has(at(0)) || !a.has(at(3*maxPlain-maxPlain/2)) {
		t.Error("the wrong ones are forgotten")
	}
	a.remove(at(3*maxPlain - 1))
	if a.has(at(3*maxPlain - 1)) {
		t.Error("still there")
	}
}

// agreed is a session of both sides.
func agreed(t *testing.T, m mse.Methods) (initiator, responder *mse.Session) {
	t.Helper()
	name := [20]byte{'n'}
	a := mse.NewInitiator(mse.Seed{1}, name, m, nil)
	b := mse.NewResponder(mse.Seed{2}, m, func([20]byte) ([20]byte, bool) { return name, true })
	said := a.Hello()
	for initiator == nil {
		var err1, err2 error
		said, responder, err1 = b.Receive(said)
		said, initiator, err2 = a.Receive(said)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
	}
	return initiator, responder
}

// Write is for those who go on using what they wrote.
func TestWriteLeavesItsBytesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out, in := agreed(t, mse.RC4)
		a, b := pair(t)
		said := []byte("said once")
		go func() {
			defer a.Close()
			if _, err := line.Enciphered(a, out).Write(said); err != nil {
				t.Error(err)
			}
		}()
		got, err := io.ReadAll(line.Enciphered(b, &mse.Session{In: in.In, Rest: []byte("first, ")}))
		if string(said) != "said once" || string(got) != "first, said once" || err != nil {
			t.Errorf("%q, then %q: %v", said, got, err)
		}
	})
}
