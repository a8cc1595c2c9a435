package bittorrent

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// How an address is dialled, by policy and by what is known of who is there.
func TestWaysToPinned(t *testing.T) {
	key := identity.Key{1}
	nobody, remembered, meant := swarm.Pin{}, swarm.Pin{Key: key, By: swarm.FromPeer}, swarm.Pin{Key: key, By: swarm.FromLink}
	for _, c := range []struct {
		policy mse.Policy
		pin    swarm.Pin
		want   []way
	}{
		{mse.Prefer, nobody, []way{encrypted, plain}},
		{mse.Prefer, remembered, []way{proven, encrypted, plain}},
		{mse.Prefer, meant, []way{proven}},
		{mse.Require, nobody, []way{encrypted}},
		{mse.Require, remembered, []way{proven, encrypted}},
		{mse.Require, meant, []way{proven}},
		{mse.Authenticated, nobody, nil},
		{mse.Authenticated, remembered, []way{proven}},
		{mse.Authenticated, meant, []way{proven}},
		{mse.Off, nobody, []way{plain}},
		{mse.Off, remembered, []way{plain}},
		{mse.Off, meant, []way{plain}},
	} {
		sh := &Shell{cfg: Config{Encryption: c.policy}}
		if got := sh.ways(&Object{Identity: nodeOf(t, 1)}, netip.AddrPort{}, c.pin); !slices.Equal(got, c.want) {
			t.Errorf("%v, pinned by %v, firm %v: %v", c.policy, c.pin.By, c.pin.Firm(), got)
		}
		for _, w := range sh.ways(&Object{}, netip.AddrPort{}, c.pin) {
			if w == proven || c.pin.Firm() && c.policy.TLS() {
				t.Errorf("%v without a key of our own: by %v", c.policy, w)
			}
		}
	}
}

// meeting is what two rigs have of each other.
func meeting(a, b *rig) string {
	first, second := a.lines(), b.lines()
	if len(first) == 0 && len(second) == 0 {
		return "nothing"
	}
	if len(first) != 1 || len(second) != 1 {
		return fmt.Sprintf("%d and %d connections", len(first), len(second))
	}
	var said [2]string
	for i, l := range []*line.Line{first[0], second[0]} {
		switch {
		case !l.Key().IsZero():
			said[i] = "TLS"
		case l.Hidden():
			said[i] = "RC4"
		default:
			said[i] = "plain"
		}
	}
	if said[0] != said[1] {
		return said[0] + " and " + said[1]
	}
	return said[0]
}

// Two potlucks, by what the one that dials knows of the other, and by what both think of encryption. After a moment they are
// connected once, in the best way that both allow.
func TestPotlucksMeet(t *testing.T) {
	const unknown, right, wrong = 0, 1, 3 // keys that are expected of node 1
	for _, c := range []struct {
		from, to mse.Policy
		expected byte
		by       swarm.Origin
		want     string
		dials    int
		stranger bool // is told of
	}{
		{mse.Prefer, mse.Prefer, unknown, 0, "TLS", 2, false},
		{mse.Prefer, mse.Prefer, right, swarm.FromLink, "TLS", 1, false},
		{mse.Prefer, mse.Prefer, right, swarm.FromPeer, "TLS", 1, false},
		{mse.Prefer, mse.Prefer, wrong, swarm.FromLink, "nothing", 1, true},
		{mse.Prefer, mse.Prefer, wrong, swarm.FromPeer, "TLS", 3, false},
		{mse.Prefer, mse.Require, unknown, 0, "TLS", 2, false},
		{mse.Prefer, mse.Off, unknown, 0, "plain", 2, false},
		{mse.Prefer, mse.Off, right, swarm.FromLink, "nothing", 1, false},
		{mse.Prefer, mse.Off, right, swarm.FromPeer, "plain", 3, false},
		{mse.Prefer, mse.Authenticated, unknown, 0, "nothing", 2, false},
		{mse.Prefer, mse.Authenticated, right, swarm.FromLink, "TLS", 1, false},
		{mse.Require, mse.Require, wrong, swarm.FromPeer, "TLS", 3, false},
		{mse.Require, mse.Authenticated, right, swarm.FromPeer, "TLS", 1, false},
		{mse.Off, mse.Prefer, right, swarm.FromLink, "plain", 1, false},
		{mse.Off, mse.Authenticated, right, swarm.FromLink, "nothing", 1, false},
		{mse.Authenticated, mse.Authenticated, right, swarm.FromLink, "TLS", 1, false},
		{mse.Authenticated, mse.Prefer, right, swarm.FromPeer, "TLS", 1, false},
		{mse.Authenticated, mse.Prefer, wrong, swarm.FromLink, "nothing", 1, true},
		{mse.Authenticated, mse.Prefer, wrong, swarm.FromPeer, "nothing", 1, false},
		{mse.Authenticated, mse.Prefer, unknown, 0, "nothing", 0, false},
		{mse.Authenticated, mse.Off, right, swarm.FromLink, "nothing", 1, false},
	} {
		t.Run(fmt.Sprintf("%v dials %v, expecting %d by %d", c.from, c.to, c.expected, c.by), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "hybrid", 32<<10, 300_000, 70_001)
				w := netxtest.NewWorld(1)
				seed := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: c.to, node: 1})
				r := newRig(t, w, "10.0.0.2", s, options{encryption: c.from, node: 2})
				seed.choke.Store(true)
				if c.expected == unknown {
					r.object.Swarm.Found(swarm.FromTracker, seed.addr)
				} else if origin := swarm.FromUser; c.by == swarm.FromPeer {
					r.object.Swarm.FoundNode(c.by, nodeOf(t, c.expected).Key(), seed.addr)
				} else {
					r.object.Swarm.FoundNode(origin, nodeOf(t, c.expected).Key(), seed.addr)
				}
				time.Sleep(time.Second)
				if got := meeting(r, seed); got != c.want {
					t.Errorf("between them is %s", got)
				}
				if n := len(r.host.Dials()); n != c.dials {
					t.Errorf("dialled %d times", n)
				}
				if (len(r.met) == 1) != c.stranger {
					t.Errorf("%d strangers", len(r.met))
				}
				if c.want == "nothing" {
					return
				}
				if pin := r.object.Swarm.Pin(seed.addr); c.want == "TLS" && pin.Key != nodeOf(t, 1).Key() {
					t.Errorf("remembers %v", pin)
				}
				seed.choke.Store(false)
				r.fetched(s)
			})
		})
	}
}

// Once a node has proven its key at an address it is dialled there by TLS at once; when it is no longer there, whoever is comes
// into his own.
func TestProofIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 1<<20)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, node: 1})
		r := newRig(t, w, "10.0.0.2", s, options{node: 2})
		seed.choke.Store(true)
		r.object.Swarm.Found(swarm.FromUser, seed.addr)
		time.Sleep(time.Second)
		ours, theirs := len(r.host.Dials()), len(seed.host.Dials())
		for _, l := range seed.lines() {
			l.Close()
		}
		time.Sleep(30 * time.Second)
		// Either may dial the other; who has to be told the key first dials twice.
		ours, theirs = len(r.host.Dials())-ours, len(seed.host.Dials())-theirs
		if got := meeting(r, seed); got != "TLS" || max(ours, theirs) != 1 {
			t.Errorf("%s after %d and %d more dials", got, ours, theirs)
		}
	})
}

// Blocks, limits and pieces that do not fit in memory, over links that cut everywhere, both ways at once.
func TestProvenFlows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 3<<20)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: mse.Authenticated, node: 1})
		a := newRig(t, w, "10.0.0.2", s, options{encryption: mse.Authenticated, node: 2, down: 300_000})
		b := newRig(t, w, "10.0.0.3", s, options{encryption: mse.Authenticated, node: 3, up: 200_000, budget: 100_000}) // spills
		for _, r := range []*rig{a, b} {
			r.object.Swarm.FoundNode(swarm.FromUser, nodeOf(t, 1).Key(), seed.addr)
		}
		a.object.Swarm.FoundNode(swarm.FromUser, nodeOf(t, 3).Key(), b.addr)
		a.fetched(s)
		b.fetched(s)
	})
}

// The same over what is no TCP.
func TestProvenOverUTP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v2", 16<<10, 1<<20)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, node: 1})
		r := newRig(t, w, "10.0.0.2", s, options{node: 2, utp: &utpTo{host: w.Host("10.0.0.3"), to: seed.addr}})
		w.Host("10.0.0.9") // refuses
		seed.choke.Store(true)
		r.object.Swarm.Found(swarm.FromUser, netip.MustParseAddrPort("10.0.0.9:9000"))
		time.Sleep(time.Second)
		if got := meeting(r, seed); got != "TLS" {
			t.Errorf("between them is %s", got)
		}
		for _, p := range r.object.Swarm.Peers(time.Now()) {
			if p.Key != nodeOf(t, 1).Key() || p.Hidden {
				t.Errorf("%+v", p)
			}
		}
		seed.choke.Store(false)
		r.fetched(s)
	})
}

// Who hides who he is when he is dialled speaks no TLS then; a link's pin does not find him, and he proves himself where he dials.
func TestWhoHides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 1<<20)
		w := netxtest.NewWorld(1)
		hidden := newRig(t, w, "10.0.0.1", s, options{has: true, node: 1, hides: true})
		r := newRig(t, w, "10.0.0.2", s, options{node: 2})
		hidden.choke.Store(true)
		r.object.Swarm.Found(swarm.FromUser, hidden.addr)
		time.Sleep(time.Second)
		if got := meeting(r, hidden); got != "plain" || len(r.host.Dials()) != 1 {
			t.Errorf("between them is %s after %d dials", got, len(r.host.Dials()))
		}
		third := newRig(t, w, "10.0.0.3", s, options{node: 3})
		third.object.Swarm.FoundNode(swarm.FromUser, nodeOf(t, 1).Key(), hidden.addr)
		time.Sleep(time.Second)
		if n := len(third.lines()); n != 0 {
			t.Errorf("%d connections with him", n)
		}
	})
}

// hello is what a client of TLS begins with.
func tlsHello(t *testing.T) []byte {
	t.Helper()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	var both sync.WaitGroup
	both.Go(func() {
		defer ours.Close()
		tls.Client(ours, nodeOf(t, 9).Dial(identity.Key{1})).Handshake()
	})
	b := make([]byte, 16<<10)
	n, err := theirs.Read(b)
	theirs.Close()
	both.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return b[:n]
}

func TestBeginningOfTLS(t *testing.T) {
	hello := tlsHello(t)
	if !line.IsClientHello(hello[:opening]) {
		t.Errorf("% x is not taken for TLS", hello[:opening])
	}
	plain := wire.AppendHandshake(nil, wire.Handshake{})
	if line.IsClientHello(plain[:opening]) {
		t.Error("a plain handshake is taken for TLS")
	}
	random := make([]byte, opening)
	for range 100_000 {
		rand.Read(random)
		random[0], random[1] = hello[0], hello[1] // once in 65,536
		if line.IsClientHello(random) {
			t.Fatalf("% x is taken for TLS", random)
		}
	}
}

// Whoever begins with TLS and does not go on costs no more than any other who keeps us waiting, and nobody else his turn.
func TestHandshakesThatStall(t *testing.T) {
	hello := tlsHello(t)
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 32<<10, 100_000)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, node: 1})
		begun := time.Now()
		var crowd []*peer
		for i := range 200 {
			p := seed.connect(w.Host(fmt.Sprintf("10.1.0.%d", i+1)))
			p.send(hello[:len(hello)-i%2]) // some wait for our answer to be read, some for the rest of their word
			crowd = append(crowd, p)
			synctest.Wait()
		}
		r := newRig(t, w, "10.0.0.2", s, options{node: 2})
		r.object.Swarm.FoundNode(swarm.FromUser, nodeOf(t, 1).Key(), seed.addr)
		r.fetched(s)
		if took := time.Since(begun); took >= handshakePatience {
			t.Errorf("had to wait for %v", took)
		}
		for _, p := range crowd {
			p.hangup()
		}
		if took := time.Since(begun); took > handshakePatience+time.Second {
			t.Errorf("they are kept for %v", took)
		}
		if n := seed.shell.tls.Calculating(); n != 0 {
			t.Errorf("%d desks are taken", n)
		}
	})
}

// A handshake that goes on for ever is ended by its length.
func TestHandshakeWithoutEnd(t *testing.T) {
	hello := tlsHello(t)
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 32<<10, 100_000)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, node: 1})
		p := seed.connect(w.Host("10.0.0.2"))
		// A ClientHello of 64 KiB, in records of 4 KiB.
		head := append([]byte{22, 3, 1, 0x10, 0, 1, 0, 0xff, 0xff}, hello[9:]...)
		head = append(head, make([]byte, 5+4096-len(head))...)
		p.send(head)
		for range 8 {
			if _, err := p.Write(append([]byte{22, 3, 1, 0x10, 0}, make([]byte, 4096)...)); err != nil {
				break
			}
		}
		if took := p.hangup(); took > time.Second {
			t.Errorf("ended after %v", took)
		}
	})
}

// What goes over the wire says nothing: no name of an object, none of ours, and no content.
func TestNothingInClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "hybrid", 32<<10, 100_000)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, node: 1})
		// Somebody in the middle hears everything, and passes it on.
		middle := w.Host("10.0.0.5")
		l, err := middle.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:7000"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var mu sync.Mutex
		var heard bytes.Buffer
		pass := func(to, from net.Conn) {
			defer to.Close()
			b := make([]byte, 64<<10)
			for {
				n, err := from.Read(b)
				mu.Lock()
				heard.Write(b[:n])
				mu.Unlock()
				if _, writeErr := to.Write(b[:n]); err != nil || writeErr != nil {
					return
				}
			}
		}
		go func() {
			for {
				in, err := l.Accept()
				if err != nil {
					return
				}
				out, err := middle.DialTCP(t.Context(), seed.addr)
				if err != nil {
					in.Close()
					continue
				}
				go pass(in, out)
				go pass(out, in)
			}
		}()
		r := newRig(t, w, "10.0.0.2", s, options{node: 2, magnet: true})
		r.object.Swarm.FoundNode(swarm.FromUser, nodeOf(t, 1).Key(), netip.MustParseAddrPort("10.0.0.5:7000"))
		r.fetched(s)
		mu.Lock()
		defer mu.Unlock()
		if heard.Len() < 100_000 {
			t.Fatalf("heard %d bytes", heard.Len())
		}
		v1, _ := s.info.Hash.V1()
		v2, _ := s.info.Hash.V2()
		mine, theirs := nodeOf(t, 1).Key(), nodeOf(t, 2).Key()
		for what, secret := range map[string][]byte{
			"the v1 info-hash": v1[:8], "the v2 info-hash": v2[:8], "the name": []byte("sample"), "the program": []byte("-PK"),
			"the protocol": []byte("BitTorrent"), "content": s.files[0][1000:1016], "a key": mine[:8], "the other key": theirs[:8],
		} {
			if bytes.Contains(heard.Bytes(), secret) {
				t.Errorf("%s was heard", what)
			}
		}
	})
}
