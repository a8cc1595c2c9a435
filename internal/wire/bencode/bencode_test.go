package bencode

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("l", n) + strings.Repeat("e", n) }
	for _, c := range []struct {
		in   string
		kind Kind // None: refused
	}{
		{"i0e", Integer}, {"i-7e", Integer}, {"i99999999999999999999999e", Integer},
		{"0:", String}, {"4:spam", String}, {"3:a:b", String},
		{"le", List}, {"li1e1:ald1:a0:eee", List},
		{"de", Dict}, {"d1:ai1ee", Dict}, {"d0:0:e", Dict},
		{nest(MaxDepth), List},
		// As real clients do.
		{"d1:bi1e1:ai2ee", Dict}, {"d1:ai1e1:ai2ee", Dict}, {"i03e", Integer}, {"i-0e", Integer}, {"02:ab", String},

		{"", None}, {"e", None}, {"x", None}, {"-", None}, {":", None},
		{"i", None}, {"ie", None}, {"i-e", None}, {"i1", None}, {"i--1e", None}, {"i+1e", None}, {"i1.5e", None}, {"i 1e", None}, {"i0x1e", None},
		{"1", None}, {"1:", None}, {"5:spam", None}, {"-1:a", None}, {"1a:b", None}, {"99999999999999999999999999:a", None},
		{"18446744073709551617:a", None}, {"9223372036854775807:a", None},
		{"l", None}, {"li1e", None}, {"d", None}, {"d1:a", None}, {"d1:ae", None}, {"d1:ai1e", None},
		{"di1e1:ae", None}, {"dle1:ae", None}, {"dde0:e", None},
		{"i1ei2e", None}, {"lee", None}, {"4:spam\n", None},
		{nest(MaxDepth + 1), None}, {strings.Repeat("l", 1_000_000), None}, {strings.Repeat("d1:a", 1_000_000), None},
	} {
		v, err := Parse([]byte(c.in))
		if v.Kind() != c.kind || (err == nil) != (c.kind != None) {
			t.Errorf("%.40q is %v, %v", c.in, v.Kind(), err)
		}
		if syntax := (*SyntaxError)(nil); err != nil && (!errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(c.in)) {
			t.Errorf("%.40q: error is %v", c.in, err)
		}
		if err == nil && string(v.Raw()) != c.in {
			t.Errorf("%.40q is kept as %.40q", c.in, v.Raw())
		}
	}
}

func TestTokensBounded(t *testing.T) {
	list := func(n int) []byte { return []byte("l" + strings.Repeat("le", (n-2)/2) + "e") }
	if _, err := Parse(list(MaxTokens)); err != nil {
		t.Error(err)
	}
	if _, err := Parse(list(MaxTokens + 2)); err == nil {
		t.Error("more tokens than the limit are taken")
	}
}

func TestParsePrefix(t *testing.T) {
	v, rest, err := ParsePrefix([]byte("d5:piecei3eeDATA"))
	if n, _ := v.Get("piece").Int(); err != nil || n != 3 || string(rest) != "DATA" {
		t.Errorf("%v, %q, %v", v, rest, err)
	}
	if _, _, err := ParsePrefix([]byte("d5:piece")); err == nil {
		t.Error("a value cut short is taken")
	}
}

func TestInt(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"i0e", 0, true}, {"i-0e", 0, true}, {"i007e", 7, true}, {"i-12e", -12, true},
		{"i9223372036854775807e", math.MaxInt64, true}, {"i-9223372036854775808e", math.MinInt64, true},
		{"i9223372036854775808e", 0, false}, {"i-9223372036854775809e", 0, false},
		{"i18446744073709551616e", 0, false}, {"i" + strings.Repeat("9", 400) + "e", 0, false},
		{"1:1", 0, false}, {"le", 0, false},
	} {
		v, err := Parse([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := v.Int(); n != c.want || ok != c.ok {
			t.Errorf("%.30q is %d, %v", c.in, n, ok)
		}
	}
}

func TestParts(t *testing.T) {
	v, err := Parse([]byte("d1:ali1e2:xxd1:ki5eee1:bi7e1:bi8e0:3:enee"))
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for k, x := range v.Entries() {
		keys = append(keys, string(k)+"="+string(x.Raw()))
	}
	if want := []string{"a=li1e2:xxd1:ki5eee", "b=i7e", "b=i8e", "=3:ene"}; !slices.Equal(keys, want) {
		t.Errorf("entries are %q", keys)
	}
	if n, ok := v.Get("b").Int(); n != 7 || !ok {
		t.Errorf("b is %d, not the first", n)
	}
	if s, ok := v.Get("").Str(); s != "ene" || !ok {
		t.Errorf("the empty key is %q", s)
	}
	a := v.Get("a")
	var kinds []Kind
	for x := range a.Items() {
		kinds = append(kinds, x.Kind())
	}
	if !slices.Equal(kinds, []Kind{Integer, String, Dict}) {
		t.Errorf("items are %v", kinds)
	}
	for range a.Items() {
		break
	}
	for range v.Entries() {
		break
	}
	if v.Len() != 4 || a.Len() != 3 || v.Get("").Len() != 3 || v.Get("b").Len() != 0 {
		t.Error("lengths are wrong")
	}

	// What does not apply, or is not there, is absent.
	none := v.Get("nothing").Get("at all")
	if _, ok := none.Bytes(); ok || none.Kind() != None || none.Len() != 0 || none.Raw() != nil {
		t.Error("an absent value is something")
	}
	if _, ok := none.Int(); ok {
		t.Error("an absent value is a number")
	}
	for range none.Items() {
		t.Error("an absent value has items")
	}
	for range a.Entries() {
		t.Error("a list has entries")
	}
	for range v.Items() {
		t.Error("a dictionary has items")
	}
	if names := []string{None.String(), Integer.String(), String.String(), List.String(), Dict.String()}; slices.Contains(names, "") {
		t.Errorf("kinds are called %q", names)
	}

	// A view must not let what is appended to it run into the bytes behind it.
	b, _ := v.Get("").Bytes()
	if cap(b) != len(b) || cap(a.Raw()) != len(a.Raw()) {
		t.Error("a view reaches beyond its value")
	}
}

func TestCursor(t *testing.T) {
	v, err := Parse([]byte("d1:ad1:bi1e1:clee1:dde1:ei2ee"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	c := v.Cursor()
	var walk func(path string)
	walk = func(path string) {
		for c.Enter(); c.More(); {
			key := path + string(c.Key())
			if c.Kind() == Dict {
				walk(key)
			} else {
				seen = append(seen, key+"="+string(c.Next().Raw()))
			}
		}
	}
	walk("")
	if want := []string{"ab=i1e", "ac=le", "e=i2e"}; !slices.Equal(seen, want) {
		t.Errorf("seen %q", seen)
	}
	if c.Kind() != None {
		t.Error("the cursor is not at the end")
	}
}

func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		in   string
		want bool
	}{
		{"i0e", true}, {"i-5e", true}, {"i10e", true}, {"0:", true}, {"de", true}, {"le", true},
		{"d1:a0:2:aa0:1:b0:e", true}, {"d1:ad1:bi1ee1:bd1:ai1eee", true}, {"ld1:bleed1:aleee", true},
		{"d1:ad1:z0:e1:b0:e", true},
		{"i-0e", false}, {"i00e", false}, {"i03e", false}, {"i-03e", false},
		{"00:", false}, {"02:ab", false}, {"d01:a0:e", false},
		{"d1:b0:1:a0:e", false}, {"d1:a0:1:a0:e", false}, {"d0:0:0:0:e", false}, {"ld1:b0:1:a0:ee", false},
		{"d1:ali1eli03eeee", false}, {"d1:bd1:z0:e1:a0:e", false},
	} {
		v, err := Parse([]byte(c.in))
		if err != nil {
			t.Fatalf("%q: %v", c.in, err)
		}
		if got := v.Canonical(); got != c.want {
			t.Errorf("%q canonical is %v", c.in, got)
		}
	}
}

func TestAppend(t *testing.T) {
	w := BeginDict([]byte("x"))
	w.Bytes("", []byte{0xff})
	w.Int("a", math.MinInt64)
	w.Raw("b", []byte("le"))
	w.String("c", "ü")
	w.Key("d")
	w.B = AppendBytes(w.B, nil)
	if got := string(w.End()); got != "xd0:1:\xff1:ai-9223372036854775808e1:ble1:c2:ü1:d0:e" {
		t.Errorf("written is %q", got)
	}
	for _, keys := range [][2]string{{"b", "a"}, {"a", "a"}, {"", ""}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("keys %q are taken", keys)
				}
			}()
			w := BeginDict(nil)
			w.Int(keys[0], 1)
			w.Int(keys[1], 1)
		}()
	}
}

// TestNoAllocation holds reading to its promise: views, not copies.
func TestNoAllocation(t *testing.T) {
	b := []byte("d1:ali1e2:xxd1:ki5eee1:bi7e1:c3:enee")
	if n := testing.AllocsPerRun(100, func() {
		v, err := Parse(b)
		if err != nil || !v.Canonical() {
			t.Fatal(err)
		}
		for k, x := range v.Entries() {
			if len(k) != 1 || x.Len() < 0 {
				t.Fatal("wrong")
			}
		}
		if s, _ := v.Get("c").Bytes(); !bytes.Equal(s, b[len(b)-4:len(b)-1]) {
			t.Fatal("wrong")
		}
	}); n > 0 {
		t.Errorf("reading allocates %v times", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"i0e", "i-0e", "i99999999999999999999e", "0:", "4:spam", "le", "de", "d1:ai1e1:bli1e2:xxeee", "d1:bi1e1:ai2ee",
		"99999999999999999999:", strings.Repeat("l", 101), "d0:d0:d0:deeee", "i1ee", "d8:announce3:url4:infod4:name1:a12:piece lengthi16384eee",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := ParsePrefix(b)
		if err != nil {
			return
		}
		if !bytes.Equal(append(bytes.Clone(v.Raw()), rest...), b) {
			t.Fatal("value and rest are not the input")
		}
		again := rewrite(nil, v)
		if v.Canonical() != bytes.Equal(again, v.Raw()) {
			t.Fatalf("%q canonical is %v, rewritten %q", v.Raw(), v.Canonical(), again)
		}
	})
}

// rewrite writes v as it should be: sorted, without repeated keys, and numbers without needless digits.
func rewrite(b []byte, v Value) []byte {
	switch v.Kind() {
	case Integer:
		digits := string(v.Raw()[1 : len(v.Raw())-1])
		sign := ""
		if digits[0] == '-' {
			sign, digits = "-", digits[1:]
		}
		if digits = strings.TrimLeft(digits, "0"); digits == "" {
			sign, digits = "", "0"
		}
		if n, ok := v.Int(); ok && !bytes.Equal(AppendInt(nil, n), []byte("i"+sign+digits+"e")) {
			panic("wrong number")
		}
		return append(b, "i"+sign+digits+"e"...)
	case String:
		s, _ := v.Bytes()
		return AppendBytes(b, s)
	case List:
		b = append(b, 'l')
		for x := range v.Items() {
			b = rewrite(b, x)
		}
		return append(b, 'e')
	default:
		type entry struct {
			k string
			v Value
		}
		var all []entry
		for k, x := range v.Entries() {
			all = append(all, entry{string(k), x})
		}
		slices.SortStableFunc(all, func(x, y entry) int { return strings.Compare(x.k, y.k) })
		all = slices.CompactFunc(all, func(x, y entry) bool { return x.k == y.k })
		w := BeginDict(b)
		for _, e := range all {
			w.Key(e.k)
			w.B = rewrite(w.B, e.v)
		}
		return w.End()
	}
}

func BenchmarkParse(b *testing.B) {
	one := "d6:lengthi123456e4:pathl6:folder13:file name.txtee"
	in := []byte("d5:filesl" + strings.Repeat(one, 10_000) + "ee")
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		v, err := Parse(in)
		if err != nil || v.Get("files").Len() != 10_000 {
			b.Fatal(err)
		}
	}
}
