package pex_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/pex"
	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

var epoch = time.Unix(1_700_000_000, 0)

func newExchange(seed uint64) *pex.Exchange { return pex.New(rand.New(rand.NewPCG(seed, 1))) }

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// public is the n-th peer of the internet.
func public(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, 8, byte(n >> 8), byte(n)}), 6881)
}

// partner is one that connected to us from far away and said nothing about where it listens.
func partner(now time.Time) *pex.Partner {
	return pex.NewPartner(now, netip.MustParseAddr("9.9.9.9"), netip.AddrPort{})
}

// tell returns what a partner is told, "" for no message.
func tell(x *pex.Exchange, now time.Time, p *pex.Partner) string {
	m, ok := x.Tell(now, p)
	if !ok {
		return ""
	}
	var s []string
	for _, a := range m.Added {
		s = append(s, "+"+a.Addr.String())
	}
	for _, a := range m.Dropped {
		s = append(s, "-"+a.String())
	}
	slices.Sort(s)
	return fmt.Sprint(s)
}

func TestTellsTheDifference(t *testing.T) {
	x := newExchange(1)
	now := epoch
	p := partner(now)
	if _, ok := x.Next(p); ok {
		t.Error("something to tell while nobody is there")
	}
	step := func(wait time.Duration, want string) {
		t.Helper()
		now = now.Add(wait)
		if got := tell(x, now, p); got != want {
			t.Fatalf("at %v: told %q, want %q", now.Sub(epoch), got, want)
		}
	}
	x.Join(at("1.1.1.1:1"), peer.PEXSeed|peer.PEXReachable)
	step(0, "") // others may come in the first seconds
	x.Join(at("[2600::2]:2"), 0)
	next, ok := x.Next(p)
	if !ok || next != now.Add(5*time.Second) {
		t.Error(next.Sub(now), ok)
	}
	step(5*time.Second, "[+1.1.1.1:1 +[2600::2]:2]")
	x.Join(at("1.1.1.1:1"), 0) // known already
	step(time.Hour, "")
	x.Join(at("3.3.3.3:3"), 0)
	step(0, "[+3.3.3.3:3]") // nothing was sent for an hour
	x.Leave(at("1.1.1.1:1"))
	x.Join(at("4.4.4.4:4"), 0)
	step(time.Minute-1, "")
	step(1, "[+4.4.4.4:4 -1.1.1.1:1]")
	// Who comes and goes, or goes and comes back, in between is not spoken of.
	x.Join(at("5.5.5.5:5"), 0)
	x.Leave(at("5.5.5.5:5"))
	x.Leave(at("4.4.4.4:4"))
	x.Join(at("[::ffff:4.4.4.4]:4"), 0)
	step(time.Minute, "")
	x.Leave(at("6.6.6.6:6")) // never seen
	x.Leave(at("3.3.3.3:3"))
	x.Leave(at("4.4.4.4:4"))
	x.Leave(at("[2600::2]:2"))
	step(0, "[-3.3.3.3:3 -4.4.4.4:4 -[2600::2]:2]")
	step(time.Minute, "")
}

func TestFlagsAreTold(t *testing.T) {
	x := newExchange(1)
	x.Join(at("1.1.1.1:1"), peer.PEXSeed)
	m, ok := x.Tell(epoch.Add(time.Minute), partner(epoch))
	if want := (peer.PEXPeer{Addr: at("1.1.1.1:1"), Flags: peer.PEXSeed}); !ok || len(m.Added) != 1 || m.Added[0] != want {
		t.Error(m, ok)
	}
}

func TestFlagsOfTheMoment(t *testing.T) {
	x := newExchange(1)
	first, second := partner(epoch), partner(epoch)
	now := epoch.Add(time.Minute)
	x.Join(at("1.1.1.1:1"), 0)
	x.Tell(now, first)
	x.Join(at("1.1.1.1:1"), peer.PEXSeed)
	if m, ok := x.Tell(now.Add(time.Hour), first); ok {
		t.Error("told again", m)
	}
	if m, _ := x.Tell(now, second); len(m.Added) != 1 || m.Added[0].Flags != peer.PEXSeed {
		t.Error("not told what it is now", m)
	}
}

func TestAtMostFiftyOfEach(t *testing.T) {
	x := newExchange(1)
	now := epoch
	p, q := partner(now), partner(now)
	for n := range 120 {
		x.Join(public(n), 0)
	}
	known := map[netip.AddrPort]bool{}
	hear := func(p *pex.Partner, added, dropped int) {
		t.Helper()
		m, _ := x.Tell(now, p)
		if len(m.Added) != added || len(m.Dropped) != dropped {
			t.Fatalf("at %v: %d added and %d dropped, want %d and %d", now.Sub(epoch), len(m.Added), len(m.Dropped), added, dropped)
		}
		for _, a := range m.Added {
			if known[a.Addr] {
				t.Fatal("told twice of", a.Addr)
			}
			known[a.Addr] = true
		}
		for _, a := range m.Dropped {
			if !known[a] {
				t.Fatal("dropped without having been added:", a)
			}
			delete(known, a)
		}
	}
	for _, n := range []int{50, 50, 20} {
		now = now.Add(time.Minute)
		hear(p, n, 0)
	}
	if len(known) != 120 {
		t.Error(len(known))
	}
	for n := range 70 {
		x.Leave(public(n))
	}
	now = now.Add(time.Minute)
	hear(p, 0, 50)
	for n := 200; n < 280; n++ {
		x.Join(public(n), 0)
	}
	now = now.Add(time.Minute)
	hear(p, 50, 20)
	now = now.Add(time.Minute)
	hear(p, 30, 0)

	// Another one hears of others first.
	first, _ := x.Tell(now, q)
	third, _ := x.Tell(now, partner(now.Add(-time.Minute)))
	if slices.Equal(first.Added, third.Added) {
		t.Error("two partners heard the same of too many")
	}
}

func TestWhoIsToldOfWhom(t *testing.T) {
	all := []string{"8.8.8.8:1", "192.168.1.7:1", "127.0.0.1:1", "[fe80::1%eth0]:1", "[fd00::1]:1", "0.0.0.0:1", "239.1.1.1:1", "7.7.7.7:0"}
	for _, tt := range []struct{ remote, listen, want string }{
		{"9.9.9.9", "", "[+8.8.8.8:1]"},
		{"8.8.8.8", "8.8.8.8:1", ""}, // not of itself
		{"8.8.8.8", "8.8.8.8:2", "[+8.8.8.8:1]"},
		{"192.168.1.9", "", "[+192.168.1.7:1 +8.8.8.8:1 +[fd00::1]:1]"},
		{"fe80::9%eth0", "", "[+192.168.1.7:1 +8.8.8.8:1 +[fd00::1]:1]"},
		{"127.0.0.1", "", "[+127.0.0.1:1 +192.168.1.7:1 +8.8.8.8:1 +[fd00::1]:1]"},
	} {
		x := newExchange(1)
		for _, a := range all {
			x.Join(at(a), 0)
		}
		var listen netip.AddrPort
		if tt.listen != "" {
			listen = at(tt.listen)
		}
		p := pex.NewPartner(epoch, netip.MustParseAddr(tt.remote), listen)
		if got := tell(x, epoch.Add(time.Minute), p); got != tt.want {
			t.Errorf("%s at %s: told %q, want %q", tt.remote, tt.listen, got, tt.want)
		}
	}
}

// A slot is used again only when nobody has to be told any more that its peer is gone.
func TestSlotsAreUsedAgain(t *testing.T) {
	x := newExchange(1)
	now := epoch
	stays, goes := partner(now), partner(now)
	for round := range 2000 {
		for n := range 10 {
			x.Join(public(round*10+n), 0)
		}
		now = now.Add(time.Minute)
		want := 10
		if round == 0 {
			want = 0
		}
		m, _ := x.Tell(now, stays)
		if len(m.Added) != 10 || len(m.Dropped) != want {
			t.Fatal(round, len(m.Added), len(m.Dropped))
		}
		x.Tell(now, goes)
		if round%7 == 0 {
			x.Part(goes)
			goes = partner(now.Add(-time.Minute))
		}
		for n := range 10 {
			x.Leave(public(round*10 + n))
		}
	}
	if m, _ := x.Tell(now.Add(time.Minute), stays); len(m.Dropped) != 10 {
		t.Error(m)
	}
	x.Part(stays)
	x.Part(stays) // twice does no harm
}

func TestTooManyPeers(t *testing.T) {
	x := newExchange(1)
	for n := range 5000 {
		x.Join(public(n), 0)
	}
	p, now, told := partner(epoch), epoch, 0
	for {
		now = now.Add(time.Minute)
		m, ok := x.Tell(now, p)
		if !ok {
			break
		}
		told += len(m.Added)
	}
	if told != 1024 {
		t.Error(told)
	}
	for n := range 5000 {
		x.Leave(public(n))
	}
	if m, _ := x.Tell(now.Add(time.Minute), p); len(m.Dropped) != 50 {
		t.Error(len(m.Dropped))
	}
}
