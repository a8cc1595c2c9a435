package metainfo

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// made is a .torrent of two files of several pieces each, with all there can be around it.
func made(format Format) *Torrent {
	d, layers := draftOf(Draft{
		Name: "made", Dir: true, Format: format, PieceLength: 2 * BlockSize, Private: true,
		Files: []DraftFile{{Components: []string{"a"}, Size: 100_000}, {Components: []string{"b", "c"}, Size: 6*BlockSize + 1}, {Components: []string{"d"}, Size: 2 * BlockSize}},
	})
	info, err := ParseInfo(d.Encode())
	if err != nil {
		panic(err)
	}
	t := &Torrent{
		Info:     info,
		Trackers: [][]string{{"http://a.invalid/announce", "udp://b.invalid:1"}, {"https://c.invalid/announce"}},
		WebSeeds: []string{"http://w.invalid/", "http://x.invalid/y"},
		Nodes:    []Node{{"192.0.2.1", 6881}, {"2001:db8::1", 1}, {"router.invalid", 65535}},
		Comment:  "a comment", CreatedBy: "a program", CreationDate: 1_700_000_000,
	}
	if format.HasV2() {
		t.PieceLayers = layers
	}
	return t
}

func TestTorrentRoundTrip(t *testing.T) {
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		for _, change := range []func(*Torrent){
			func(*Torrent) {},
			func(t *Torrent) {
				t.Trackers, t.WebSeeds, t.Nodes, t.Comment, t.CreatedBy, t.CreationDate = nil, nil, nil, "", "", 0
			},
			func(t *Torrent) { t.Trackers, t.WebSeeds = t.Trackers[1:], t.WebSeeds[1:] },
			func(t *Torrent) { t.Trackers = [][]string{{"http://a.invalid"}, {"http://b.invalid"}} },
		} {
			want := made(format)
			change(want)
			b := want.Append([]byte("front"))
			got, err := Parse(b[len("front"):])
			if err != nil {
				t.Fatalf("%v: %v", format, err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%v: comes back as\n%+v, not\n%+v", format, got, want)
			}
		}
	}
	// Empty tiers are not written.
	tor := made(FormatV1)
	tor.Trackers = [][]string{{}, {"http://a.invalid"}}
	got, err := Parse(tor.Append(nil))
	if err != nil || !slices.EqualFunc(got.Trackers, tor.Trackers[1:], slices.Equal) {
		t.Errorf("trackers are %q, %v", got.Trackers, err)
	}
}

func TestTorrentAround(t *testing.T) {
	info := v1(list(file(1, "a")), 1)
	many := strings.Repeat(str("http://x.invalid"), 3*maxURLs)
	for _, c := range []struct {
		what, in string
		trackers [][]string
		seeds    []string
	}{
		{"nothing", dict("info", info), nil, nil},
		{"announce", dict("announce", str(" http://a "), "info", info), [][]string{{"http://a"}}, nil},
		{"list goes first", dict("announce", str("http://a"), "announce-list", list(list(str("http://b"), str("http://c")), list(str("http://d"))), "info", info), [][]string{{"http://b", "http://c"}, {"http://d"}}, nil},
		{"empty list", dict("announce", str("http://a"), "announce-list", list("le", list(str(""))), "info", info), [][]string{{"http://a"}}, nil},
		{"list of text", dict("announce-list", list(str("http://b"), str("http://c")), "info", info), [][]string{{"http://b"}, {"http://c"}}, nil},
		{"list of rubbish", dict("announce", number(1), "announce-list", list(number(1), "de", list(number(2), "le")), "info", info, "url-list", "de"), nil, nil},
		{"control characters", dict("announce", str("http://a\r\nX: y"), "info", info, "url-list", str("http://\x1b[2J")), nil, nil},
		{"too long", dict("announce", str(strings.Repeat("a", maxURL+1)), "info", info), nil, nil},
		{"not UTF-8", dict("announce", str("http://\xff"), "info", info), [][]string{{"http://\ufffd"}}, nil},
		{"too many", dict("announce-list", list("l"+many+"e", list(str("http://y"))), "info", info, "url-list", "l"+many+"e"), [][]string{slices.Repeat([]string{"http://x.invalid"}, maxURLs)}, slices.Repeat([]string{"http://x.invalid"}, maxURLs)},
		{"one seed", dict("info", info, "url-list", str("http://w")), nil, []string{"http://w"}},
		{"no seed", dict("info", info, "url-list", str("")), nil, nil},
		{"seeds", dict("info", info, "url-list", list(str("http://w"), number(1), str("http://x"))), nil, []string{"http://w", "http://x"}},
	} {
		tor, err := Parse([]byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if !slices.EqualFunc(tor.Trackers, c.trackers, slices.Equal) || !slices.Equal(tor.WebSeeds, c.seeds) {
			t.Errorf("%s: trackers %q, web seeds %q", c.what, tor.Trackers, tor.WebSeeds)
		}
	}
	tor, err := Parse([]byte(dict("comment", str("\xe4"), "comment.utf-8", str("ä"), "creation date", number(-5), "info", info)))
	if err != nil || tor.Comment != "ä" || tor.CreationDate != 0 {
		t.Errorf("%+v, %v", tor, err)
	}
}

func TestTorrentNodes(t *testing.T) {
	info := v1(list(file(1, "a")), 1)
	node := func(host string, port int64) string { return list(str(host), number(port)) }
	for _, c := range []struct {
		what, in string
		want     []Node
	}{
		{"none", "le", nil},
		{"not a list", str("router.invalid:6881"), nil},
		{"some", list(node("192.0.2.1", 6881), node("router.invalid", 1)), []Node{{"192.0.2.1", 6881}, {"router.invalid", 1}}},
		{"rubbish between", list(number(1), "le", list(str("a")), list(number(1), str("a")), list(str("a"), str("1")), node("b", 2)), []Node{{"b", 2}}},
		{"more in one", list(list(str("a"), number(1), number(2), str("b"))), []Node{{"a", 1}}},
		{"no such port", list(node("a", 0), node("a", -1), node("a", 65536)), nil},
		{"no such host", list(node("", 1), node("a\x1b[2J", 1), node("a b", 1), node("\xff", 1), node(strings.Repeat("a", maxHost+1), 1)), nil},
		{"too many", "l" + strings.Repeat(node("a", 1), 2*maxNodes) + "e", slices.Repeat([]Node{{"a", 1}}, maxNodes)},
	} {
		tor, err := Parse([]byte(dict("info", info, "nodes", c.in)))
		if err != nil || !slices.Equal(tor.Nodes, c.want) {
			t.Errorf("%s: %v, %v", c.what, tor.Nodes, err)
		}
	}
}

func TestTorrentRefuses(t *testing.T) {
	layered := func(change func(map[HashV2][]HashV2)) string {
		tor := made(FormatV2)
		change(tor.PieceLayers)
		return string(tor.Append(nil))
	}
	anyRoot := func(m map[HashV2][]HashV2) HashV2 {
		for root := range maps.Keys(m) {
			return root
		}
		panic("no layers")
	}
	whole := layered(func(map[HashV2][]HashV2) {})
	for _, c := range []struct{ what, in, field string }{
		{"nothing", "", "torrent"},
		{"page of a web server", "<html>", "torrent"},
		{"list", "le", "torrent"},
		{"cut short", whole[:len(whole)/2], "torrent"},
		{"nested deep", strings.Repeat("l", 100_000), "torrent"},
		{"no info", dict("announce", str("http://a")), "info"},
		{"info is text", dict("info", str("x")), "info"},
		{"bad info", dict("info", "de"), "length"},
		{"no layers", dict("info", string(made(FormatV2).Info.Raw)), "piece layers"},
		{"layers are text", dict("info", string(made(FormatV2).Info.Raw), "piece layers", str("")), "piece layers"},
		{"no layer at all", layered(func(m map[HashV2][]HashV2) { clear(m) }), "piece layers"},
		{"a layer missing", layered(func(m map[HashV2][]HashV2) { delete(m, anyRoot(m)) }), "piece layers"},
		{"a layer too short", layered(func(m map[HashV2][]HashV2) { r := anyRoot(m); m[r] = m[r][1:] }), "piece layers"},
		{"a layer too long", layered(func(m map[HashV2][]HashV2) { r := anyRoot(m); m[r] = append(m[r], HashV2{}) }), "piece layers"},
		{"a wrong hash", layered(func(m map[HashV2][]HashV2) { m[anyRoot(m)][1][5] ^= 1 }), "piece layers"},
		{"layers changed about", layered(func(m map[HashV2][]HashV2) {
			roots := slices.Collect(maps.Keys(m))
			m[roots[0]], m[roots[1]] = m[roots[1]], m[roots[0]]
		}), "piece layers"},
		{"a layer that is a number", dict("info", string(made(FormatV2).Info.Raw), "piece layers", dict(strings.Repeat("r", 32), number(1), strings.Repeat("s", 32), "le")), "piece layers"},
		{"a root of 31 bytes", dict("info", string(made(FormatV2).Info.Raw), "piece layers", dict(strings.Repeat("r", 31), str(""))), "piece layers"},
		{"one root, two lengths", dict("info", v2(dict("a", leaf(2*BlockSize), "b", leaf(3*BlockSize))), "piece layers", "de"), "piece layers"},
	} {
		tor, err := Parse([]byte(c.in))
		fault := (*Error)(nil)
		switch {
		case err == nil:
			t.Errorf("%s: taken as %+v", c.what, tor)
		case !errors.As(err, &fault):
			t.Errorf("%s: error is %v", c.what, err)
		case fault.Field != c.field:
			t.Errorf("%s: error is %q, not in %q", c.what, err, c.field)
		}
	}
	// A v2 file of one piece needs no layer, and layers of other files are left out.
	tor, err := Parse([]byte(dict("info", v2(dict("n", leaf(BlockSize))))))
	if err != nil || len(tor.PieceLayers) != 0 {
		t.Errorf("%+v, %v", tor, err)
	}
	tor, err = Parse([]byte(layered(func(m map[HashV2][]HashV2) { m[HashV2{1}] = []HashV2{{2}, {3}} })))
	if err != nil || len(tor.PieceLayers) != 2 {
		t.Errorf("%+v, %v", tor, err)
	}
}

func TestLayerRoot(t *testing.T) {
	for _, pieceLength := range []int64{BlockSize, 2 * BlockSize, 8 * BlockSize} {
		for count := int64(2); count <= 17; count++ {
			for _, size := range []int64{count*pieceLength - 1, count * pieceLength, (count-1)*pieceLength + 1} {
				root, layer := fileLayers(fill("x", size), pieceLength)
				if got := LayerRoot(layer, pieceLength); got != root || int64(len(layer)) != count {
					t.Fatalf("%d bytes in pieces of %d: layer of %d hashes to %v, not %v", size, pieceLength, len(layer), got, root)
				}
			}
		}
	}
	one := HashV2{7}
	if LayerRoot([]HashV2{one}, BlockSize) != one || LayerRoot(nil, BlockSize) != (HashV2{}) {
		t.Error("short layers")
	}
}
