package metainfo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// str writes a string in bencoding.
func str(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }

// dict writes a dictionary of keys and encoded values, in the order given.
func dict(parts ...string) string {
	b := "d"
	for i := 0; i < len(parts); i += 2 {
		b += str(parts[i]) + parts[i+1]
	}
	return b + "e"
}

func list(parts ...string) string { return "l" + strings.Join(parts, "") + "e" }

func number(n int64) string { return fmt.Sprintf("i%de", n) }

// file writes an entry of a v1 list.
func file(size int64, components ...string) string {
	var path string
	for _, c := range components {
		path += str(c)
	}
	return dict("length", number(size), "path", "l"+path+"e")
}

func pad(size int64) string {
	return dict("attr", str("p"), "length", number(size), "path", list(str(".pad"), str(fmt.Sprint(size))))
}

// leaf writes a file of a v2 tree with a made-up root.
func leaf(size int64) string {
	if size == 0 {
		return dict("", dict("length", number(0)))
	}
	return dict("", dict("length", number(size), "pieces root", str(strings.Repeat("r", 32))))
}

func hashes(n int) string { return str(strings.Repeat("h", 20*n)) }

// v1 writes an info dictionary of v1 whose list of files is given.
func v1(files string, pieces int) string {
	return dict("files", files, "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(pieces))
}

// v2 writes an info dictionary of v2.
func v2(tree string) string {
	return dict("file tree", tree, "meta version", number(2), "name", str("n"), "piece length", number(BlockSize))
}

// hybrid writes an info dictionary of both.
func hybrid(tree, files string, pieces int) string {
	return dict("file tree", tree, "files", files, "meta version", number(2), "name", str("n"),
		"piece length", number(BlockSize), "pieces", hashes(pieces))
}

func TestInfoRefuses(t *testing.T) {
	deepTree := strings.Repeat("d1:d", 98) + leaf(1) + strings.Repeat("e", 98)
	var same []string
	for range 502 {
		same = append(same, file(0, "same"))
	}
	var deepPath []string
	for i := range 101 {
		deepPath = append(deepPath, fmt.Sprint(i))
	}
	for _, c := range []struct{ what, in, field string }{
		{"nothing", "", "info"},
		{"cut short", v1(list(file(1, "a")), 1)[:60], "info"},
		{"more behind", v1(list(file(1, "a")), 1) + "e", "info"},
		{"nested deep", strings.Repeat("d1:a", 10_000), "info"},
		{"huge string", "d4:name99999999999999999999:", "info"},
		{"list", "le", "info"},
		{"number", "i1e", "info"},
		{"empty", "de", "length"},

		{"version 3", dict("meta version", number(3)), "meta version"},
		{"version 0", dict("meta version", number(0)), "meta version"},
		{"version text", dict("meta version", str("2")), "meta version"},
		{"version 2^64", dict("meta version", "i18446744073709551618e"), "meta version"},
		{"tree without version", dict("file tree", "de", "name", str("n")), "meta version"},
		{"v2 without tree", dict("meta version", number(2), "name", str("n"), "piece length", number(BlockSize)), "file tree"},
		{"tree is a list", v2("le"), "file tree"},
		{"v2 not sorted", dict("meta version", number(2), "file tree", dict("n", leaf(1)), "name", str("n"), "piece length", number(BlockSize)), "info"},
		{"v2 tree not sorted", v2(dict("b", leaf(1), "a", leaf(1))), "info"},
		{"v2 with a name twice", v2(dict("b", leaf(1), "b", leaf(1))), "info"},
		{"v2 number with zero", strings.Replace(v2(dict("n", leaf(1))), "i1e", "i01e", 1), "info"},

		{"no name", dict("length", number(1), "piece length", number(BlockSize), "pieces", hashes(1)), "name"},
		{"name is a number", dict("length", number(1), "name", number(1), "piece length", number(BlockSize), "pieces", hashes(1)), "name"},
		{"no piece length", dict("length", number(1), "name", str("n"), "pieces", hashes(1)), "piece length"},
		{"piece length 0", dict("length", number(1), "name", str("n"), "piece length", number(0), "pieces", hashes(1)), "piece length"},
		{"piece length 3", dict("length", number(1), "name", str("n"), "piece length", number(3), "pieces", hashes(1)), "piece length"},
		{"piece length negative", dict("length", number(1), "name", str("n"), "piece length", number(-16384), "pieces", hashes(1)), "piece length"},
		{"piece length 2^31", dict("length", number(1), "name", str("n"), "piece length", number(1<<31), "pieces", hashes(1)), "piece length"},
		{"piece length text", dict("length", number(1), "name", str("n"), "piece length", str("16384"), "pieces", hashes(1)), "piece length"},
		{"v2 piece length 0", strings.Replace(v2(dict("n", leaf(1))), "i16384e", "i0e", 1), "piece length"},
		{"v2 piece length 3", strings.Replace(v2(dict("n", leaf(1))), "i16384e", "i3e", 1), "piece length"},
		{"v2 piece length 8192", strings.Replace(v2(dict("n", leaf(1))), "i16384e", "i8192e", 1), "piece length"},
		{"v2 piece length 49152", strings.Replace(v2(dict("n", leaf(1))), "i16384e", "i49152e", 1), "piece length"},

		{"no pieces", dict("length", number(1), "name", str("n"), "piece length", number(BlockSize)), "pieces"},
		{"pieces list", dict("length", number(1), "name", str("n"), "piece length", number(BlockSize), "pieces", "le"), "pieces"},
		{"pieces 19 bytes", dict("length", number(1), "name", str("n"), "piece length", number(BlockSize), "pieces", str(strings.Repeat("h", 19))), "pieces"},
		{"too few pieces", v1(list(file(BlockSize+1, "a")), 1), "pieces"},
		{"too many pieces", v1(list(file(BlockSize, "a")), 2), "pieces"},
		{"2^31 pieces", v1(list(file(BlockSize<<31, "a")), 1), "pieces"},
		{"2^21+1 pieces", dict("length", number(20*(MaxPieces+1)), "name", str("n"), "piece length", number(20), "pieces", hashes(MaxPieces+1)), "pieces"},
		{"v2 2^31 pieces", v2(dict("n", leaf(BlockSize<<31))), "piece length"},
		{"v2 2^31 pieces in many files", v2(dict("a", leaf(BlockSize<<20), "b", leaf(BlockSize<<20), "c", leaf(1))), "piece length"},
		{"length and nothing else", dict("length", number(1)), "pieces"},
		{"neither length nor files", dict("name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "length"},

		{"length negative", dict("length", number(-1), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "length"},
		{"length text", dict("length", str("1"), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "length"},
		{"length 2^64", dict("length", "i18446744073709551617e", "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "length"},
		{"length 2^62", dict("length", number(1<<62), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "length"},
		{"files is a dictionary", v1("de", 1), "files"},
		{"files is text", v1(str("a"), 1), "files"},
		{"file is text", v1(list(str("a")), 1), "files[0]"},
		{"file without length", v1(list(file(1, "a"), dict("path", list(str("a")))), 1), "files[1].length"},
		{"file of negative length", v1(list(file(1, "a"), file(-1, "b")), 1), "files[1].length"},
		{"padding of negative length", v1(list(file(1, "a"), pad(-1)), 1), "files[1].length"},
		{"sum overflows", v1(list(file(1<<62, "a"), file(1<<62, "b")), 1), "files[0].length"},
		{"sum too large", v1(list(file(1<<60, "a"), file(1, "b")), 1), "files[1].length"},
		{"file without path", v1(list(dict("length", number(1))), 1), "files[0].path"},
		{"path is text", v1(list(dict("length", number(1), "path", str("a"))), 1), "files[0].path"},
		{"path of numbers", v1(list(dict("length", number(1), "path", list(number(1)))), 1), "files[0].path"},
		{"path too deep", v1(list(file(1, deepPath...)), 1), "files[0].path"},
		{"only padding", v1(list(pad(16)), 1), "files"},
		{"502 files of one name", v1(list(same...), 0), "files[501].path"},

		{"tree holds text", v2(dict("a", str("x"))), "file tree"},
		{"root is a file", v2(leaf(1)), "file tree"},
		{"file and folder", v2(dict("a", dict("", dict("length", number(0)), "b", leaf(1)))), "file tree"},
		{"folder and text", v2(dict("a", dict("", number(1)))), "file tree[0]"},
		{"tree too deep", v2(deepTree), "info"},
		{"v2 no length", v2(dict("a", dict("", dict("pieces root", str(strings.Repeat("r", 32)))))), "file tree[0].length"},
		{"v2 negative length", v2(dict("a", dict("", dict("length", number(-5))))), "file tree[0].length"},
		{"v2 length 2^62", v2(dict("a", leaf(1), "b", leaf(1<<62))), "file tree[1].length"},
		{"v2 no root", v2(dict("a", leaf(1), "b", dict("", dict("length", number(1))))), "file tree[1].pieces root"},
		{"v2 root of 31 bytes", v2(dict("a", dict("", dict("length", number(1), "pieces root", str(strings.Repeat("r", 31)))))), "file tree[0].pieces root"},
		{"v2 root of 33 bytes", v2(dict("a", dict("", dict("length", number(1), "pieces root", str(strings.Repeat("r", 33)))))), "file tree[0].pieces root"},
		{"v2 root is a number", v2(dict("a", dict("", dict("length", number(1), "pieces root", number(1))))), "file tree[0].pieces root"},
		{"v2 root of zeros", v2(dict("a", dict("", dict("length", number(1), "pieces root", str(strings.Repeat("\x00", 32)))))), "file tree[0].pieces root"},
		{"v2 padding", v2(dict("a", dict("", dict("attr", str("p"), "length", number(0))))), "file tree[0].attr"},

		{"hybrid without pieces", dict("file tree", dict("n", leaf(1)), "length", number(1), "meta version", number(2), "name", str("n"), "piece length", number(BlockSize)), "pieces"},
		{"hybrid without files", dict("file tree", dict("n", leaf(1)), "meta version", number(2), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "length"},
		{"hybrid, v1 has more", hybrid(dict("a", leaf(1)), list(file(1, "a"), file(0, "b")), 1), "file tree"},
		{"hybrid, v2 has more", hybrid(dict("a", leaf(1), "b", leaf(0)), list(file(1, "a")), 1), "file tree"},
		{"hybrid, other name", hybrid(dict("b", leaf(1)), list(file(1, "a")), 1), "file tree[0].path"},
		{"hybrid, other folder", hybrid(dict("d", dict("a", leaf(1))), list(file(1, "e", "a")), 1), "file tree[0].path"},
		{"hybrid, other order", hybrid(dict("a", leaf(1), "b", leaf(0)), list(file(0, "b"), file(1, "a")), 1), "file tree[0].path"},
		{"hybrid, other size", hybrid(dict("a", leaf(1)), list(file(2, "a")), 1), "file tree[0].length"},
		{"hybrid, no padding", hybrid(dict("a", leaf(1), "b", leaf(1)), list(file(1, "a"), file(1, "b")), 1), "file tree[1].length"},
		{"hybrid, short padding", hybrid(dict("a", leaf(1), "b", leaf(1)), list(file(1, "a"), pad(5), file(1, "b")), 1), "file tree[1].length"},
		{"hybrid, long padding", hybrid(dict("a", leaf(1), "b", leaf(1)), list(file(1, "a"), pad(2*BlockSize-1), file(1, "b")), 3), "file tree[1].length"},
		{"hybrid, padding in front", hybrid(dict("a", leaf(1)), list(pad(BlockSize), file(1, "a")), 2), "file tree[0].length"},
		{"hybrid, padding behind", hybrid(dict("a", leaf(1)), list(file(1, "a"), pad(BlockSize)), 2), "pieces"},
		{"hybrid, lone file of other name", dict("file tree", dict("m", leaf(1)), "length", number(1), "meta version", number(2), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "file tree[0].path"},
		{"hybrid, lone file in a folder", dict("file tree", dict("n", dict("n", leaf(1))), "length", number(1), "meta version", number(2), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "file tree[0].path"},
		{"hybrid, lone file of other size", dict("file tree", dict("n", leaf(2)), "length", number(1), "meta version", number(2), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "file tree[0].length"},
	} {
		info, err := ParseInfo([]byte(c.in))
		fault := (*Error)(nil)
		switch {
		case err == nil:
			t.Errorf("%s: taken with %d files", c.what, len(info.Files))
		case !errors.As(err, &fault):
			t.Errorf("%s: error is %v", c.what, err)
		case fault.Field != c.field:
			t.Errorf("%s: error is %q, not in %q", c.what, err, c.field)
		}
	}
}

func TestInfoTakes(t *testing.T) {
	two := strings.Repeat("r", 32)
	for _, c := range []struct {
		what, in string
		name     string
		files    string // path:size@offset
		v1Length int64
	}{
		{"unsorted keys", dict("pieces", hashes(1), "name", str("n"), "length", number(5), "piece length", number(BlockSize)), "n", "n:5@0", 5},
		{"repeated keys", dict("length", number(5), "length", number(6), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "n", "n:5@0", 5},
		{"odd piece length", dict("length", number(50), "name", str("n"), "piece length", number(21), "pieces", hashes(3)), "n", "n:50@0", 50},
		{"name in UTF-8", dict("length", number(5), "name", str("\xe4"), "name.utf-8", str("ä"), "piece length", number(BlockSize), "pieces", hashes(1)), "ä", "ä:5@0", 5},
		{"name in other encoding", dict("length", number(5), "name", str("\xe4"), "piece length", number(BlockSize), "pieces", hashes(1)), "_", "_:5@0", 5},
		{"name leads out", dict("length", number(5), "name", str("../x"), "piece length", number(BlockSize), "pieces", hashes(1)), ".._x", ".._x:5@0", 5},
		{"empty name", dict("length", number(0), "name", str(""), "piece length", number(BlockSize), "pieces", hashes(0)), "_", "_:0@0", 0},
		{"files and length", dict("files", list(file(1, "a")), "length", number(9), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "n/", "a:1@0", 1},
		{"no files at all", v1("le", 0), "n/", "", 0},
		{"empty tree", v2("de"), "n/", "", 0},
		{"not aligned", v1(list(file(5, "a"), file(0, "b"), file(7, "c", "d")), 1), "n/", "a:5@0 b:0@5 c/d:7@5", 12},
		{"padding", v1(list(file(5, "a"), pad(BlockSize-5), file(7, "c")), 2), "n/", "a:5@0 c:7@16384", BlockSize + 7},
		{"padding without path", v1(list(file(5, "a"), dict("attr", str("xp"), "length", number(3)), file(7, "c")), 1), "n/", "a:5@0 c:7@8", 15},
		{"padding of BitComet", v1(list(file(5, "a"), file(3, "_____padding_file_0_if you see this file, please update to BitComet____"), file(7, "c")), 1), "n/", "a:5@0 c:7@8", 15},
		{"symlinks", v1(list(dict("attr", str("l"), "path", list(str("l")), "symlink path", list(str("a"))), file(5, "a"), dict("attr", str("lx"), "length", number(99), "path", list(str("m")))), 1), "n/", "a:5@0", 5},
		{"attributes", v1(list(dict("attr", str("hx?"), "length", number(5), "path", list(str("a")))), 1), "n/", "a:5@0", 5},
		{"path in UTF-8", v1(list(dict("length", number(5), "path", list(str("\xe4")), "path.utf-8", list(str("ä")))), 1), "n/", "ä:5@0", 5},
		{"empty path", v1(list(dict("length", number(5), "path", "le")), 1), "n/", "_:5@0", 5},
		{"clashes", v1(list(file(1, "a"), file(2, "A"), file(3, "..", "a")), 1), "n/", "a:1@0 A (1):2@1 a (2):3@3", 6},
		{"private as text", dict("length", number(5), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1), "private", str("1")), "n", "n:5@0", 5},
		{"version 1", dict("length", number(5), "meta version", number(1), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "n", "n:5@0", 5},

		{"v2 lone file", v2(dict("n", leaf(5))), "n", "n:5@0", 0},
		{"v2 folder of one file", v2(dict("m", leaf(5))), "n/", "m:5@0", 0},
		{"v2 folder named as its folder", v2(dict("n", dict("m", leaf(5)))), "n/", "n/m:5@0", 0},
		{"v2 order and alignment", v2(dict("B", leaf(5), "a", dict("x", leaf(0), "y", leaf(BlockSize+1)), "a.b", leaf(BlockSize), "c", leaf(1))), "n/", "B:5@0 a/x:0@16384 a/y:16385@16384 a.b:16384@49152 c:1@65536", 0},
		{"v2 empty folders", v2(dict("a", "de", "b", dict("c", dict("d", "de")), "e", leaf(1))), "n/", "e:1@0", 0},
		{"v2 symlink", v2(dict("a", leaf(1), "l", dict("", dict("attr", str("l"), "length", number(0), "symlink path", list(str("a")))))), "n/", "a:1@0", 0},
		{"v2 empty file with root", v2(dict("a", dict("", dict("length", number(0), "pieces root", str(two))))), "n/", "a:0@0", 0},
		{"v2 unsafe names", v2(dict("..", dict("passwd", leaf(1)), "con", leaf(1))), "n/", "passwd:1@0 con_:1@16384", 0},

		{"hybrid", hybrid(dict("a", leaf(1), "b", leaf(0), "c", leaf(2)), list(file(1, "a"), pad(BlockSize-1), file(0, "b"), file(2, "c")), 2), "n/", "a:1@0 b:0@16384 c:2@16384", BlockSize + 2},
		{"hybrid, padding behind an empty file", hybrid(dict("a", leaf(1), "b", leaf(0), "c", leaf(2)), list(file(1, "a"), file(0, "b"), pad(BlockSize-1), file(2, "c")), 2), "n/", "a:1@0 b:0@1 c:2@16384", BlockSize + 2},
		{"hybrid, padded to the end", hybrid(dict("a", leaf(1)), list(file(1, "a"), pad(BlockSize-1)), 1), "n/", "a:1@0", BlockSize},
		{"hybrid, lone file", dict("file tree", dict("n", leaf(1)), "length", number(1), "meta version", number(2), "name", str("n"), "piece length", number(BlockSize), "pieces", hashes(1)), "n", "n:1@0", 1},
	} {
		info, err := ParseInfo([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		name := info.Name.String()
		if info.Dir {
			name += "/"
		}
		var files []string
		for _, f := range info.Files {
			files = append(files, fmt.Sprintf("%s:%d@%d", f.Path, f.Size, f.V1Offset))
			if hasRoot := f.Root != (HashV2{}); hasRoot != (info.HasV2() && f.Size > 0) {
				t.Errorf("%s: root of %q is %v", c.what, f.Path, f.Root)
			}
		}
		if got := strings.Join(files, " "); name != c.name || got != c.files || info.V1Length != c.v1Length {
			t.Errorf("%s: %q with %q, v1 length %d", c.what, name, got, info.V1Length)
		}
		if string(info.Raw) != c.in || info.Private {
			t.Errorf("%s: raw is %q, private %v", c.what, info.Raw, info.Private)
		}
		if paths := info.RawPaths(); len(paths) != len(info.Files) {
			t.Errorf("%s: raw paths are %q", c.what, paths)
		}
		info.Object()
	}
}

func TestRawPaths(t *testing.T) {
	in := v1(list(file(1, "d", "a?"), pad(3), file(1, "d", "a*"), file(1, "e")), 1)
	info, err := ParseInfo([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"d", "a?"}, {"d", "a*"}, {"e"}}
	if got := info.RawPaths(); !slices.EqualFunc(got, want, slices.Equal) || info.RawName() != "n" {
		t.Errorf("raw paths are %q", got)
	}
	if p := info.Files[1].Path.String(); p != "d/a_ (1)" {
		t.Errorf("safe path is %q", p)
	}
}
