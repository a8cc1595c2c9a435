package addressbook

import (
	"net/netip"
	"testing"
)

func TestBans(t *testing.T) {
	b := make(Bans)
	for _, tt := range []struct {
		ban, ask string
		want     bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.3", "::ffff:192.0.2.3", true},
		{"2001:db8::1", "2001:db8::2", true}, // one network is one person
		{"2001:db8::1", "2001:db8:0:1::1", false},
	} {
		b.Add(epoch, netip.MustParseAddr(tt.ban))
		if got := b.Has(epoch.Add(banFor-1), netip.MustParseAddr(tt.ask)); got != tt.want {
			t.Errorf("%s banned, %s: %v", tt.ban, tt.ask, got)
		}
		if b.Has(epoch.Add(banFor), netip.MustParseAddr(tt.ask)) {
			t.Errorf("%s is banned for ever", tt.ask)
		}
	}
	for i := range 3 * maxBans {
		b.Add(epoch, netip.AddrFrom4([4]byte{1, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if len(b) > maxBans {
		t.Errorf("%d bans", len(b))
	}
}
