package blocklist

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func read(t testing.TB, text string) (*List, Counts) {
	t.Helper()
	var b Builder
	n, err := b.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return b.List(), n
}

func zipped(t testing.TB, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestLines(t *testing.T) {
	tests := []struct {
		line    string
		verdict verdict
		span    string // first-last, if it is blocked or allowed
	}{
		{"", nothing, ""}, {"# 192.0.2.0/24", nothing, ""}, {"; note", nothing, ""}, {"// note", nothing, ""},

		{"192.0.2.0/24", blocked, "192.0.2.0-192.0.2.255"},
		{"192.0.2.77/24", blocked, "192.0.2.0-192.0.2.255"},
		{"192.0.2.7", blocked, "192.0.2.7-192.0.2.7"},
		{"192.0.2.0/25 ; SBL1", blocked, "192.0.2.0-192.0.2.127"},
		{"0.0.0.0/0", blocked, "0.0.0.0-255.255.255.255"},
		{"2001:db8::/32", blocked, "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"},
		{"2001:db8::1", blocked, "2001:db8::1-2001:db8::1"},
		{"::ffff:192.0.2.0/120", blocked, "192.0.2.0-192.0.2.255"},
		{"192.0.2.0/33", unreadable, ""}, {"192.0.2.0/-1", unreadable, ""}, {"192.0.2/24", unreadable, ""},
		{"2001:db8::/129", unreadable, ""}, {"fe80::1%eth0/64", unreadable, ""}, {"192.0.2.256", unreadable, ""},

		{"Some body: 2: 192.0.2.1-192.0.2.9", blocked, "192.0.2.1-192.0.2.9"},
		{"a-b, c:192.0.2.1 - 192.0.2.9", blocked, "192.0.2.1-192.0.2.9"},
		{":192.0.2.1-192.0.2.9", blocked, "192.0.2.1-192.0.2.9"},
		{"name:2001:db8::1-2001:db8::9", blocked, "2001:db8::1-2001:db8::9"},
		{"name: x:2001:db8::1-2001:db8::9", blocked, "2001:db8::1-2001:db8::9"},
		{strings.Repeat("n", 3000) + ":2001:db8::1-2001:db8::9", blocked, "2001:db8::1-2001:db8::9"},
		{"192.0.2.1-192.0.2.9", blocked, "192.0.2.1-192.0.2.9"},
		{"name:192.0.2.9-192.0.2.1", unreadable, ""}, {"name:192.0.2.9", unreadable, ""}, {"name:192.0.2.9-2001:db8::1", unreadable, ""},
		{"just a name", unreadable, ""}, {"\xff\xfe", unreadable, ""},

		{"192.000.002.001 - 192.000.002.009 , 000 , name", blocked, "192.0.2.1-192.0.2.9"},
		{"192.0.2.1-192.0.2.9,127,na-me, too", blocked, "192.0.2.1-192.0.2.9"},
		{"192.000.002.001 - 192.000.002.009 , 128 , name", allowed, "192.0.2.1-192.0.2.9"},
		{"2001:db8::1 - 2001:db8::9 , 255 , name", allowed, "2001:db8::1-2001:db8::9"},
		{"192.0.2.1 - 192.0.2.9 , x , name", unreadable, ""},
		{"192.0.2.1 - 1192.0.2.9 , 0 , name", unreadable, ""},
	}
	for _, tt := range tests {
		first, last, v := parseLine([]byte(tt.line))
		span := ""
		if v == blocked || v == allowed {
			span = fmt.Sprintf("%v-%v", first, last)
		}
		if v != tt.verdict || span != tt.span {
			t.Errorf("%.60q: verdict %d, range %q; want %d, %q", tt.line, v, span, tt.verdict, tt.span)
		}
	}
}

func TestList(t *testing.T) {
	text := "# a list\r\nname:192.0.2.10-192.0.2.20\r\n192.0.2.15/32\r\n\r\n192.000.002.018 - 192.000.002.030 , 100 , more\n" +
		"192.0.2.100 - 192.0.2.110 , 200 , good\nnonsense\n2001:db8::/48\n" + strings.Repeat("long", 3000) + "\n198.51.100.1"
	var zip Builder
	n, err := zip.Read(bytes.NewReader(zipped(t, text)))
	if err != nil {
		t.Fatal(err)
	}
	plain, m := read(t, text)
	if want := (Counts{Ranges: 5, Allowed: 1, Unreadable: 2}); n != want || m != want {
		t.Errorf("counted %+v and %+v, want %+v", n, m, want)
	}
	for _, l := range []*List{zip.List(), plain} {
		if l.Len() != 3 {
			t.Errorf("%d ranges, want 3: those that overlap are one", l.Len())
		}
		for addr, want := range map[string]bool{
			"192.0.2.9": false, "192.0.2.10": true, "192.0.2.15": true, "192.0.2.25": true, "192.0.2.30": true, "192.0.2.31": false,
			"192.0.2.105": false, "198.51.100.1": true, "198.51.100.2": false, "::ffff:192.0.2.10": true,
			"2001:db8::": true, "2001:db8:0:ffff::1": true, "2001:db8:1::": false, "::": false, "2001:db8::1%eth0": true,
		} {
			if got := l.Blocks(netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s blocked: %v", addr, got)
			}
		}
	}
	var none *List
	if none.Blocks(netip.MustParseAddr("192.0.2.1")) || none.Len() != 0 || plain.Blocks(netip.Addr{}) {
		t.Error("nothing blocks something")
	}
}

// TestAgainstModel compares lists of random ranges, which overlap in every way, with a table of all addresses.
func TestAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var model [256]bool
		var text strings.Builder
		for range rng.IntN(20) {
			a, b := rng.IntN(256), rng.IntN(256)
			a, b = min(a, b), max(a, b)
			fmt.Fprintf(&text, "x:192.0.2.%d-192.0.2.%d\ny:2001:db8::%x-2001:db8::%x\n", a, b, a, b)
			for i := a; i <= b; i++ {
				model[i] = true
			}
		}
		l, _ := read(t, text.String())
		for i, want := range model {
			v4 := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
			v6 := netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", i))
			if l.Blocks(v4) != want || l.Blocks(v6) != want {
				t.Fatalf("%v: blocked %v, %v, want %v, of\n%s", v4, l.Blocks(v4), l.Blocks(v6), want, text.String())
			}
		}
	}
}

// endless is a text without end.
type endless struct{ text string }

func (e endless) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], e.text)
	}
	return n, nil
}

func TestBounds(t *testing.T) {
	var b Builder
	if _, err := b.Read(endless{"#" + strings.Repeat("x", 1<<20)}); !errors.Is(err, ErrTooLong) {
		t.Errorf("an endless list: %v", err)
	}
	if n, err := b.Read(bytes.NewReader(zipped(t, "192.0.2.1\n")[:20])); err == nil || n.Ranges > 1 {
		t.Errorf("a list that is cut off: %+v, %v", n, err)
	}
	if _, err := b.Read(bytes.NewReader([]byte{31, 139, 0})); err == nil {
		t.Error("what only begins like gzip is taken")
	}
	b = Builder{Most: 100}
	text := ""
	for i := range 100 {
		text += fmt.Sprintf("192.0.2.%d\n", 2*i)
	}
	if n, err := b.Read(strings.NewReader(text + "# the last\n")); err != nil || n.Ranges != 100 {
		t.Errorf("as many ranges as there may be: %+v, %v", n, err)
	}
	if n, err := b.Read(strings.NewReader("198.51.100.1")); !errors.Is(err, ErrTooMany) || n.Ranges != 0 {
		t.Errorf("too many ranges: %+v, %v", n, err)
	}
	b = Builder{Most: 100}
	if n, err := b.Read(strings.NewReader(strings.Repeat("192.0.2.0/24\n", 1000))); err != nil || n.Ranges != 1000 || b.List().Len() != 1 {
		t.Errorf("the same range again and again: %+v, %v", n, err)
	}
}

func million() []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var text []byte
	for range 1_000_000 {
		first := rng.Uint32()
		text = fmt.Appendf(text, "some name:%v-%v\n", netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, first))),
			netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, first|0xff))))
	}
	return text
}

func BenchmarkReadMillion(b *testing.B) {
	text := million()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var builder Builder
		if _, err := builder.Read(bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(builder.List().Len()), "ranges")
	}
}

func BenchmarkBlocks(b *testing.B) {
	var builder Builder
	if _, err := builder.Read(bytes.NewReader(million())); err != nil {
		b.Fatal(err)
	}
	l := builder.List()
	rng := rand.New(rand.NewPCG(3, 4))
	for b.Loop() {
		l.Blocks(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, rng.Uint32()))))
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"192.0.2.0/24\nname:192.0.2.1-192.0.2.9\n192.000.002.001 - 192.000.002.009 , 128 , name\n", "a:2001:db8::1-2001:db8::9\n2001:db8::/32", "-", ":-", "0.0.0.0-255.255.255.255",
		"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n0:0-0::0",
	} {
		f.Add([]byte(seed))
		f.Add(zipped(f, seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Builder
		n, _ := b.Read(bytes.NewReader(data))
		l := b.List()
		if l.Len() > n.Ranges || (l.Len() == 0) != (n.Ranges == 0) {
			t.Fatalf("%d ranges of %+v", l.Len(), n)
		}
		for i, s := range l.v4 {
			if s.last < s.first || i > 0 && s.first <= l.v4[i-1].last {
				t.Fatalf("IPv4 ranges are not sorted and disjoint: %v", l.v4)
			}
		}
		for i, s := range l.v6 {
			if compare128(s.last, s.first) < 0 || i > 0 && compare128(s.first, l.v6[i-1].last) <= 0 {
				t.Fatalf("IPv6 ranges are not sorted and disjoint: %v", l.v6)
			}
		}
	})
}
