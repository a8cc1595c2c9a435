package socks

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func TestMessage(t *testing.T) {
	for _, c := range []struct {
		hex string
		m   Message
	}{
		{"05010001c0000207" + "1ae1", Message{Connect, Addr{IP: netip.MustParseAddr("192.0.2.7"), Port: 6881}}},
		{"05030001000000000000", Message{Associate, Addr{IP: netip.IPv4Unspecified()}}},
		{"05000004" + "20010db8000000000000000000000001" + "0050", Message{Succeeded, Addr{IP: netip.MustParseAddr("2001:db8::1"), Port: 80}}},
		{"0501000303612e62" + "01bb", Message{Connect, Addr{Name: "a.b", Port: 443}}},
	} {
		want, _ := hex.DecodeString(c.hex)
		got, err := AppendMessage(nil, c.m)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v: %x, %v", c.m, got, err)
		}
		m, n, err := ParseMessage(append(want, 1, 2, 3))
		if err != nil || n != len(want) || m != c.m {
			t.Errorf("%s: %+v, %d, %v", c.hex, m, n, err)
		}
		if n, err := MessageSize(want[:HeadSize]); n != len(want) || err != nil {
			t.Errorf("%s: size %d, %v", c.hex, n, err)
		}
		for i := range want {
			if _, _, err := ParseMessage(want[:i]); !errors.Is(err, ErrShort) {
				t.Errorf("%s cut after %d: %v", c.hex, i, err)
			}
		}
	}
	if _, err := AppendMessage(nil, Message{Connect, Addr{Name: strings.Repeat("a", 256)}}); !errors.Is(err, ErrLength) {
		t.Error(err)
	}
	for text, want := range map[string]error{"04010001": ErrVersion, "0501000200000000": ErrFormat, "050100030000000000": ErrFormat} {
		b, _ := hex.DecodeString(text)
		if _, err := MessageSize(b); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
		if _, _, err := ParseMessage(b); !errors.Is(err, want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	// A mapped address is the IPv4 address.
	b, _ := hex.DecodeString("05000004" + "00000000000000000000ffffc0000207" + "0001")
	if m, _, err := ParseMessage(b); err != nil || m.Addr.AddrPort() != netip.MustParseAddrPort("192.0.2.7:1") {
		t.Error(m, err)
	}
}

func TestLogin(t *testing.T) {
	b, err := AppendLogin(nil, "me", "secret")
	if err != nil || !bytes.Equal(b, []byte("\x01\x02me\x06secret")) {
		t.Errorf("%q, %v", b, err)
	}
	for _, c := range [][2]string{{"", "x"}, {"x", strings.Repeat("y", 256)}, {strings.Repeat("x", 256), "x"}} {
		if _, err := AppendLogin(nil, c[0], c[1]); !errors.Is(err, ErrLength) {
			t.Error(c, err)
		}
	}
	for status, right := range map[byte]bool{0: true, 1: false, 0xff: false} {
		if got, err := ParseLoginAnswer([]byte{1, status}); got != right || err != nil {
			t.Error(status, got, err)
		}
	}
	if _, err := ParseLoginAnswer([]byte{5, 0}); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	if _, err := ParseLoginAnswer([]byte{1}); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
}

func TestMethods(t *testing.T) {
	b := AppendGreeting(nil, NoLogin, Password)
	if !bytes.Equal(b, []byte{5, 2, 0, 2}) {
		t.Errorf("%x", b)
	}
	if m, err := ParseChoice([]byte{5, 0xff}); m != NoAcceptable || err != nil {
		t.Error(m, err)
	}
	if _, err := ParseChoice([]byte("HT")); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	if _, err := ParseChoice([]byte{5}); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
}

func TestDatagram(t *testing.T) {
	to := Addr{IP: netip.MustParseAddr("192.0.2.7"), Port: 1}
	b, err := AppendHeader(nil, to)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, "data"...)
	if from, data, err := ParseDatagram(b); from != to || string(data) != "data" || err != nil {
		t.Error(from, data, err)
	}
	b[2] = 1
	if _, _, err := ParseDatagram(b); !errors.Is(err, ErrFragment) {
		t.Error(err)
	}
	if _, _, err := ParseDatagram(b[:2]); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
}

func TestCodes(t *testing.T) {
	for c, want := range map[Code]string{Succeeded: "succeeded", CommandNotSupported: "command not supported", AddressNotSupported: "address type not supported", 77: "error 77"} {
		if c.String() != want {
			t.Errorf("%d: %s", c, c)
		}
	}
}

// Whatever is read is written as it was, and nothing is read behind the end.
func FuzzParse(f *testing.F) {
	for _, m := range []Message{{Connect, Addr{Name: "a.b", Port: 443}}, {Succeeded, Addr{IP: netip.MustParseAddr("2001:db8::1"), Port: 80}}, {Associate, Addr{IP: netip.IPv4Unspecified()}}} {
		b, _ := AppendMessage(nil, m)
		f.Add(b)
		b, _ = AppendHeader(nil, m.Addr)
		f.Add(append(b, "data"...))
	}
	f.Add([]byte{5, 0xff})
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, n, err := ParseMessage(b); err == nil {
			again, err := AppendMessage(nil, m)
			if got, _, e := ParseMessage(again); err != nil || e != nil || got != m || n > MaxMessage || n > len(b) {
				t.Fatalf("%x: %+v, then %+v, %v, %v", b, m, got, err, e)
			}
		}
		if from, data, err := ParseDatagram(b); err == nil {
			again, err := AppendHeader(nil, from)
			got, rest, e := ParseDatagram(append(again, data...))
			if err != nil || e != nil || got != from || !bytes.Equal(rest, data) || len(b)-len(data) > MaxHeader {
				t.Fatalf("%x: %+v, then %+v, %v, %v", b, from, got, err, e)
			}
		}
		_, _ = ParseChoice(b)
		_, _ = ParseLoginAnswer(b)
	})
}
