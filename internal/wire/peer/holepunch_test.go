package peer

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

const (
	punchFour = "\x00\x01\x02\x03\x04\x1a\xe1"                                                 // IPv4, 1.2.3.4:6881
	punchSix  = "\x01\x26\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x50" // IPv6, [2600::1]:80
	noError   = "\x00\x00\x00\x00"
)

func TestHolepunchGolden(t *testing.T) {
	four, six := netip.MustParseAddrPort("1.2.3.4:6881"), netip.MustParseAddrPort("[2600::1]:80")
	for _, tt := range []struct {
		m    Holepunch
		body string
	}{
		{Holepunch{Kind: Rendezvous, Addr: four}, "\x00" + punchFour + noError},
		{Holepunch{Kind: Connect, Addr: six}, "\x01" + punchSix + noError},
		{Holepunch{Kind: HolepunchFailed, Addr: four, Err: NoSupport}, "\x02" + punchFour + "\x00\x00\x00\x03"},
	} {
		id, body := extendedBody(t, AppendHolepunch(nil, 7, tt.m))
		if id != 7 || string(body) != tt.body {
			t.Errorf("%v: appended id %d, %q", tt.m.Kind, id, body)
		}
		if got, err := ParseHolepunch([]byte(tt.body)); err != nil || got != tt.m {
			t.Errorf("%v: parsed %+v, %v", tt.m.Kind, got, err)
		}
	}
}

func TestParseHolepunchIsLenient(t *testing.T) {
	four := netip.MustParseAddrPort("1.2.3.4:6881")
	unknown := Holepunch{Kind: HolepunchUnknown}
	for _, tt := range []struct {
		name, body string
		want       Holepunch
	}{
		{"no error code, as libtorrent sends it", "\x01" + punchFour, Holepunch{Kind: Connect, Addr: four}},
		{"an error without a code", "\x02" + punchFour + "\x00\x00", Holepunch{Kind: HolepunchFailed, Addr: four}},
		{"a code of ours is none of theirs", "\x00" + punchFour + "\x00\x00\x00\x03", Holepunch{Kind: Rendezvous, Addr: four}},
		{"a code that is not known", "\x02" + punchFour + "\xff\xff\xff\xff", Holepunch{Kind: HolepunchFailed, Addr: four, Err: 1<<32 - 1}},
		{"something behind", "\x00" + punchFour + noError + "more", Holepunch{Kind: Rendezvous, Addr: four}},
		{"another kind", "\x03" + punchFour + noError, unknown},
		{"another kind, of another shape", "\x09\x00", unknown},
		{"another type of address", "\x00\x02" + strings.Repeat("x", 32), unknown},
	} {
		if got, err := ParseHolepunch([]byte(tt.body)); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	for _, body := range []string{"", "\x00", "\x00\x00", "\x00\x00\x01\x02\x03\x04\x1a", "\x01" + punchSix[:18]} {
		var blame ProtocolError
		if _, err := ParseHolepunch([]byte(body)); !errors.As(err, &blame) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestHolepunchSpeaks(t *testing.T) {
	for e, want := range map[HolepunchError]string{NoSuchPeer: "no address", NotConnected: "not connected", NoSupport: "punches no holes",
		NoSelf: "is the relay", 0: "error 0", 99: "error 99"} {
		if got := e.Error(); !strings.Contains(got, want) {
			t.Errorf("%d: %q", uint32(e), got)
		}
	}
	if Connect.String() != "connect" || HolepunchUnknown.String() != "unknown" {
		t.Error(Connect, HolepunchUnknown)
	}
}

func FuzzParseHolepunch(f *testing.F) {
	f.Add([]byte("\x00" + punchFour + noError))
	f.Add([]byte("\x01" + punchSix + noError))
	f.Add([]byte("\x02" + punchFour + "\x00\x00\x00\x02"))
	f.Add([]byte("\x01" + punchFour))
	f.Add([]byte("\x01\x01" + pexFake + noError))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ParseHolepunch(body)
		if err != nil || m.Kind == HolepunchUnknown {
			if m.Addr.IsValid() || m.Err != 0 {
				t.Fatalf("something of nothing: %+v", m)
			}
			return
		}
		_, again := extendedBody(t, AppendHolepunch(nil, 1, m))
		if got, err := ParseHolepunch(again); err != nil || got != m {
			t.Errorf("parsed %+v, %v, want %+v", got, err, m)
		}
		if len(again) > len(body)+4 {
			t.Errorf("%d bytes of %d", len(again), len(body))
		}
	})
}
