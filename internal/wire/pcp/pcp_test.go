package pcp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/pcp"
)

func bin(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var nonce = pcp.Nonce{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}

const (
	nonceHex = "0102030405060708090a0b0c"
	mapped   = "00000000 00000000 0000ffff"
)

func TestRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		got  []byte
		want string
	}{
		"announce": {pcp.AppendAnnounce(nil, netip.MustParseAddr("192.168.1.2")), "02 00 0000 00000000" + mapped + "c0a80102"},
		"map, IPv4": {pcp.Mapping{
			Client: netip.MustParseAddr("192.168.1.2"), Nonce: nonce, Protocol: pcp.TCP, Internal: 6881,
			Suggested: netip.MustParseAddrPort("0.0.0.0:6882"), Lifetime: 7200,
		}.Append(nil), "02 01 0000 00001c20" + mapped + "c0a80102" + nonceHex + "06 000000 1ae1 1ae2" + mapped + "00000000"},
		"map, IPv6": {pcp.Mapping{
			Client: netip.MustParseAddr("2001:db8::2"), Nonce: nonce, Protocol: pcp.UDP, Internal: 6881,
			Suggested: netip.MustParseAddrPort("[::]:6881"),
		}.Append([]byte{7}), "07 02 01 0000 00000000 20010db8 00000000 00000000 00000002" + nonceHex +
			"11 000000 1ae1 1ae1 00000000 00000000 00000000 00000000"},
	} {
		if !bytes.Equal(tt.got, bin(t, tt.want)) {
			t.Errorf("%s: %x, want %s", name, tt.got, tt.want)
		}
	}
}

const reserved = "00000000 00000000 00000000"

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want pcp.Answer
	}{
		{"02 80 00 00 00000000 0000000a" + reserved, pcp.Answer{Epoch: 10}},
		{"02 80 00 01 00000e10 0000000a" + reserved, pcp.Answer{Result: pcp.UnsupportedVersion, Lifetime: 3600, Epoch: 10}},
		{"02 81 00 00 00001c20 0000000a" + reserved + nonceHex + "06 000000 1ae1 1ae2" + mapped + "14010001", pcp.Answer{
			Opcode: pcp.Map, Lifetime: 7200, Epoch: 10, Nonce: nonce, Protocol: pcp.TCP, Internal: 6881,
			External: netip.MustParseAddrPort("20.1.0.1:6882")}},
		{"02 81 00 02 ffffffff ffffffff" + reserved + nonceHex + "11 000000 1ae1 0000 20010db8 00000000 00000000 00000002" + "01000004 00000000", pcp.Answer{
			Opcode: pcp.Map, Result: pcp.NotAuthorized, Lifetime: 1<<32 - 1, Epoch: 1<<32 - 1, Nonce: nonce, Protocol: pcp.UDP, Internal: 6881,
			External: netip.MustParseAddrPort("[2001:db8::2]:0")}},
	} {
		if got, err := pcp.Parse(bin(t, tt.in)); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.in, got, err)
		}
	}
}

func TestNoAnswers(t *testing.T) {
	announce := "02 80 00 00 00000000 0000000a" + reserved
	for _, in := range []string{
		"", "02 80", announce[:len(announce)-2], announce + "00", announce + strings.Repeat("00000000", 270),
		"00 80 00 00 00000000 0000000a" + reserved, "02 00 00 00 00000000 0000000a" + reserved, "02 82 00 00 00000000 0000000a" + reserved,
		"02 81 00 00 00000000 0000000a" + reserved, "02 81 00 00 00001c20 0000000a" + reserved + nonceHex + "06 000000 1ae1 1ae2" + mapped,
	} {
		var format *pcp.FormatError
		if a, err := pcp.Parse(bin(t, in)); !errors.As(err, &format) {
			t.Errorf("%s: %+v, %v", in, a, err)
		}
	}
}

func TestResultsAreWords(t *testing.T) {
	for r := range pcp.ExcessiveRemotePeers + 2 {
		if r.String() == "" {
			t.Error(uint8(r))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(bin(f, "02 80 00 00 00000000 0000000a"+reserved))
	f.Add(bin(f, "02 81 00 00 00001c20 0000000a"+reserved+nonceHex+"06 000000 1ae1 1ae2"+mapped+"14010001"))
	f.Add(bin(f, "02 81 00 02 ffffffff ffffffff"+reserved+nonceHex+"11 000000 1ae1 0000 20010db8 00000000 00000000 00000002 01000004 00000000"))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := pcp.Parse(b)
		if err != nil {
			return
		}
		if len(b) > pcp.MaxSize || a.Opcode > pcp.Map || a.External.Addr().Is4In6() || a.Result.String() == "" {
			t.Fatalf("%+v", a)
		}
	})
}
