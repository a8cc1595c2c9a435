package natpmp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/natpmp"
)

func bin(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		got  []byte
		want string
	}{
		{natpmp.AppendExternalAddress(nil), "00 00"},
		{natpmp.Mapping{Op: natpmp.MapUDP, Internal: 6881, Suggested: 6882, Lifetime: 7200}.Append(nil), "00 01 0000 1ae1 1ae2 00001c20"},
		{natpmp.Mapping{Op: natpmp.MapTCP, Internal: 6881}.Append([]byte{9}), "09 00 02 0000 1ae1 0000 00000000"},
	} {
		if !bytes.Equal(tt.got, bin(t, tt.want)) {
			t.Errorf("%x, want %s", tt.got, tt.want)
		}
	}
}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want natpmp.Answer
	}{
		{"00 80 0000 00000102 14010001", natpmp.Answer{Epoch: 258, Address: netip.MustParseAddr("20.1.0.1")}},
		{"00 81 0000 00000001 1ae1 1ae2 00001c20", natpmp.Answer{Op: natpmp.MapUDP, Epoch: 1, Internal: 6881, External: 6882, Lifetime: 7200}},
		{"00 82 0000 ffffffff 0001 ffff ffffffff 99", natpmp.Answer{Op: natpmp.MapTCP, Epoch: 1<<32 - 1, Internal: 1, External: 65535, Lifetime: 1<<32 - 1}},
		{"00 82 0002 00000005", natpmp.Answer{Op: natpmp.MapTCP, Result: natpmp.NotAuthorized, Epoch: 5}},
		{"00 80 0001", natpmp.Answer{Result: natpmp.UnsupportedVersion}},
		{"00 ff 0005 00000005", natpmp.Answer{Op: 0x7f, Result: natpmp.UnsupportedOpcode, Epoch: 5}},
	} {
		if got, err := natpmp.Parse(bin(t, tt.in)); err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.in, got, err)
		}
	}
}

func TestNoAnswers(t *testing.T) {
	for _, in := range []string{
		"", "00 80 00", "00 00 0000", "02 80 0000 00000000", "00 80 0000 00000000 140100", "00 81 0000 00000001 1ae1 1ae2 0000",
		"00 83 0000 00000001 1ae1 1ae2 00000000",
	} {
		var format *natpmp.FormatError
		if a, err := natpmp.Parse(bin(t, in)); !errors.As(err, &format) {
			t.Errorf("%s: %+v, %v", in, a, err)
		}
	}
}

func TestResultsAreWords(t *testing.T) {
	seen := map[string]bool{}
	for r := range natpmp.UnsupportedOpcode + 2 {
		if s := r.String(); s == "" || seen[s] {
			t.Error(r, s)
		} else {
			seen[s] = true
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"00 80 0000 00000102 14010001", "00 81 0000 00000001 1ae1 1ae2 00001c20", "00 80 0001", "02 80 0001 00000000"} {
		f.Add(bin(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := natpmp.Parse(b)
		if err != nil {
			return
		}
		if a.Result == natpmp.Success && a.Op == natpmp.ExternalAddress && !a.Address.Is4() {
			t.Fatalf("%+v", a)
		}
		if a.Op > 0x7f || a.Result.String() == "" {
			t.Fatalf("%+v", a)
		}
	})
}
