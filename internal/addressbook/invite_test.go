package addressbook

import (
	"net/netip"
	"testing"
	"time"
)

// TestInvited: somebody who is said to come is dialled out of turn, unless he is there, refused, or was tried in vain too often;
// and however often he is named, no more than that.
func TestInvited(t *testing.T) {
	relay := netip.MustParseAddr("192.0.2.1")
	invited := func(b *Book, now time.Time, addr netip.AddrPort) bool {
		_, ok := b.Invited(now, relay, addr)
		if ok && !b.IsDialled(addr) {
			t.Error("not dialled after all")
		}
		return ok
	}
	t.Run("in vain", func(t *testing.T) {
		b := newBook()
		dials := 0
		for i := range 10_000 {
			now := epoch.Add(time.Duration(i) * 100 * time.Millisecond)
			if invited(b, now, address(1)) {
				dials++
				b.Failed(now, address(1))
			}
		}
		if dials != maxTries {
			t.Errorf("dialled %d times in a quarter of an hour", dials)
		}
		if _, try, ok := b.Next(epoch.Add(20 * time.Minute)); ok {
			t.Error("dialled besides, try", try)
		}
	})
	t.Run("not due", func(t *testing.T) {
		b := newBook()
		add(b, FromTracker, address(1))
		b.Next(epoch)
		b.Failed(epoch, address(1))
		if try, ok := b.Invited(epoch, relay, address(1)); !ok || try != 1 {
			t.Errorf("try %d, %v", try, ok)
		}
	})
	t.Run("being dialled, and there", func(t *testing.T) {
		b := newBook()
		add(b, FromTracker, address(1))
		b.Next(epoch)
		if !b.IsDialled(address(1)) || invited(b, epoch, address(1)) {
			t.Error("dialled twice")
		}
		b.Connected(epoch, address(1))
		if invited(b, epoch, address(1)) {
			t.Error("dialled though it is there")
		}
	})
	t.Run("refused", func(t *testing.T) {
		b := newBook()
		b.Bans.Add(epoch, address(1).Addr())
		if invited(b, epoch, address(1)) {
			t.Error("dialled though it lied")
		}
		add(b, FromUser, address(2))
		b.Next(epoch)
		b.Left(epoch, address(2), Self)
		if !b.IsOurs(address(2)) || invited(b, epoch, address(2)) {
			t.Error("dialled ourselves")
		}
	})
	t.Run("a teller's share", func(t *testing.T) {
		b := newBook()
		dials := 0
		for i := range 2 * perPeers {
			if invited(b, epoch, netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i>>8), byte(i), 1, 1}), 6881)) {
				dials++
			}
		}
		if dials != perPeers {
			t.Errorf("%d are known by one word", dials)
		}
	})
}

func TestIsOurs(t *testing.T) {
	b := newBook()
	own := netip.MustParseAddr("198.51.100.7")
	if b.IsOurs(netip.AddrPortFrom(own, b.port)) {
		t.Error("known before it is")
	}
	b.SetOwn(own)
	if !b.IsOurs(netip.AddrPortFrom(own, b.port)) || b.IsOurs(netip.AddrPortFrom(own, b.port+1)) || b.IsOurs(netip.MustParseAddrPort("[2600::1]:6881")) {
		t.Error("another address, or another port")
	}
}
