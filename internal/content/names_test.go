package content

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 254)
	for _, c := range []struct {
		name string
		raw  []string // slashes divide components
		want []string
	}{
		{"no clash", []string{"a", "b/a", "b/b", "c/d/e"}, []string{"a", "b/a", "b/b", "c/d/e"}},
		{"the same", []string{"a.txt", "a.txt", "a.txt"}, []string{"a.txt", "a (1).txt", "a (2).txt"}},
		{"made the same", []string{"a?", "a*", "a_"}, []string{"a_", "a_ (1)", "a_ (2)"}},
		{"number taken", []string{"a", "a (1)", "a"}, []string{"a", "a (1)", "a (2)"}},
		{"case", []string{"README", "readme", "Readme"}, []string{"README", "readme (1)", "Readme (2)"}},
		{"case beyond ASCII", []string{"ÄÖ", "äö", "Σ", "σ", "ς", "K", "\u212a"}, []string{"ÄÖ", "äö (1)", "Σ", "σ (1)", "ς (2)", "K", "\u212a (1)"}},
		{"case of folders", []string{"D/x", "d/y", "d/X"}, []string{"D/x", "d/y", "d/X (1)"}},
		{"file, then folder", []string{"a", "a/b", "A/c"}, []string{"a", "a (1)/b", "A (1)/c"}},
		{"folder, then file", []string{"a/b", "a", "A"}, []string{"a/b", "a (1)", "A (2)"}},
		{"file where a folder is, deep", []string{"x/y/z", "x/y", "x"}, []string{"x/y/z", "x/y (1)", "x (1)"}},
		{"file, then its part", []string{"a", "a.part"}, []string{"a", "a (1).part"}},
		{"part, then its file", []string{"a.PART", "a"}, []string{"a.PART", "a (1)"}},
		{"part alone", []string{"a.part", "b.part"}, []string{"a.part", "b.part"}},
		{"folder like a part", []string{"a", "a.part/b"}, []string{"a", "a (1).part/b"}},
		{"folder like a part, first", []string{"a.part/b", "a"}, []string{"a.part/b", "a (1)"}},
		{"long names with one part", []string{long + "a", long + "b"}, []string{long + "a", long[:246] + " (1)"}},
		{"dots dropped", []string{"a/../b", "a/b"}, []string{"a/b", "a/b (1)"}},
		{"nothing left", []string{"..", "."}, []string{"_", "_ (1)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n Names
			for i, raw := range c.raw {
				got, err := n.Add(strings.Split(raw, "/")...)
				if err != nil {
					t.Fatal(err)
				}
				if got.String() != c.want[i] {
					t.Errorf("%q becomes %q, want %q", raw, got, c.want[i])
				}
				checkSafe(t, got)
			}
		})
	}
}

func TestNamesBounded(t *testing.T) {
	var n Names
	for i := range MaxDuplicates + 1 {
		if _, err := n.Add("dir", "same.txt"); err != nil {
			t.Fatalf("duplicate %d: %v", i, err)
		}
	}
	if _, err := n.Add("dir", "same.txt"); !errors.Is(err, ErrDuplicates) {
		t.Errorf("error is %v", err)
	}

	// Numbers laid in the way of one clash must not cost a search each.
	n = Names{}
	for i := range 20_000 {
		if _, err := n.Add(fmt.Sprintf("x (%d)", i)); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	adds := 0
	for ; err == nil; adds++ {
		_, err = n.Add("x")
	}
	if !errors.Is(err, ErrDuplicates) || adds > 10 {
		t.Errorf("error after %d is %v", adds, err)
	}
}

func TestNamesKeepTheirText(t *testing.T) {
	var n Names
	paths := make([]Path, 5000)
	for i := range paths {
		paths[i], _ = n.Add(fmt.Sprint("d", i%7), fmt.Sprint("file", i))
	}
	for i, p := range paths {
		if want := fmt.Sprintf("d%d/file%d", i%7, i); p.String() != want {
			t.Fatalf("path %d is %q, want %q", i, p, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("a\na\nA/b\na.part")
	f.Add("x/y\nx\nX (1)\nx.PART/q")
	f.Add("\u212a\nk\nK.\nk ")
	f.Fuzz(func(t *testing.T, s string) {
		var n Names
		files, folders := make(map[string]bool), make(map[string]bool)
		key := func(p Path) string {
			return strings.Map(fold, p.String())
		}
		for line := range strings.SplitSeq(s, "\n") {
			p, err := n.Add(strings.Split(line, "/")...)
			if err != nil {
				return
			}
			checkSafe(t, p)
			for _, k := range []string{key(p), key(p.Part())} {
				if files[k] || folders[k] {
					t.Fatalf("%q meets another at %q", p, k)
				}
			}
			files[key(p)], files[key(p.Part())] = true, true
			for d := p.Dir(); !d.IsZero(); d = d.Dir() {
				if files[key(d)] {
					t.Fatalf("folder %q of %q is a file", d, p)
				}
				folders[key(d)] = true
			}
		}
	})
}

func BenchmarkNames(b *testing.B) {
	raw := make([][]string, 10_000)
	for i := range raw {
		raw[i] = []string{fmt.Sprint("folder ", i%100), "sub", fmt.Sprint("file number ", i, ".txt")}
	}
	b.ReportAllocs()
	for b.Loop() {
		var n Names
		for _, r := range raw {
			if _, err := n.Add(r...); err != nil {
				b.Fatal(err)
			}
		}
	}
}
