package metainfo

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// TestMemoryBounded parses descriptions made to cost much for their length: each may take four times its length, and a
// mebibyte. Those that would cost more must be refused.
func TestMemoryBounded(t *testing.T) {
	const n = 40_000
	build := func(one func(b *strings.Builder, i int)) string {
		var b strings.Builder
		for i := range n {
			one(&b, i)
		}
		return b.String()
	}
	short := build(func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "d6:lengthi0e4:pathl%see", str(fmt.Sprintf("%x", i)))
	})
	folders := build(func(b *strings.Builder, i int) {
		fmt.Fprintf(b, "d6:lengthi0e4:pathl1:a1:b1:c1:d1:e%see", str(fmt.Sprintf("%x", i)))
	})
	pads := build(func(b *strings.Builder, i int) { b.WriteString("d4:attr1:p6:lengthi0ee") })
	tree := build(func(b *strings.Builder, i int) { fmt.Fprintf(b, "%sd0:d6:lengthi0eee", str(fmt.Sprintf("%05x", i))) })
	single := build(func(b *strings.Builder, i int) { fmt.Fprintf(b, "5:%05xd1:ad0:d6:lengthi0eeee", i) })
	deep := strings.Repeat("255:"+strings.Repeat("f", 255)+"d", 15)
	long := deep + tree + strings.Repeat("e", 15)
	for _, c := range []struct {
		what, in string
		refused  bool
	}{
		{"short names", v1("l"+short+"e", 0), false},
		{"folders", v1("l"+folders+"e", 0), false},
		{"padding", v1("l"+pads+file(0, "a")+"e", 0), false},
		{"tree", v2("d" + tree + "e"), false},
		{"tree of folders", v2("d" + single + "e"), false},
		{"tree of long paths", v2("d" + long + "e"), true},
		{"hybrid", hybrid("d"+tree+"e", "l"+build(func(b *strings.Builder, i int) { b.WriteString(file(0, fmt.Sprintf("%05x", i))) })+"e", 0), false},
		{"strings", v1("l"+strings.Repeat("0:", 500_000)+"e", 0), true},
		{"lists", v1("l"+strings.Repeat("le", 500_000)+"e", 0), true},
		{"paths of nothing", v1("l"+dict("length", number(0), "path", "l"+strings.Repeat("0:", 500_000)+"e")+"e", 0), true},
		{"numbers", dict("pieces", "i"+strings.Repeat("9", 1<<20)+"e"), true},
	} {
		checkMemory(t, c.what, c.in, c.refused, func(b []byte) (any, error) { return ParseInfo(b) })
	}

	info := v1(list(file(0, "a")), 0)
	var layers strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&layers, "32:%032d64:%064d", i, i)
	}
	for _, c := range []struct {
		what, in string
		refused  bool
	}{
		{"trackers", dict("announce-list", "l"+strings.Repeat("l1:aleled1:ai1ee1:be", 50_000)+"e", "info", info), false},
		{"tiers", dict("announce-list", "l"+strings.Repeat("le", 500_000)+"e", "info", info), false},
		{"comments", strings.Repeat("7:comment0:", 100_000) + dict("info", info), true},
		{"layers of nothing", dict("info", v2(dict("n", leaf(1))), "piece layers", "d"+layers.String()+"e"), false},
		{"layers", string(made(FormatV2).Append(nil)), false},
	} {
		checkMemory(t, c.what, c.in, c.refused, func(b []byte) (any, error) { return Parse(b) })
	}
}

// checkMemory counts all that is allocated on the way, not only what stays.
func checkMemory(t *testing.T, what, in string, refused bool, parse func([]byte) (any, error)) {
	t.Helper()
	b := []byte(in)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := parse(b)
	runtime.ReadMemStats(&after)
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(4*len(b)+1<<20); got > most {
		t.Errorf("%s: %d bytes of input cost %d in memory, more than %d", what, len(b), got, most)
	}
	if fault := (*Error)(nil); refused != (err != nil) || err != nil && !errors.As(err, &fault) {
		t.Errorf("%s: error is %v", what, err)
	}
}
