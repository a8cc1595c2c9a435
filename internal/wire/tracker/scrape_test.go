package tracker_test

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/tracker"
)

func TestScrapeURL(t *testing.T) {
	hashes := [][20]byte{hash("\x124Vx\x9a a+bcdefghijklm"), hash("bbbbbbbbbbbbbbbbbbbb")}
	const query = "info_hash=%124Vx%9A%20a%2Bbcdefghijklm&info_hash=bbbbbbbbbbbbbbbbbbbb"
	for announce, want := range map[string]string{
		"http://t.example/announce":                "http://t.example/scrape?" + query,
		"http://t.example/x/announce":              "http://t.example/x/scrape?" + query,
		"http://t.example/announce.php":            "http://t.example/scrape.php?" + query,
		"http://t.example/announce?":               "http://t.example/scrape?" + query,
		"http://t.example/announce?k=x%2F":         "http://t.example/scrape?k=x%2F&" + query,
		"http://t.example/announce?a=1&#f":         "http://t.example/scrape?a=1&" + query,
		"https://u:p@t.example:84/k%2Fy/announce":  "https://u:p@t.example:84/k%2Fy/scrape?" + query,
		"http://t.example/announcekey/announce%2F": "http://t.example/announcekey/scrape%2F?" + query,
		"http://t.example/a":                       "",
		"http://t.example/":                        "",
		"http://t.example":                         "",
		"http://t.example/announce/x":              "",
		"http://t.example/x%2Fannounce":            "",
		"http://t.example/x?announce":              "",
		"http://t.example/myannounce":              "",
	} {
		u, err := url.Parse(announce)
		if err != nil {
			t.Fatal(err)
		}
		before := *u
		if got, ok := tracker.ScrapeURL(u, hashes); got != want || ok != (want != "") {
			t.Errorf("%s: %s, %v\nwant %s", announce, got, ok, want)
		}
		if *u != before {
			t.Error("the announce URL was changed")
		}
	}
	u, _ := url.Parse("http://t.example/announce")
	if got, _ := tracker.ScrapeURL(u, make([][20]byte, 100)); strings.Count(got, "info_hash=") != 40 || len(got) > 4000 {
		t.Error(len(got))
	}
}

func TestParseScrapeResponse(t *testing.T) {
	x, y, z := hash("xxxxxxxxxxxxxxxxxxxx"), hash("yyyyyyyyyyyyyyyyyyyy"), hash("zzzzzzzzzzzzzzzzzzzz")
	none := tracker.Unsaid
	const (
		fileX = "20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:incompletei19ee"
		fileY = "20:yyyyyyyyyyyyyyyyyyyyd8:completei21e10:downloadedi206e10:incompletei20e4:name1:ye"
	)
	for name, tt := range map[string]struct {
		body   string
		hashes [][20]byte
		want   []tracker.Scrape
	}{
		"as specified":   {"d5:filesd" + fileX + fileY + "ee", [][20]byte{y, x}, []tracker.Scrape{{21, 206, 20, -1}, {11, 13772, 19, -1}}},
		"not known":      {"d5:filesd" + fileX + "e5:flagsd20:min_request_intervali900eee", [][20]byte{z, x, z}, []tracker.Scrape{none, {11, 13772, 19, -1}, none}},
		"unsorted keys":  {"d5:filesd" + fileY + fileX + "ee", [][20]byte{x}, []tracker.Scrape{{11, 13772, 19, -1}}},
		"nothing said":   {"d5:filesdee", [][20]byte{x}, []tracker.Scrape{none}},
		"nothing asked":  {"d5:filesd" + fileX + "ee", nil, []tracker.Scrape{}},
		"wrong kinds":    {"d5:filesd20:xxxxxxxxxxxxxxxxxxxxi1e20:yyyyyyyyyyyyyyyyyyyyd8:complete1:aeee", [][20]byte{x, y}, []tracker.Scrape{none, none}},
		"wild numbers":   {"d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei-5e10:incompletei99999999999999eeee", [][20]byte{x}, []tracker.Scrape{{-1, -1, 1<<31 - 1, -1}}},
		"partial seeds":  {"d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei1e10:downloadedi2e11:downloadersi3e10:incompletei9eeee", [][20]byte{x}, []tracker.Scrape{{1, 2, 9, 3}}},
		"something else": {"d5:filesd" + fileX + "ee\r\n", [][20]byte{x}, []tracker.Scrape{{11, 13772, 19, -1}}},
	} {
		got, err := tracker.ParseScrapeResponse([]byte(tt.body), tt.hashes)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, body := range []string{"d14:failure reason2:noe", "d14:failure_reason2:noe"} {
		var f *tracker.Failure
		if _, err := tracker.ParseScrapeResponse([]byte(body), nil); !errors.As(err, &f) || f.Reason != "no" {
			t.Errorf("%s: %v", body, err)
		}
	}
	for _, body := range []string{"", "<html>", "le", "de", "d5:filesi1ee", "d5:filesle"} {
		var f *tracker.FormatError
		if _, err := tracker.ParseScrapeResponse([]byte(body), nil); !errors.As(err, &f) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func FuzzParseScrapeResponse(f *testing.F) {
	f.Add([]byte("d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:incompletei19eeee"))
	f.Add([]byte("d5:filesd20:xxxxxxxxxxxxxxxxxxxxi1e3:abcdee5:flagsdee"))
	f.Add([]byte("d14:failure_reason2:no8:retry ini5ee"))
	hashes := [][20]byte{hash("xxxxxxxxxxxxxxxxxxxx"), hash("yyyyyyyyyyyyyyyyyyyy")}
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := tracker.ParseScrapeResponse(b, hashes)
		if err != nil {
			return
		}
		if len(list) != len(hashes) {
			t.Fatal(len(list))
		}
		for _, s := range list {
			if min(s.Seeders, s.Completed, s.Leechers, s.Downloaders) < -1 {
				t.Fatal(s)
			}
		}
	})
}
