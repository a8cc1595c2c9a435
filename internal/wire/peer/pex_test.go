package peer

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

const (
	pexFour = "\x01\x02\x03\x04\x1a\xe1"                                                                 // 1.2.3.4:6881
	pexSix  = "\x26\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50"                 // [2600::1]:80
	pexGone = "\x05\x06\x07\x08\xff\xff"                                                                 // 5.6.7.8:65535
	pexLost = "\x26\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01"                 // [2600::2]:1
	pexFake = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x7f\x00\x00\x01\x1a\xe1"                 // [::ffff:127.0.0.1]:6881
	pexAll  = "d5:added6:" + pexFour + "7:added.f1:\x11" + "6:added618:" + pexSix + "8:added6.f1:\x02" + // keys in sorted order
		"7:dropped6:" + pexGone + "8:dropped618:" + pexLost + "e"
)

var wantPEX = PEX{
	Added: []PEXPeer{
		{netip.MustParseAddrPort("1.2.3.4:6881"), PEXEncryption | PEXReachable},
		{netip.MustParseAddrPort("[2600::1]:80"), PEXSeed},
	},
	Dropped: []netip.AddrPort{netip.MustParseAddrPort("5.6.7.8:65535"), netip.MustParseAddrPort("[2600::2]:1")},
}

func TestPEXGolden(t *testing.T) {
	id, body := extendedBody(t, AppendPEX(nil, 9, wantPEX))
	if id != 9 || string(body) != pexAll {
		t.Errorf("appended id %d, %q", id, body)
	}
	if got, err := ParsePEX([]byte(pexAll)); err != nil || !reflect.DeepEqual(got, wantPEX) {
		t.Errorf("parsed %+v, %v", got, err)
	}
	_, body = extendedBody(t, AppendPEX(nil, 9, PEX{Dropped: wantPEX.Dropped[:1]}))
	if string(body) != "d7:dropped6:"+pexGone+"e" {
		t.Errorf("appended what is empty: %q", body)
	}
}

func TestParsePEXIsLenient(t *testing.T) {
	four := netip.MustParseAddrPort("1.2.3.4:6881")
	for _, tt := range []struct {
		name, body string
		want       PEX
	}{
		{"nothing", "de", PEX{}},
		{"no flags", "d5:added6:" + pexFour + "e", PEX{Added: []PEXPeer{{Addr: four}}}},
		{"too few flags", "d5:added12:" + pexFour + pexGone + "7:added.f1:\x02e",
			PEX{Added: []PEXPeer{{four, PEXSeed}, {Addr: wantPEX.Dropped[0]}}}},
		{"flags keep their place behind a peer without port", "d5:added12:\x01\x01\x01\x01\x00\x00" + pexFour + "7:added.f2:\x01\x02e",
			PEX{Added: []PEXPeer{{four, PEXSeed}}}},
		{"cut peer", "d5:added9:" + pexFour + "\x01\x02\x03e", PEX{Added: []PEXPeer{{Addr: four}}}},
		{"IPv4 in IPv6 clothes, and nobody", "d6:added636:" + pexFake + strings.Repeat("\x00", 16) + "\x1a\xe1" + "e", PEX{}},
		{"wrong kinds", "d5:addedi1e7:added.fle6:added6de7:droppedi2ee", PEX{}},
		{"unknown keys, and something behind", "d5:added6:" + pexFour + "6:reason4:lulzexxx", PEX{Added: []PEXPeer{{Addr: four}}}},
	} {
		if got, err := ParsePEX([]byte(tt.body)); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	for _, body := range []string{"", "le", "i1e", "d5:added", "d5:added6:abce"} {
		var blame ProtocolError
		if _, err := ParsePEX([]byte(body)); !errors.As(err, &blame) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestParsePEXKeepsNoMoreThanMaxPEX(t *testing.T) {
	body := "d5:added720:" + strings.Repeat(pexFour, 120) + "6:added6180:" + strings.Repeat(pexSix, 10) +
		"7:dropped300:" + strings.Repeat(pexGone, 50) + "8:dropped61800:" + strings.Repeat(pexLost, 100) + "e"
	m, err := ParsePEX([]byte(body))
	if err != nil || len(m.Added) != MaxPEX || len(m.Dropped) != MaxPEX {
		t.Fatal(len(m.Added), len(m.Dropped), err)
	}
	// Neither does what is skipped make it read on for long.
	body = "d5:added600000:" + strings.Repeat("\x01\x01\x01\x01\x00\x00", 99_999) + pexFour + "e"
	if m, err := ParsePEX([]byte(body)); err != nil || len(m.Added) != 0 {
		t.Fatal(m, err)
	}
}

func FuzzParsePEX(f *testing.F) {
	f.Add([]byte(pexAll))
	f.Add([]byte("d5:added12:\x01\x01\x01\x01\x00\x00" + pexFour + "7:added.f2:\x01\x02e"))
	f.Add([]byte("d6:added618:" + pexFake + "e"))
	f.Add([]byte("d5:added9:" + pexFour + "\x01\x02\x037:added.fle"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ParsePEX(body)
		if err != nil {
			return
		}
		if len(m.Added) > MaxPEX || len(m.Dropped) > MaxPEX {
			t.Fatal("out of bounds")
		}
		for _, p := range m.Added {
			if !p.Addr.IsValid() || p.Addr.Port() == 0 || p.Addr.Addr().Is4In6() {
				t.Fatalf("added %v", p.Addr)
			}
		}
		_, again := extendedBody(t, AppendPEX(nil, 1, m))
		if got, err := ParsePEX(again); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("parsed %+v, %v, want %+v", got, err, m)
		}
	})
}
