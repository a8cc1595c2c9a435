package bittorrent

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestStrangersAreSentAwayAtOnce(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 100)
	good := wire.AppendHandshake(nil, wire.Handshake{InfoHash: anyName(s)})
	for name, c := range map[string]struct {
		said   string // ! is good-bye
		policy mse.Policy
		after  time.Duration
	}{
		"another protocol":    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", mse.Off, 0},
		"a wrong letter":      {"\x13BitTorrent protocoL" + strings.Repeat("x", 48), mse.Off, 0},
		"an unknown object":   {string(wire.AppendHandshake(nil, wire.Handshake{InfoHash: [20]byte{1}})), mse.Prefer, 0},
		"our own peer id":     {string(wire.AppendHandshake(nil, wire.Handshake{InfoHash: anyName(s), PeerID: [20]byte([]byte("-PK10.0.0.1\x00\x00\x00\x00\x00\x00\x00\x00\x00"))})), mse.Prefer, 0},
		"half and good-bye":   {string(good[:40]) + "!", mse.Prefer, 0},
		"nothing but the end": {"!", mse.Prefer, 0},
		// What is not a plain handshake may be the beginning of an encrypted one.
		"too little for a key":     {strings.Repeat("x", 95), mse.Prefer, handshakePatience},
		"nothing behind a key":     {strings.Repeat("x", 96), mse.Prefer, handshakePatience},
		"noise":                    {strings.Repeat("x", 96+512+20), mse.Prefer, 0},
		"half a key and good-bye":  {strings.Repeat("x", 50) + "!", mse.Prefer, 0},
		"a key that is none":       {string(make([]byte, 96)), mse.Prefer, 0},
		"a plain connection":       {string(good), mse.Require, 0},
		"the beginning of a plain": {string(good[:20]), mse.Require, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: c.policy})
				p := r.connect(w.Host("10.0.0.2"))
				said, leave := strings.CutSuffix(c.said, "!")
				p.send([]byte(said))
				if leave {
					p.Conn.(interface{ CloseWrite() error }).CloseWrite()
				}
				if took := p.hangup(); took != c.after {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestSlowHandshakeIsDropped(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 100)
	good := wire.AppendHandshake(nil, wire.Handshake{InfoHash: anyName(s)})
	for _, n := range []int{0, 1, 20, 48, 67} {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{has: true})
			p := r.connect(w.Host("10.0.0.2"))
			p.send(good[:n])
			if took := p.hangup(); took != handshakePatience {
				t.Errorf("with %d bytes after %v", n, took)
			}
		})
	}
}

// A handshake that has been exchanged leaves no deadline behind.
func TestConnectionOutlivesHandshakePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "patient")
		time.Sleep(2 * handshakePatience)
		p.alive()
	})
}

func TestPromise4_4_ACrowdAtTheDoorKeepsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		wait := func(want int) {
			t.Helper()
			r.shell.waiting.mu.Lock()
			defer r.shell.waiting.mu.Unlock()
			if n := len(r.shell.waiting.inside); n != want {
				t.Errorf("%d wait, not %d", n, want)
			}
		}
		for i := range 2 * maxWaiting / maxFromOne {
			from := w.Host(fmt.Sprintf("10.0.1.%d", i))
			for range 2 * maxFromOne {
				r.connect(from)
				synctest.Wait()
			}
			wait(min((i+1)*maxFromOne, maxWaiting))
		}
		p := r.connect(w.Host("10.0.0.3"))
		p.greet(anyName(s), "honest")
		p.alive()
	})
}

func TestWhichVersionIsSpoken(t *testing.T) {
	hybrid, only := makeSample(t, "hybrid", 16<<10, 100), makeSample(t, "v2", 16<<10, 100)
	for name, c := range map[string]struct {
		s        *sample
		asked    [20]byte
		features []wire.Feature
		answer   [20]byte
		v2       bool
	}{
		"hybrid by v1":                    {hybrid, v1Name(hybrid), nil, v1Name(hybrid), false},
		"hybrid by v1 with the v2 bit":    {hybrid, v1Name(hybrid), []wire.Feature{wire.FeatureV2}, v2Name(hybrid), true},
		"hybrid by v2":                    {hybrid, v2Name(hybrid), []wire.Feature{wire.FeatureV2}, v2Name(hybrid), true},
		"hybrid by v2 without the v2 bit": {hybrid, v2Name(hybrid), nil, v2Name(hybrid), true},
		"v2 only":                         {only, v2Name(only), []wire.Feature{wire.FeatureV2}, v2Name(only), true},
	} {
		t.Run("asked for "+name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", c.s, options{has: true})
				p := r.connect(w.Host("10.0.0.2"))
				if h := p.greet(c.asked, "asks", c.features...); h.InfoHash != c.answer {
					t.Errorf("answered %x", h.InfoHash)
				} else if !h.Reserved.Has(wire.FeatureV2) {
					t.Error("does not say that it speaks v2")
				}
				synctest.Wait()
				if l := r.peers(); len(l) != 1 || l[0].V2 != c.v2 {
					t.Errorf("%+v", l)
				}
			})
		})
	}
}

// Both kinds of handshakes say that we have a node in the DHT, if we have one.
func TestHandshakesTellOfTheDHT(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 100)
	for _, port := range []uint16{0, 7000} {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{dhtPort: port})
			answered := r.connect(w.Host("10.0.0.2")).greet(v1Name(s), "asks")
			_, offered := dialled(t, w, r, "10.0.0.3", s)
			for _, h := range []wire.Handshake{answered, offered} {
				if h.Reserved.Has(wire.FeatureDHT) != (port != 0) {
					t.Errorf("with port %d: %x", port, h.Reserved)
				}
			}
		})
	}
}

// dialled has a rig dial the test, and returns the test's end with the rig's handshake.
func dialled(t *testing.T, w *netxtest.World, r *rig, ip string, s *sample) (*peer, wire.Handshake) {
	t.Helper()
	host := w.Host(ip)
	l, err := host.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:9000"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r.object.Swarm.Found(swarm.FromUser, netip.AddrPortFrom(host.Addr(), 9000))
	return acceptPlain(t, l)
}

// acceptPlain accepts as a client does that knows no encryption: it ends connections that begin by it.
func acceptPlain(t *testing.T, l net.Listener) (*peer, wire.Handshake) {
	t.Helper()
	for {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		b := make([]byte, wire.HandshakeSize)
		if _, err := io.ReadFull(conn, b); err != nil {
			t.Fatal(err)
		}
		if !wire.IsHandshake(b) {
			conn.Close()
			continue
		}
		t.Cleanup(func() { conn.Close() })
		h, err := wire.ParseHandshake(b)
		if err != nil {
			t.Fatal(err)
		}
		return &peer{Conn: conn, t: t}, h
	}
}

func TestWhatIsAnsweredToOurHandshake(t *testing.T) {
	hybrid := makeSample(t, "hybrid", 16<<10, 100)
	for name, c := range map[string]struct {
		answer [20]byte
		v2     bool
		fails  bool
	}{
		"the same":       {answer: v1Name(hybrid)},
		"an upgrade":     {answer: v2Name(hybrid), v2: true},
		"something else": {answer: [20]byte{7}, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", hybrid, options{})
				p, h := dialled(t, w, r, "10.0.0.2", hybrid)
				if h.InfoHash != v1Name(hybrid) || !h.Reserved.Has(wire.FeatureV2) {
					t.Fatalf("it offered %+v", h)
				}
				p.send(wire.AppendHandshake(nil, wire.Handshake{InfoHash: c.answer, PeerID: [20]byte{'x'}}))
				if c.fails {
					if took := p.hangup(); took != 0 {
						t.Errorf("took %v", took)
					}
					return
				}
				p.alive()
				if l := r.peers(); len(l) != 1 || l[0].V2 != c.v2 {
					t.Errorf("%+v", l)
				}
			})
		})
	}
}

func TestNobodyAnswersOurHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		p, _ := dialled(t, w, r, "10.0.0.2", s)
		p.send([]byte{19})
		if took := p.hangup(); took != handshakePatience {
			t.Errorf("took %v", took)
		}
	})
}

// A hybrid is tried by its other name when the first brought no connection.
func TestBothNamesAreTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "hybrid", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		host := w.Host("10.0.0.2")
		l, err := host.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:9000"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		r.object.Swarm.Found(swarm.FromUser, netip.AddrPortFrom(host.Addr(), 9000))
		for _, name := range [][20]byte{v1Name(s), v2Name(s), v1Name(s)} {
			p, h := acceptPlain(t, l)
			if h.InfoHash != name {
				t.Errorf("asked for %x, not %x", h.InfoHash, name)
			}
			p.Close()
		}
	})
}

func TestSelfConnectionIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		r.object.Swarm.Found(swarm.FromUser, r.addr)
		time.Sleep(10 * time.Minute)
		if l := r.peers(); len(l) != 0 {
			t.Errorf("%+v", l)
		}
		if n := len(r.host.Dials()); n != 1 {
			t.Errorf("dialled itself %d times", n)
		}
	})
}

// With the v1 hash alone there is nothing to upgrade to.
func TestMagnetByV1OfAHybridSpeaksV1(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "hybrid", 16<<10, 100, 40_000)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true})
		v1, _ := s.info.Hash.V1()
		r := newRig(t, w, "10.0.0.2", s, options{magnet: true, hash: metainfo.NewInfoHash(&v1, nil)})
		r.object.Swarm.Found(swarm.FromUser, seed.addr)
		r.fetched(s)
		if l := r.peers(); len(l) != 0 && l[0].V2 {
			t.Errorf("%+v", l)
		}
	})
}
