package config

import (
	"errors"
	"math/rand/v2"
	"testing"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]Rate{
		"0": 0, "0.0": 0, "0M": 0, "800": 800, "1K": 1000, "1k": 1000, "500K": 500_000, "1.5M": 1_500_000, "2G": 2e9, ".5k": 500,
		"5.": 5, "1.2345K": 1235, "000001": 1, "1000000G": 1e15, "0.3M": 300_000,
	} {
		if got, err := ParseRate(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "K", "fast", "-1", "+1", "1e6", "0x10", "inf", "nan", "1_000", "1 M", " 1", "5MB", "5Mb", "1KK", "1.2.3", ".", "1000001G",
		"0.4", "0.0001K", "99999999999999999999", "１",
	} {
		var e *Error
		if got, err := ParseRate(text); !errors.As(err, &e) {
			t.Errorf("%q: got %d, %v", text, got, err)
		}
	}
}

func TestRateString(t *testing.T) {
	for r, want := range map[Rate]string{
		0: "0", 1: "1", 999: "999", 1000: "1K", 1001: "1.001K", 1_234_567: "1234.567K", 1_500_000: "1.5M", 2_000_000_000: "2G",
	} {
		if got := r.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(r), got, want)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		r := Rate(rng.Int64N(1 << rng.IntN(50)))
		if got, err := ParseRate(r.String()); err != nil || got != r {
			t.Fatalf("%d became %s, then %d, %v", int64(r), r, got, err)
		}
	}
}

func TestParseAddress(t *testing.T) {
	cases := []struct {
		text               string
		want               Address
		wildcard, loopback bool
	}{
		{":0", Address{"", 0}, true, false},
		{":6881", Address{"", 6881}, true, false},
		{"0.0.0.0:1", Address{"0.0.0.0", 1}, true, false},
		{"[::]:1", Address{"::", 1}, true, false},
		{"127.0.0.1:7685", Address{"127.0.0.1", 7685}, false, true},
		{"127.9.9.9:1", Address{"127.9.9.9", 1}, false, true},
		{"[::1]:65535", Address{"::1", 65535}, false, true},
		{"localhost:1", Address{"localhost", 1}, false, true},
		{"192.0.2.7:1", Address{"192.0.2.7", 1}, false, false},
		{"[fe80::1%eth0]:1", Address{"fe80::1%eth0", 1}, false, false},
		{"a-b.example:1", Address{"a-b.example", 1}, false, false},
	}
	for _, c := range cases {
		a, err := ParseAddress(c.text)
		if err != nil || a != c.want || a.IsWildcard() != c.wildcard || a.IsLoopback() != c.loopback {
			t.Errorf("%s: got %+v, %v, wildcard %v, loopback %v", c.text, a, err, a.IsWildcard(), a.IsLoopback())
		}
		if a.String() != c.text {
			t.Errorf("%s became %s", c.text, a)
		}
	}
	for _, text := range []string{
		"", "6881", "host", "1.2.3.4", "::1", "fe80::1:6881", "[::1]", "[::1]x:1", "[1.2.3.4]:1", "[]:1", "[::1:1", "1.2.3.4:", "a:b",
		"a:65536", "a:-1", "a:+1", "a b:1", "300.1.2.3:1", "1.2.3:1", "-a:1", "a..b:1", "a/b:1", "http://a:1", "ä:1", "a:1\n",
	} {
		var e *Error
		if a, err := ParseAddress(text); !errors.As(err, &e) {
			t.Errorf("%q: got %+v, %v", text, a, err)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("127.0.0.1:7685")
	f.Add("[fe80::1%eth0]:0")
	f.Add("host.example.:1")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if b, err := ParseAddress(a.String()); err != nil || b != a {
			t.Fatalf("%q gave %+v, then %+v, %v", s, a, b, err)
		}
	})
}
