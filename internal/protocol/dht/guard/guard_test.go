package guard

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func seeded() *rand.Rand { return rand.New(rand.NewChaCha8([32]byte{1})) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// numbered is one of many addresses, each in a network of its own.
func numbered(i int) netip.AddrPort {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(30<<24+i<<8))
	return netip.AddrPortFrom(netip.AddrFrom4(b), 1)
}

func TestNetworks(t *testing.T) {
	for a, want := range map[string]string{
		"1.2.3.4": "1.2.3.0/24", "::ffff:1.2.3.4": "1.2.3.0/24", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64",
	} {
		if got := NetworkOf(addr(a)).String(); got != want {
			t.Errorf("%s is in %s, want %s", a, got, want)
		}
	}
	if NetworkOf(netip.Addr{}).IsValid() {
		t.Error("no address is in no network")
	}
}

func TestUsable(t *testing.T) {
	public, private, loop := addr("8.8.8.8"), addr("192.168.1.1"), addr("127.0.0.1")
	for _, c := range []struct {
		a      string
		teller netip.Addr
		want   bool
	}{
		{"1.2.3.4:5", public, true},
		{"[2a00::1]:5", public, true},
		{"1.2.3.4:0", public, false},
		{"0.0.0.0:5", public, false},
		{"224.0.0.1:5", public, false},
		{"255.255.255.255:5", public, false},
		{"10.0.0.1:5", public, false}, // a stranger shall not make us knock in our own network
		{"10.0.0.1:5", private, true},
		{"[fe80::1]:5", public, false},
		{"127.0.0.1:5", public, false},
		{"127.0.0.1:5", private, false},
		{"127.0.0.1:5", loop, true},
	} {
		if got := Usable(at(c.a), c.teller); got != c.want {
			t.Errorf("%s told by %s: %v", c.a, c.teller, got)
		}
	}
	if Usable(netip.AddrPort{}, public) {
		t.Error("the zero address")
	}
}

func TestTokens(t *testing.T) {
	mine, other := addr("1.2.3.4"), addr("1.2.3.5")
	for _, c := range []struct {
		name  string
		who   netip.Addr
		after time.Duration
		spoil bool
		want  bool
	}{
		{"at once", mine, 0, false, true},
		{"mapped into IPv6", addr("::ffff:1.2.3.4"), 0, false, true},
		{"with a new secret", mine, 6 * time.Minute, false, true},
		{"too old", mine, 11 * time.Minute, false, false},
		{"of another address", other, 0, false, false},
		{"made up", mine, 0, true, false},
	} {
		tokens := NewTokens(epoch, seeded())
		token := tokens.Issue(epoch, mine)
		if c.spoil {
			token[0]++
		}
		if got := tokens.Valid(epoch.Add(c.after), c.who, token); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	tokens := NewTokens(epoch, seeded())
	if tokens.Valid(epoch, mine, nil) || len(tokens.Issue(epoch, mine)) != TokenSize {
		t.Error("no token is a token")
	}
	// Secrets come one after the other while they are asked for.
	token := tokens.Issue(epoch.Add(4*time.Minute), mine)
	tokens.Issue(epoch.Add(6*time.Minute), mine)
	if !tokens.Valid(epoch.Add(10*time.Minute), mine, token) || tokens.Valid(epoch.Add(11*time.Minute), mine, token) {
		t.Error("a token lives for five to ten minutes")
	}
}

func TestRates(t *testing.T) {
	var l Limits
	a := at("1.2.3.4:5")
	allowed := 0
	for i := range 1000 {
		if l.Ask(epoch, netip.AddrPortFrom(a.Addr(), uint16(i+1))) == Allowed { // other ports are the same address
			allowed++
		}
	}
	if allowed != int(AddressRate.Burst) {
		t.Errorf("%d at once", allowed)
	}
	if v := l.Ask(epoch.Add(time.Second), a); v != Allowed {
		t.Error(v)
	}
	allowed = 0
	for i := range 10_000 {
		if l.Ask(epoch.Add(time.Minute+time.Duration(i)*10*time.Millisecond), a) == Allowed {
			allowed++
		}
	}
	if want := 100*AddressRate.PerSecond + AddressRate.Burst; float64(allowed) > want+1 || float64(allowed) < want-1 {
		t.Errorf("%d in 100 s, want %v", allowed, want)
	}
	// The 256 addresses of a network are one hand.
	verdicts := map[Verdict]int{}
	for i := range 10_000 {
		verdicts[l.Ask(epoch, netip.AddrPortFrom(netip.AddrFrom4([4]byte{9, 9, 9, byte(i)}), 1))]++
	}
	if verdicts[Allowed] != int(NetworkRate.Burst) || verdicts[NetworkTooFast] == 0 {
		t.Error(verdicts)
	}
	// Those on our machine are not.
	for i := range 10_000 {
		if v := l.Ask(epoch, netip.AddrPortFrom(addr("127.0.0.1"), uint16(i+1))); i < maxTracked/2 && v != Allowed {
			t.Fatal(i, v)
		}
	}
}

func TestMadeUpAddressesFillNoMemory(t *testing.T) {
	var l Limits
	for i := range 100_000 {
		l.Ask(epoch, numbered(i))
	}
	if len(l.addresses.buckets) > maxTracked || len(l.networks.buckets) > maxTracked {
		t.Error(len(l.addresses.buckets), len(l.networks.buckets))
	}
	// Whoever was known before keeps his own rate, and those who come after the flood have one again.
	if v := l.Ask(epoch, numbered(0)); v != Allowed {
		t.Error(v)
	}
	if v := l.Ask(epoch.Add(time.Minute), numbered(200_000)); v != Allowed {
		t.Error(v)
	}
	var p Proof
	for i := range 100_000 {
		p.Prove(epoch, numbered(i))
	}
	if len(p.proven) > maxProven || !p.Proven(epoch, numbered(0)) {
		t.Error(len(p.proven))
	}
	p.Prove(epoch.Add(time.Hour), numbered(200_000))
	if len(p.proven) != 1 {
		t.Error("what is too old is kept:", len(p.proven))
	}
}

func TestReplyLimit(t *testing.T) {
	var p Proof
	a := at("1.2.3.4:5")
	if got := p.ReplyLimit(epoch, a, 100); got != 300 {
		t.Error(got)
	}
	if got := p.ReplyLimit(epoch, a, 1000); got != MaxReply {
		t.Error(got)
	}
	p.Prove(epoch, a)
	if got := p.ReplyLimit(epoch, a, 10); got != MaxReply {
		t.Error(got)
	}
	if got := p.ReplyLimit(epoch, at("1.2.3.4:6"), 10); got != 30 {
		t.Error("another port is proven too:", got)
	}
	if got := p.ReplyLimit(epoch.Add(proofAge), a, 10); got != 30 {
		t.Error("proven for ever:", got)
	}
}
