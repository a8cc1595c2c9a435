package peer

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// unhex reads hex golden bytes: spaces are free, and what follows a # until the end of the line says what the bytes are.
func unhex(t testing.TB, golden string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(golden) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const goldenHandshake = `
	13                                               # 19
	42 69 74 54 6f 72 72 65 6e 74                    # BitTorrent
	20 70 72 6f 74 6f 63 6f 6c                       #  protocol
	00 00 00 00 00 10 00 15                          # extended; v2, fast, dht
	aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa aa
	2d 50 4c 30 31 30 30 2d 30 31 32 33 34 35 36 37 38 39 61 62  # -PL0100-0123456789ab
`

func TestHandshakeGolden(t *testing.T) {
	want := Handshake{Reserved: MakeReserved(FeatureExtended, FeatureV2, FeatureFast, FeatureDHT)}
	copy(want.InfoHash[:], bytes.Repeat([]byte{0xaa}, 20))
	copy(want.PeerID[:], "-PL0100-0123456789ab")
	golden := unhex(t, goldenHandshake)
	if got := AppendHandshake(nil, want); !bytes.Equal(got, golden) {
		t.Errorf("appended\n%x, want\n%x", got, golden)
	}
	got, err := ParseHandshake(golden)
	if err != nil || got != want {
		t.Errorf("parsed %+v, %v", got, err)
	}
}

func TestHandshakeInParts(t *testing.T) {
	golden := unhex(t, goldenHandshake)
	for n := range len(golden) + 1 {
		if !IsHandshake(golden[:n]) {
			t.Errorf("first %d bytes not recognised", n)
		}
		h, err := ParseHandshake(golden[:n])
		if whole := n >= InfoHashEnd; (err == nil) != whole {
			t.Errorf("%d bytes: error %v", n, err)
		}
		if err == nil && (h.InfoHash[0] != 0xaa || !h.Reserved.Has(FeatureV2)) {
			t.Errorf("%d bytes: parsed %+v", n, h)
		}
		if err == nil && (h.PeerID[0] == '-') != (n == HandshakeSize) {
			t.Errorf("%d bytes: peer id %q", n, h.PeerID)
		}
	}
}

func TestHandshakeOfSomethingElse(t *testing.T) {
	for _, s := range []string{"GET / HTTP/1.1\r\n", "\x13BitTorrent protocoL" + strings.Repeat("x", 48), "\x14", "\x13bit"} {
		if IsHandshake([]byte(s)) {
			t.Errorf("%q taken for a handshake", s)
		}
		var blame ProtocolError
		if _, err := ParseHandshake([]byte(s)); !errors.As(err, &blame) {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func TestReserved(t *testing.T) {
	features := []Feature{FeatureDHT, FeatureFast, FeatureV2, FeatureExtended}
	for _, set := range features {
		r := MakeReserved(set)
		for _, f := range features {
			if r.Has(f) != (f == set) {
				t.Errorf("bits %x: Has(%d) is %v", r, f, r.Has(f))
			}
		}
	}
	if (Reserved{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}).Has(200) {
		t.Error("has a bit beyond the field")
	}
}

func FuzzParseHandshake(f *testing.F) {
	golden := unhex(f, goldenHandshake)
	f.Add(golden)
	f.Add(golden[:InfoHashEnd])
	f.Add([]byte("\x13BitTorrent protocol"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHandshake(b)
		if err != nil {
			return
		}
		again := AppendHandshake(nil, h)
		known := InfoHashEnd
		if len(b) >= HandshakeSize {
			known = HandshakeSize
		}
		if !bytes.Equal(again[:known], b[:known]) {
			t.Errorf("parsed %x, appended %x", b, again)
		}
	})
}
