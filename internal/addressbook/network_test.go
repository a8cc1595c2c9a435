package addressbook

import (
	"net/netip"
	"testing"
	"time"
)

func (b *Book) of(network netip.Prefix) (n int) {
	for a := range b.table {
		if Network(a.Addr()) == network {
			n++
		}
	}
	return n
}

// TestOneCrowd: ten thousand addresses of one network hold their share and no more, and are dialled in turn with the others.
func TestOneCrowd(t *testing.T) {
	for _, first := range []string{"the crowd", "the others"} {
		t.Run(first+" first", func(t *testing.T) {
			b := newBook()
			crowd := func() {
				for i := range 10_000 {
					b.Add(FromPEX, elsewhere(1000+i%1000).Addr(), address(i))
				}
			}
			if first == "the crowd" {
				crowd()
			}
			for i := range 50 {
				add(b, FromTracker, elsewhere(i))
			}
			if first != "the crowd" {
				crowd()
			}
			if got := b.of(Network(address(0).Addr())); got != perNetwork {
				t.Errorf("the crowd holds %d", got)
			}
			if b.Known() != perNetwork+50 {
				t.Errorf("%d known", b.Known())
			}
			// The 51 networks get a connection each before the crowd gets another.
			held := map[netip.Prefix]int{}
			for range 60 {
				addr, _, _ := b.Next(epoch)
				b.Connected(epoch, addr)
				b.Joined(addr.Addr())
				held[Network(addr.Addr())]++
			}
			if len(held) != 51 || held[Network(address(0).Addr())] != 10 {
				t.Errorf("%d networks, %d of the crowd", len(held), held[Network(address(0).Addr())])
			}
			b.sound(t)
		})
	}
}

// TestOneTeller: whatever one peer, or its neighbours, tell of, they fill a share of the book only.
func TestOneTeller(t *testing.T) {
	b := newBook()
	for i := range 3000 {
		b.Add(FromPEX, address(i%7).Addr(), elsewhere(i))
	}
	if b.Known() != perPeers {
		t.Errorf("%d of one teller", b.Known())
	}
	for i := range 3000 {
		add(b, FromTracker, elsewhere(3000+i))
	}
	if b.Known() != perPeers+perOrigin {
		t.Errorf("%d known", b.Known())
	}
	b.sound(t)
}

// TestFullBook: the most numerous network makes room, in it who failed most; nobody who gave us something does.
func TestFullBook(t *testing.T) {
	b := newBook()
	tell := func(network, i int) {
		a := elsewhere(network).Addr().As4()
		a[2], a[3] = byte(i>>8), byte(i)
		b.Add(FromPEX, elsewhere(i).Addr(), netip.AddrPortFrom(netip.AddrFrom4(a), 1))
	}
	for network := range maxHints / 100 {
		for i := range 100 {
			tell(network, i)
		}
	}
	if b.hints != maxHints {
		t.Fatalf("%d hints", b.hints)
	}
	proven := netip.AddrPortFrom(elsewhere(0).Addr(), 2)
	b.Add(FromPEX, elsewhere(0).Addr(), proven)
	if b.table[proven] != nil {
		t.Error("a network with its share got more at the cost of others")
	}
	addr, _, _ := b.Next(epoch)
	b.Failed(epoch, addr)
	network := b.table[addr].network
	b.Add(FromPEX, elsewhere(0).Addr(), netip.AddrPortFrom(addr.Addr(), 2))
	if b.table[addr] != nil || network.hints != 100 {
		t.Error("who failed did not make room in his own network")
	}
	other, _, _ := b.Next(epoch)
	b.Moved(epoch, other, 1)
	b.Failed(epoch, other)
	for i := range 2000 {
		tell(1000+i/2, i%2)
		if i%100 == 0 {
			b.sound(t)
		}
	}
	if b.hints != maxHints || b.table[other] == nil {
		t.Errorf("%d hints; who gave something is known: %v", b.hints, b.table[other] != nil)
	}
	add(b, FromUser, address(1))
	add(b, FromLink, address(2))
	if b.Known() != maxHints+2 {
		t.Error("whom the user or the link named found no room")
	}
	// What was a hint and is named is no hint any more.
	add(b, FromUser, other)
	if b.hints != maxHints-1 || !b.Named(other) {
		t.Errorf("%d hints", b.hints)
	}
	b.sound(t)
}

// TestVictim: an address announced ten thousand times is dialled three times in an hour, whoever says so.
func TestVictim(t *testing.T) {
	b := newBook()
	dials := 0
	for i := range 10_000 {
		now := epoch.Add(time.Duration(i) * 300 * time.Millisecond)
		b.Add(Origin(3+i%3), elsewhere(i%5000).Addr(), address(1))
		if addr, _, ok := b.Next(now); ok {
			dials++
			b.Failed(now, addr)
		}
	}
	if dials != maxTries {
		t.Errorf("%d dials", dials)
	}
}

func TestNetwork(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.1":        "192.0.0.0/16",
		"::ffff:192.0.2.1": "192.0.0.0/16",
		"2001:db8:1::1":    "2001:db8::/32",
		"fe80::1%eth0":     "fe80::/32",
	} {
		if got := Network(netip.MustParseAddr(ip)); got.String() != want {
			t.Errorf("%s: %v", ip, got)
		}
	}
}
