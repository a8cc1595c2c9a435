package lsd_test

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/lsd"
)

const (
	hexA = "00112233445566778899aabbccddeeff01234567"
	hexB = "ffffffffffffffffffffffffffffffffffffff00"
)

var (
	hashA = [20]byte{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 1, 0x23, 0x45, 0x67}
	hashB = [20]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0}
)

// golden is an announce as the specification lays it out.
const golden = "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: " + hexA + "\r\nInfohash: " + hexB +
	"\r\ncookie: 5f3a9c01\r\n\r\n\r\n"

func announce() lsd.Announce {
	return lsd.Announce{Port: 6881, Hashes: [][20]byte{hashA, hashB}, Cookie: "5f3a9c01"}
}

func TestGolden(t *testing.T) {
	a := announce()
	if got := string(a.Append(nil, lsd.Group4)); got != golden {
		t.Errorf("%q", got)
	}
	if got, err := lsd.Parse([]byte(golden)); err != nil || !reflect.DeepEqual(got, a) {
		t.Error(got, err)
	}
	bare := lsd.Announce{Port: 1, Hashes: [][20]byte{hashA}}
	want := "BT-SEARCH * HTTP/1.1\r\nHost: [ff15::efc0:988f]:6771\r\nPort: 1\r\nInfohash: " + hexA + "\r\n\r\n\r\n"
	if got := string(bare.Append(nil, lsd.Group6)); got != want {
		t.Errorf("%q", got)
	}
}

func TestParse(t *testing.T) {
	one := lsd.Announce{Port: 6881, Hashes: [][20]byte{hashA}}
	for name, tt := range map[string]struct {
		in   string
		want lsd.Announce
	}{
		"any case, no spaces": {"BT-SEARCH * HTTP/1.1\r\nPORT:6881\r\ninfohash:" + strings.ToUpper(hexA) + "\r\n\r\n", one},
		"line feeds only":     {"BT-SEARCH * HTTP/1.0\nPort: 6881\nInfohash: " + hexA + "\n", one},
		"unknown headers":     {"BT-SEARCH * HTTP/1.1\r\nServer: x: y\r\nnonsense\r\nPort: 6881\r\n:\r\nInfohash: " + hexA + "\r\n\r\n", one},
		"what is no hash": {"BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\nInfohash: " + hexA + "\r\nInfohash: 0011\r\nInfohash: " +
			strings.Repeat("g", 40) + "\r\nInfohash: " + hexA + "\r\n\r\n", one},
		"only the first port": {"BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\nPort: 80\r\nInfohash: " + hexA + "\r\n\r\n", one},
		"cut off":             {golden[:strings.Index(golden, hexB)+30], one},
		"behind the end":      {"BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\nInfohash: " + hexA + "\r\n\r\nInfohash: " + hexB + "\r\n", one},
		"long cookie": {"BT-SEARCH * HTTP/1.1\r\nPort: 6881\r\ncookie: " + strings.Repeat("c", 900) + "\r\nInfohash: " + hexA + "\r\n\r\n",
			lsd.Announce{Port: 6881, Hashes: one.Hashes, Cookie: strings.Repeat("c", 32)}},
	} {
		if got, err := lsd.Parse([]byte(tt.in)); err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const head, hash = "BT-SEARCH * HTTP/1.1\r\n", "Infohash: " + hexA + "\r\n"
	for _, in := range []string{
		"", "\r\n", "M-SEARCH * HTTP/1.1\r\nPort: 1\r\n" + hash, "BT-SEARCH * HTTP/2.0\r\nPort: 1\r\n" + hash,
		head, head + hash, head + "Port: 1\r\n", head + "Port: 0\r\n" + hash, head + "Port: 65536\r\n" + hash, head + "Port: -1\r\n" + hash,
		head + hash + "Port: 688", // cut off: it may have been 6881
		head + "Port: 1\r\n" + hash + strings.Repeat("x", 1400),
	} {
		var format *lsd.FormatError
		if a, err := lsd.Parse([]byte(in)); !errors.As(err, &format) {
			t.Errorf("%q: %v, %v", in, a, err)
		}
	}
}

func TestFullDatagramFits(t *testing.T) {
	a := lsd.Announce{Port: 65535, Cookie: strings.Repeat("c", 100)}
	for i := range 100 {
		a.Hashes = append(a.Hashes, [20]byte{byte(i)})
	}
	for _, group := range []netip.AddrPort{lsd.Group4, lsd.Group6} {
		b := a.Append(nil, group)
		got, err := lsd.Parse(b)
		if err != nil || len(got.Hashes) != lsd.MaxHashes || len(b) > lsd.MaxSize || len(b) < lsd.MaxSize-100 {
			t.Error(len(b), len(got.Hashes), err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte("BT-SEARCH * HTTP/1.0\nport:1\nINFOHASH:" + hexB + "\n\n"))
	f.Add([]byte("BT-SEARCH * HTTP/1.1\r\n\r\n"))
	f.Add([]byte(golden[:100]))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := lsd.Parse(b)
		if err != nil {
			return
		}
		if a.Port == 0 || len(a.Hashes) == 0 || len(a.Hashes) > lsd.MaxHashes || len(a.Cookie) > lsd.MaxCookie || strings.ContainsAny(a.Cookie, "\n") {
			t.Fatalf("out of bounds: %+v", a)
		}
		again := a.Append(nil, lsd.Group6)
		if len(again) > lsd.MaxSize {
			t.Fatal("too long:", len(again))
		}
		got, err := lsd.Parse(again)
		// A cookie that was cut may end in a space, which a second reading takes off.
		a.Cookie = strings.TrimSpace(a.Cookie)
		if err != nil || !reflect.DeepEqual(got, a) {
			t.Fatalf("%+v, %v, want %+v", got, err, a)
		}
	})
}
