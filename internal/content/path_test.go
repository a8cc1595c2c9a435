package content

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMakePath(t *testing.T) {
	long := strings.Repeat("x", 300)
	for _, c := range []struct {
		raw  []string
		want string
	}{
		// Safe names come through as they are.
		{[]string{"a"}, "a"},
		{[]string{"a", "b.txt"}, "a/b.txt"},
		{[]string{".hidden"}, ".hidden"},
		{[]string{" leading", "two  spaces"}, " leading/two  spaces"},
		{[]string{"日本語.txt"}, "日本語.txt"},
		{[]string{"e\u0301"}, "e\u0301"},
		{[]string{"👩\u200d💻"}, "👩\u200d💻"},
		{[]string{"it's [100%] #1; $x & {y}~`!@^=+,.z"}, "it's [100%] #1; $x & {y}~`!@^=+,.z"},
		{[]string{"console", "com", "com10", "nulls.txt", "lpt"}, "console/com/com10/nulls.txt/lpt"},
		{[]string{"a.part"}, "a.part"},
		{[]string{strings.Repeat("x", 255)}, strings.Repeat("x", 255)},
		// Nothing leads out of the folder.
		{[]string{".."}, "_"},
		{[]string{"..", "..", "etc", "passwd"}, "etc/passwd"},
		{[]string{"a", ".", "", "b"}, "a/b"},
		{[]string{}, "_"},
		{[]string{"", ""}, "_"},
		{[]string{"../../etc/passwd"}, ".._.._etc_passwd"},
		{[]string{`..\..\boot.ini`}, ".._.._boot.ini"},
		{[]string{"/", "a"}, "_/a"},
		{[]string{"/etc"}, "_etc"},
		{[]string{`C:\x`}, "C__x"},
		{[]string{"..."}, ".._"},
		{[]string{".. "}, ".._"},
		// Characters.
		{[]string{"a\x00b"}, "a_b"},
		{[]string{"a\x1b[31mb\x7f\u0085"}, "a_[31mb__"},
		{[]string{`<>:"|?*`}, "_______"},
		{[]string{"photo\u202egpj.exe"}, "photo_gpj.exe"},
		{[]string{"\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028"}, "________"},
		{[]string{"a\xff\xfeb\xc0\xae"}, "a__b__"},
		{[]string{"\xed\xa0\x80"}, "___"},
		{[]string{"\ufffd"}, "\ufffd"},
		// What Windows would change or take for a device.
		{[]string{"a."}, "a_"},
		{[]string{"a ", "b"}, "a_/b"},
		{[]string{"CON"}, "CON_"},
		{[]string{"nul.txt"}, "nul_.txt"},
		{[]string{"Aux .tar.gz"}, "Aux_ .tar.gz"},
		{[]string{"COM1", "lpt9.x", "com0", "COM¹"}, "COM1_/lpt9_.x/com0_/COM¹_"},
		{[]string{"conin$", "CONOUT$.x"}, "conin$_/CONOUT$_.x"},
		// Lengths.
		{[]string{long}, long[:255]},
		{[]string{long + ".flac"}, long[:250] + ".flac"},
		{[]string{long + ".tar.gz"}, long[:252] + ".gz"},
		{[]string{strings.Repeat("ä", 200) + ".txt"}, strings.Repeat("ä", 125) + ".txt"},
		{[]string{"a." + long}, ("a." + long)[:255]},
		{[]string{"." + long}, ("." + long)[:255]},
	} {
		if got := MakePath(c.raw...).String(); got != c.want {
			t.Errorf("MakePath(%q) is %q, want %q", c.raw, got, c.want)
		}
	}
}

func TestMakePathBounds(t *testing.T) {
	deep := MakePath(append(strings.Split(strings.Repeat("d/", 200), "/"), "name")...)
	if deep.Depth() != MaxDepth || deep.Base() != "name" {
		t.Errorf("depth is %d and name %q", deep.Depth(), deep.Base())
	}
	parts := make([]string, 50)
	for i := range parts {
		parts[i] = strings.Repeat("y", 200)
	}
	long := MakePath(append(parts, "name.txt")...)
	if n := len(long.String()); n > MaxPath || n < MaxPath-201 || long.Base() != "name.txt" {
		t.Errorf("length is %d, name %q", n, long.Base())
	}
	if j := long.Join(long); len(j.String()) > MaxPath || j.Base() != "name.txt" {
		t.Errorf("joined length is %d, name %q", len(j.String()), j.Base())
	}
	if j := deep.Join(deep); j.Depth() != MaxDepth {
		t.Errorf("joined depth is %d", j.Depth())
	}
}

func TestPathParts(t *testing.T) {
	var zero Path
	p := MakePath("a", "b", "c.txt")
	if !zero.IsZero() || zero.Depth() != 0 || zero.Components() != nil || zero.Base() != "" || !zero.Dir().IsZero() {
		t.Error("the zero Path is not empty")
	}
	if p.IsZero() || p.Depth() != 3 || p.Base() != "c.txt" || p.Dir() != MakePath("a", "b") {
		t.Errorf("%q is taken apart wrongly", p)
	}
	if got := MakePath(p.Components()...); got != p {
		t.Errorf("components of %q make %q", p, got)
	}
	if got := MakePath("a").Join(MakePath("b", "c.txt")); got != p {
		t.Errorf("joined is %q", got)
	}
	if zero.Join(p) != p || p.Join(zero) != p || !MakePath("a").Dir().IsZero() {
		t.Error("the zero Path is not neutral")
	}
	if got := p.Part().String(); got != "a/b/c.txt.part" {
		t.Errorf("part is %q", got)
	}
	long := MakePath("d", strings.Repeat("ö", 127))
	if got := long.Part(); got.String() != "d/"+strings.Repeat("ö", 125)+".part" {
		t.Errorf("part of a long name is %q", got)
	}
}

func TestNumbered(t *testing.T) {
	for _, c := range []struct {
		name   string
		number int
		want   string
	}{
		{"a", 1, "a (1)"},
		{"a.txt", 2, "a (2).txt"},
		{".hidden", 1, ".hidden (1)"},
		{"a.tar.gz", 12, "a.tar (12).gz"},
		{strings.Repeat("x", 255), 3, strings.Repeat("x", 246) + " (3)"},
		{strings.Repeat("ä", 125) + ".mkv", 3, strings.Repeat("ä", 121) + " (3).mkv"},
	} {
		if got := Numbered(c.name, c.number); got != c.want {
			t.Errorf("Numbered(%q, %d) is %q, want %q", c.name, c.number, got, c.want)
		}
	}
}

// checkSafe fails unless a path may be created anywhere.
func checkSafe(t *testing.T, p Path) {
	t.Helper()
	s := p.String()
	if !filepath.IsLocal(s) || filepath.ToSlash(filepath.Clean(s)) != s {
		t.Fatalf("%q is not local", s)
	}
	if len(s) > MaxPath || p.Depth() > MaxDepth || !utf8.ValidString(s) {
		t.Fatalf("%q is %d bytes, %d deep", s, len(s), p.Depth())
	}
	for _, c := range p.Components() {
		if c == "" || len(c) > MaxComponent || strings.HasSuffix(c, ".") || strings.HasSuffix(c, " ") {
			t.Fatalf("%q holds the component %q", s, c)
		}
		if strings.ContainsFunc(c, unsafeRune) || deviceStem(c) >= 0 {
			t.Fatalf("%q holds the component %q", s, c)
		}
	}
	if again := MakePath(p.Components()...); again != p {
		t.Fatalf("%q becomes %q when made again", s, again)
	}
}

func FuzzMakePath(f *testing.F) {
	for _, s := range []string{
		"a", "../..\n/etc", "CON .txt", "a\n.\n..\n\nb.", "\xff\n\u202e", "nul", "c:\\x",
		"CON" + strings.Repeat(" ", 260) + "x.txt", strings.Repeat("é.", 200), strings.Repeat("d\n", 150),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// A line is a component: a raw component may hold any other byte, slashes too.
		p := MakePath(strings.Split(s, "\n")...)
		checkSafe(t, p)
		part := p.Part()
		if !strings.HasSuffix(part.String(), PartSuffix) || len(part.Base()) > MaxComponent || !utf8.ValidString(part.String()) {
			t.Fatalf("part of %q is %q", p, part)
		}
		checkSafe(t, MakePath(Numbered(p.Base(), 7)))
	})
}
