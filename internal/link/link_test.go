package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const (
	hexV1 = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
	b32V1 = "YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK" // the same hash
	hexV2 = "caf1e1c30e81cb361b9ee167c4aa64228a7fa4fa9f6105232b28ad099f3a302e"
)

func v1(t testing.TB) *metainfo.HashV1 {
	t.Helper()
	b, err := hex.DecodeString(hexV1)
	if err != nil {
		t.Fatal(err)
	}
	h := metainfo.HashV1(b)
	return &h
}

func v2(t testing.TB) *metainfo.HashV2 {
	t.Helper()
	b, err := hex.DecodeString(hexV2)
	if err != nil {
		t.Fatal(err)
	}
	h := metainfo.HashV2(b)
	return &h
}

func TestParse(t *testing.T) {
	onlyV1 := metainfo.NewInfoHash(v1(t), nil)
	onlyV2 := metainfo.NewInfoHash(nil, v2(t))
	magnet := func(change func(*Link)) Link {
		l := Link{Kind: Magnet, InfoHash: onlyV1}
		change(&l)
		return l
	}
	plain := magnet(func(*Link) {})
	feed := func(salt string, change func(*Link)) Link {
		l := Link{Kind: Feed, Feed: Pointer{Publisher: *v2(t), Salt: salt}}
		change(&l)
		return l
	}
	const base = "magnet:?xt=urn:btih:" + hexV1
	tests := []struct {
		name, text string
		want       Link
	}{
		{"hex", base, plain},
		{"base32", "magnet:?xt=urn:btih:" + b32V1, plain},
		{"base32 in lower case", "magnet:?xt=urn:btih:" + strings.ToLower(b32V1), plain},
		{"shouted", strings.ToUpper(base), plain},
		{"blanks around", " \t" + base + "\n", plain},
		{"escaped topic", "magnet:?xt=urn%3Abtih%3A" + hexV1, plain},
		{"numbered topic", "magnet:?xt.1=urn:btih:" + hexV1, plain},
		{"slashes", "magnet://?xt=urn:btih:" + hexV1, plain},
		{"empty parameters", "magnet:?&&xt=urn:btih:" + hexV1 + "&&=&dn&tr=&", plain},
		{"same hash twice", base + "&xt=urn:btih:" + b32V1, plain},
		{"hashes of other networks", base + "&xt=urn:sha1:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK&xt=urn:ed2k:31d6cfe0&xt=x", plain},
		{"v2", "magnet:?xt=urn:btmh:1220" + hexV2, Link{Kind: Magnet, InfoHash: onlyV2}},
		{"hybrid", "magnet:?xt=urn:btmh:1220" + strings.ToUpper(hexV2) + "&xt=urn:btih:" + hexV1,
			Link{Kind: Magnet, InfoHash: metainfo.NewInfoHash(v1(t), v2(t))}},
		{"name", base + "&dn=a%20b+c%2Bd", magnet(func(l *Link) { l.Name = "a b c+d" })},
		{"first name counts", base + "&dn=one&dn=two", magnet(func(l *Link) { l.Name = "one" })},
		{"name never escaped", base + "&dn=100% c#%zz%4", magnet(func(l *Link) { l.Name = "100% c#%zz%4" })},
		{"hostile name", base + "&dn=..%2F%00%1b[2J%ff", magnet(func(l *Link) { l.Name = "../\x00\x1b[2J\xff" })},
		{"length", base + "&xl=1048576", magnet(func(l *Link) { l.Length = 1 << 20 })},
		{"no length", base + "&xl=-1&xl=x&xl=99999999999999999999", plain},
		{"trackers", base + "&tr=udp%3A%2F%2Ft.example%3A80&tr.1=https://u.example/announce?k=a%2bb&tr=udp://t.example:80",
			magnet(func(l *Link) { l.Trackers = []string{"udp://t.example:80", "https://u.example/announce?k=a+b"} })},
		{"plus in a tracker", base + "&tr=http://t.example/a+b", magnet(func(l *Link) { l.Trackers = []string{"http://t.example/a+b"} })},
		{"no trackers", base + "&tr=t.example&tr=udp:&tr=udp://&tr=http://a%0ab/&tr=%3A%2F%2Fx", plain},
		{"from the source of a page", base + "&amp;dn=n&amp;tr=udp://t.example:80",
			magnet(func(l *Link) { l.Name, l.Trackers = "n", []string{"udp://t.example:80"} })},
		{"web seeds", base + "&ws=http%3A%2F%2Fw.example%2Ff%2520g&ws=ftp://w.example/f",
			magnet(func(l *Link) { l.WebSeeds = []string{"http://w.example/f%20g"} })},
		{"source", base + "&xs=urn:x&xs=https://s.example/f.torrent&xs=https://s.example/g.torrent",
			magnet(func(l *Link) { l.Source = "https://s.example/f.torrent" })},
		{"peers", base + "&x.pe=192.0.2.1:6881&x.pe=[2001:DB8::1]:6881&x.pe=Host.example:080&x.pe.1=host.example:80&x.pe=%5B::1%5D:1",
			magnet(func(l *Link) {
				l.Peers = []string{"192.0.2.1:6881", "[2001:db8::1]:6881", "host.example:80", "[::1]:1"}
			})},
		{"no peers", base + "&x.pe=192.0.2.1&x.pe=192.0.2.1:0&x.pe=h:65536&x.pe=h:+1&x.pe=:80&x.pe=::1:80&x.pe=a/b:80&x.pe=0.0.0.0:80" +
			"&x.pe=[fe80::1%25eth0]:80&x.pe=" + strings.Repeat("h", 254) + ":80&x.pe=a%0ab:80", plain},
		{"key", base + "&x.pe=192.0.2.1:6881&x.pk=" + strings.ToUpper(textKey) + "&x.pe=h:1&x.pk=" + textKey,
			magnet(func(l *Link) { l.Peers, l.Key = []string{"192.0.2.1:6881", "h:1"}, key(t) })},
		{"key without addresses", base + "&x.pk=" + textKey, magnet(func(l *Link) { l.Key = key(t) })},
		{"no key", base + "&x.pe=192.0.2.1:6881&x.pk=" + textKey[1:], plain},
		{"no key and then one", base + "&x.pk=&x.pe=192.0.2.1:6881&x.pk=" + textKey, plain},
		{"two keys", base + "&x.pk=" + textKey + "&x.pe=192.0.2.1:6881&x.pk=c" + textKey[1:], plain},
		{"selection", base + "&so=0,2,4-6", magnet(func(l *Link) { l.Select = Selection{{0, 0}, {2, 2}, {4, 6}} })},
		{"several selections", base + "&so=6,5-5,1&so=0,3-4", magnet(func(l *Link) { l.Select = Selection{{0, 1}, {3, 6}} })},
		{"no selection", base + "&so=,-1,x,3-,6-4,+1,0x1,2-b", plain},
		{"huge selection", base + "&so=1-2147483646", magnet(func(l *Link) { l.Select = Selection{{1, maxFile}} })},
		{"selection beyond any torrent", base + "&so=7-99999999999999999999999,2147483647,5000000000",
			magnet(func(l *Link) { l.Select = Selection{{7, maxFile}} })},
		{"unknown parameters", base + "&foo=bar&as=x&kt=y&x.foo=z", plain},

		{"feed", "magnet:?xs=urn:btpk:" + hexV2 + "&s=6e6577", feed("new", func(*Link) {})},
		{"feed without salt", "magnet:?xs=URN:btpk:" + strings.ToUpper(hexV2), feed("", func(*Link) {})},
		{"feed with hints", "magnet:?dn=n&xs=http://s.example/f&xs=urn:btpk:" + hexV2 + "&s=00&x.pe=h:1",
			feed("\x00", func(l *Link) { l.Name, l.Source, l.Peers = "n", "http://s.example/f", []string{"h:1"} })},
		{"version of a feed", base + "&xs=urn:btpk:" + hexV2 + "&s=6e6577", plain},

		{"bare v1", hexV1, Link{Kind: Hash, InfoHash: onlyV1}},
		{"bare v1 shouted", " " + strings.ToUpper(hexV1), Link{Kind: Hash, InfoHash: onlyV1}},
		{"bare v2", hexV2, Link{Kind: Hash, InfoHash: onlyV2}},
		{"web address", "https://w.example/f.torrent?x=1", Link{Kind: TorrentURL, Source: "https://w.example/f.torrent?x=1"}},
		{"web address shouted", "HTTP://w.example/f", Link{Kind: TorrentURL, Source: "HTTP://w.example/f"}},
		{"file", "debian.torrent", Link{Kind: TorrentFile, Source: "debian.torrent"}},
		{"file shouted", "DEBIAN.TORRENT", Link{Kind: TorrentFile, Source: "DEBIAN.TORRENT"}},
		{"file with colon", "a:b.torrent", Link{Kind: TorrentFile, Source: "a:b.torrent"}},
		{"path", "./download", Link{Kind: TorrentFile, Source: "./download"}},
		{"path with colons", "/a://b", Link{Kind: TorrentFile, Source: "/a://b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(tt.text)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s:\ngot  %+v, %v\nwant %+v", tt.text, got, err, tt.want)
			}
		})
	}
}

// textKey is a node's key.
const textKey = "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa"

func key(t *testing.T) identity.Key {
	k, err := identity.ParseKey(textKey)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestParseRefuses(t *testing.T) {
	otherV1 := strings.Repeat("0", 40)
	tests := []struct{ name, text string }{
		{"nothing", ""},
		{"a word", "debian"},
		{"39 digits", hexV1[1:]},
		{"40 characters", strings.Repeat("g", 40)},
		{"64 characters", strings.Repeat("g", 64)},
		{"no parameters", "magnet:"},
		{"no question mark", "magnet:xt=urn:btih:" + hexV1},
		{"no topic", "magnet:?dn=name"},
		{"topic of another network", "magnet:?xt=urn:sha1:YEX6DQDLXISUVHOJ6UM3GNNKPQJWPKEK"},
		{"short key of a feed", "magnet:?xs=urn:btpk:" + hexV2[2:]},
		{"feed with a salt that is no hex", "magnet:?xs=urn:btpk:" + hexV2 + "&s=new"},
		{"feed with a long salt", "magnet:?xs=urn:btpk:" + hexV2 + "&s=" + strings.Repeat("00", MaxSalt+1)},
		{"short hash", "magnet:?xt=urn:btih:" + hexV1[1:]},
		{"hash that is no hex", "magnet:?xt=urn:btih:" + strings.Repeat("g", 40)},
		{"hash that is no base32", "magnet:?xt=urn:btih:" + strings.Repeat("1", 32)},
		{"base32 padding", "magnet:?xt=urn:btih:" + strings.Repeat("A", 24) + "========"},
		{"v2 without multihash", "magnet:?xt=urn:btmh:" + hexV2},
		{"v2 by another hash", "magnet:?xt=urn:btmh:1120" + hexV2},
		{"short v2", "magnet:?xt=urn:btmh:1220" + hexV2[2:]},
		{"two v1 hashes", "magnet:?xt=urn:btih:" + hexV1 + "&xt=urn:btih:" + otherV1},
		{"two v2 hashes", "magnet:?xt=urn:btmh:1220" + hexV2 + "&xt=urn:btmh:1220" + otherV1 + otherV1[:24]},
		{"web address without host", "http:///f.torrent"},
		{"web address with a line break", "http://w.example/\nf.torrent"},
		{"unknown scheme", "gopher://w.example/f.torrent"},
		{"path with NUL", "/a\x00.torrent"},
		{"too long", "magnet:?xt=urn:btih:" + hexV1 + "&dn=" + strings.Repeat("a", MaxLength)},
		{"too long once escaped", "magnet:?xt=urn:btih:" + hexV1 + "&dn=" + strings.Repeat("/", MaxLength/2)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := Parse(tt.text); !errors.Is(err, ErrNotALink) {
				t.Errorf("parsed %+v, %v", got, err)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("magnet:?xt=urn:btih:" + hexV1)
	for i := range 200 {
		fmt.Fprintf(&b, "&tr=udp://t%d:1&ws=http://w%d/&x.pe=h%d:1", i, i, i)
	}
	for i := range 300 {
		fmt.Fprintf(&b, "&so=%d,%d,%d,%d,%d", 10*i, 10*i+2, 10*i+4, 10*i+6, 10*i+8)
	}
	l, err := Parse(b.String())
	if err != nil {
		t.Fatal(err)
	}
	got := []int{len(l.Trackers), len(l.WebSeeds), len(l.Peers), len(l.Select)}
	if want := []int{MaxTrackers, MaxWebSeeds, MaxPeers, MaxRanges}; !reflect.DeepEqual(got, want) {
		t.Errorf("%d trackers, web seeds, peers and ranges, want %d", got, want)
	}
}

func TestMagnet(t *testing.T) {
	full := Link{
		InfoHash: metainfo.NewInfoHash(v1(t), v2(t)),
		Name:     "Zoë & friends+1",
		Length:   12345,
		Trackers: []string{"udp://t.example:80/announce", "https://u.example/announce?a=b&c=d"},
		WebSeeds: []string{"http://w.example/f/"},
		Peers:    []string{"192.0.2.1:6881", "[2001:db8::1]:6881"},
		Key:      key(t),
		Select:   Selection{{0, 0}, {4, 6}},
		Kind:     Magnet,
		Source:   "https://s.example/f.torrent",
	}
	const want = "magnet:?xt=urn:btih:" + hexV1 + "&xt=urn:btmh:1220" + hexV2 +
		"&dn=Zo%C3%AB%20%26%20friends%2B1&xl=12345" +
		"&tr=udp%3A%2F%2Ft.example%3A80%2Fannounce&tr=https%3A%2F%2Fu.example%2Fannounce%3Fa%3Db%26c%3Dd" +
		"&ws=http%3A%2F%2Fw.example%2Ff%2F&x.pe=192.0.2.1:6881&x.pe=[2001:db8::1]:6881" +
		"&x.pk=" + textKey + "&so=0,4-6&xs=https%3A%2F%2Fs.example%2Ff.torrent"
	if got := full.Magnet(); got != want {
		t.Errorf("printed\n%s, want\n%s", got, want)
	}
	if got, err := Parse(want); err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("parsed %+v, %v", got, err)
	}
	if got, want := (Link{InfoHash: metainfo.NewInfoHash(nil, v2(t))}).Magnet(), "magnet:?xt=urn:btmh:1220"+hexV2; got != want {
		t.Errorf("printed %s, want %s", got, want)
	}
	pointer := Link{Kind: Feed, Feed: Pointer{Publisher: *v2(t), Salt: "new"}, Name: "n"}
	if got, want := pointer.Magnet(), "magnet:?xs=urn:btpk:"+hexV2+"&s=6e6577&dn=n"; got != want {
		t.Errorf("printed %s, want %s", got, want)
	}
	if got := (Link{Kind: TorrentFile, Source: "a.torrent"}).Magnet(); got != "" {
		t.Errorf("printed %q for a link without info-hash", got)
	}
}

func TestSelectionHas(t *testing.T) {
	s := Selection{{0, 0}, {2, 2}, {4, 6}}
	for i, want := range []bool{true, false, true, false, true, true, true, false} {
		if s.Has(i) != want {
			t.Errorf("Has(%d) is %v", i, !want)
		}
	}
	if !(Selection)(nil).Has(1 << 30) {
		t.Error("no selection leaves a file out")
	}
}

func FuzzParse(f *testing.F) {
	const base = "magnet:?xt=urn:btih:" + hexV1
	for _, s := range []string{
		base, "magnet:?xt=urn:btih:" + b32V1, "magnet:?xt=urn:btmh:1220" + hexV2, hexV1, hexV2,
		base + "&dn=a%20b+c&xl=5&tr=udp%3A%2F%2Ft%3A80&tr.1=http://t/announce&ws=http://w/",
		base + "&x.pe=192.0.2.1:6881&x.pe=[2001:db8::1]:6881&x.pe=host:1&so=0,2,4-6&xs=http://s/f.torrent",
		base + "&x.pe=h:1&x.pk=" + textKey, base + "&x.pe=h:1&x.pk=" + textKey[1:], "magnet:?xs=urn:btpk:" + hexV2 + "&x.pk=" + textKey,
		base + "&amp;dn=100%&so=7-99999999999,5",
		"https://w.example/f.torrent", "f.torrent", "./f", "ipfs://x", "magnet:?xs=urn:btpk:" + hexV2 + "&s=6e6577&xs=http://s/f",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l, err := Parse(s)
		if err != nil {
			if !errors.Is(err, ErrNotALink) {
				t.Errorf("error %v", err)
			}
			return
		}
		switch l.Kind {
		case Magnet, Feed:
			printed := l.Magnet()
			if again, err := Parse(printed); err != nil || !reflect.DeepEqual(again, l) {
				t.Errorf("%q printed %q\nparsed %+v, %v\nwant   %+v", s, printed, again, err, l)
			}
		case Hash:
			again, err := Parse(l.Magnet())
			if err != nil || again.InfoHash != l.InfoHash {
				t.Errorf("%q became %+v, %v", s, again, err)
			}
		case TorrentFile, TorrentURL:
			if again, err := Parse(l.Source); err != nil || !reflect.DeepEqual(again, l) {
				t.Errorf("%q became %+v, %v", s, again, err)
			}
		default:
			t.Errorf("%q is of kind %d", s, l.Kind)
		}
	})
}
