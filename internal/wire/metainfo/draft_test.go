package metainfo

import (
	"slices"
	"testing"
)

func TestDraftParses(t *testing.T) {
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		for _, dir := range []bool{false, true} {
			d := Draft{Name: "n", Dir: dir, Format: format, PieceLength: BlockSize, Files: []DraftFile{{Components: []string{"n"}, Size: 40_000}}}
			if dir {
				d.Files = append(d.Files, DraftFile{Components: []string{"o"}}, DraftFile{Components: []string{"p", "q"}, Size: 3})
			}
			d, _ = draftOf(d)
			info, err := ParseInfo(d.Encode())
			if err != nil {
				t.Fatalf("%v: %v", format, err)
			}
			if info.Dir != dir || info.Format() != format || len(info.Files) != len(d.Files) || info.PieceLength != BlockSize || info.Private {
				t.Errorf("%v: comes back as %+v", format, info)
			}
			if info.HasV1() != format.HasV1() || info.HasV2() != format.HasV2() || info.Hash.IsZero() {
				t.Errorf("%v: hash is %v", format, info.Hash)
			}
		}
	}
	// Nothing to share is a torrent too.
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		d := Draft{Name: "n", Dir: true, Format: format, PieceLength: BlockSize}
		if info, err := ParseInfo(d.Encode()); err != nil || !info.Dir || len(info.Files) != 0 {
			t.Errorf("%v: empty folder: %v", format, err)
		}
		d.Dir, d.Files = false, []DraftFile{{Components: []string{"n"}}}
		if info, err := ParseInfo(d.Encode()); err != nil || info.Dir || len(info.Files) != 1 {
			t.Errorf("%v: empty file: %v", format, err)
		}
	}
}

func TestDraftPanics(t *testing.T) {
	root := HashV2{1}
	for what, d := range map[string]Draft{
		"out of order":     {Dir: true, Format: FormatV2, Files: []DraftFile{{[]string{"b"}, 1, root}, {[]string{"a"}, 1, root}}},
		"same name":        {Dir: true, Format: FormatV2, Files: []DraftFile{{[]string{"a"}, 1, root}, {[]string{"a"}, 1, root}}},
		"file and folder":  {Dir: true, Format: FormatV2, Files: []DraftFile{{[]string{"a"}, 1, root}, {[]string{"a", "b"}, 1, root}}},
		"no root":          {Dir: true, Format: FormatHybrid, Files: []DraftFile{{[]string{"a"}, 1, HashV2{}}}},
		"lone, other name": {Name: "n", Format: FormatV1, Files: []DraftFile{{[]string{"a"}, 1, root}}},
		"lone, two files":  {Name: "a", Format: FormatV1, Files: []DraftFile{{[]string{"a"}, 1, root}, {[]string{"a"}, 1, root}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: encoded", what)
				}
			}()
			d.Encode()
		}()
	}
}

func TestCompareComponents(t *testing.T) {
	// As a tree is written: what is in folder a goes before a.txt, though '.' sorts before '/'.
	want := [][]string{{".h"}, {"B"}, {"a", "z"}, {"a", "z", "y"}, {"a!"}, {"a.txt"}, {"b"}, {"\xff"}}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, CompareComponents)
	if !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("order is %q", got)
	}
}

func TestPadding(t *testing.T) {
	for _, c := range []struct {
		format Format
		files  int
		size   int64
		want   int64
	}{
		{FormatHybrid, 2, 1, BlockSize - 1}, {FormatHybrid, 2, BlockSize, 0}, {FormatHybrid, 2, 0, 0},
		{FormatHybrid, 1, 1, 0}, {FormatV1, 2, 1, 0}, {FormatV2, 2, 1, 0},
	} {
		if got := c.format.Padding(c.files, c.size, BlockSize); got != c.want {
			t.Errorf("%v, %d files, %d bytes: padding is %d, want %d", c.format, c.files, c.size, got, c.want)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, f := range []Format{FormatV1, FormatV2, FormatHybrid} {
		if got, ok := ParseFormat(f.String()); !ok || got != f {
			t.Errorf("%v is read as %v", f, got)
		}
	}
	if _, ok := ParseFormat("none"); ok || Format(0).String() != "none" {
		t.Error("no format is one")
	}
}

func TestInfoHash(t *testing.T) {
	h1, h2 := HashV1{1, 2}, HashV2{3, 4}
	cut := [20]byte(h2[:20])
	for _, c := range []struct {
		h    InfoHash
		wire [][20]byte
		s    string
	}{
		{NewInfoHash(nil, nil), nil, ""},
		{NewInfoHash(&h1, nil), [][20]byte{h1}, h1.String()},
		{NewInfoHash(nil, &h2), [][20]byte{cut}, h2.String()},
		{NewInfoHash(&h1, &h2), [][20]byte{h1, cut}, h1.String()},
	} {
		if !slices.Equal(c.h.Wire(), c.wire) || c.h.String() != c.s || c.h.IsZero() != (c.wire == nil) {
			t.Errorf("%v is %v on the wire", c.h, c.h.Wire())
		}
		for _, w := range [][20]byte{h1, cut, {}} {
			if c.h.Matches(w) != slices.Contains(c.wire, w) {
				t.Errorf("%v matches %x: %v", c.h, w, c.h.Matches(w))
			}
		}
		v1, ok1 := c.h.V1()
		v2, ok2 := c.h.V2()
		if ok1 && v1 != h1 || ok2 && v2 != h2 || c.h == NewInfoHash(&HashV1{9}, nil) {
			t.Errorf("%v is taken apart wrongly", c.h)
		}
	}
}
