package tracker_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/tracker"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestUDPRequests(t *testing.T) {
	a := tracker.Announce{
		InfoHash: hash(strings.Repeat("\x11", 20)), PeerID: hash(strings.Repeat("\x22", 20)),
		Uploaded: 3, Downloaded: 1, Left: 2, Event: tracker.Stopped, NumWant: -1, Key: 0xaabbccdd, Port: 0x1ae1,
	}
	const announce = "0102030405060708 00000001 0a0b0c0d " +
		"1111111111111111111111111111111111111111 2222222222222222222222222222222222222222 " +
		"0000000000000001 0000000000000002 0000000000000003 00000003 00000000 aabbccdd ffffffff 1ae1"
	partial := a
	partial.Event = tracker.Paused
	const id, tid = 0x0102030405060708, 0x0a0b0c0d
	long := "/" + strings.Repeat("k", 299)
	for name, tt := range map[string]struct {
		got  []byte
		want string
	}{
		"connect":           {tracker.AppendConnect(nil, tid), "0000041727101980 00000000 0a0b0c0d"},
		"announce":          {a.AppendUDP(nil, id, tid, ""), announce},
		"partial seed":      {partial.AppendUDP(nil, id, tid, ""), strings.Replace(announce, " 00000003 00000000 ", " 00000000 00000000 ", 1)},
		"usual path":        {a.AppendUDP(nil, id, tid, "/announce"), announce},
		"path":              {a.AppendUDP(nil, id, tid, "/k?a"), announce + " 02 04 2f6b3f61"},
		"key":               {a.AppendUDP(nil, id, tid, "/announce?k=1"), announce + " 02 0d 2f616e6e6f756e63653f6b3d31"},
		"path in two parts": {a.AppendUDP(nil, id, tid, long), announce + " 02 ff 2f" + strings.Repeat("6b", 254) + " 02 2d" + strings.Repeat("6b", 45)},
		"endless path":      {a.AppendUDP(nil, id, tid, strings.Repeat("/", 5000)), announce},
		"scrape": {tracker.AppendScrape(nil, id, tid, [][20]byte{a.InfoHash}),
			"0102030405060708 00000002 0a0b0c0d 1111111111111111111111111111111111111111"},
	} {
		if want := unhex(t, tt.want); !slices.Equal(tt.got, want) {
			t.Errorf("%s:\n%x\nwant\n%x", name, tt.got, want)
		}
	}
	if n := len(tracker.AppendScrape(nil, id, tid, make([][20]byte, 200))); n != 16+74*20 {
		t.Error("scrape of", n)
	}
}

func TestUDPResponses(t *testing.T) {
	connection, err := tracker.ParseConnect(unhex(t, "00000000 0a0b0c0d 0102030405060708 ffff"))
	if err != nil || connection != 0x0102030405060708 {
		t.Error(connection, err)
	}
	four, err := tracker.ParseAnnounce(unhex(t, "00000001 0a0b0c0d 00000708 00000002 00000005 01010101 1ae1 02020202 0050 03"), false)
	want := &tracker.Response{Interval: 30 * time.Minute, Leechers: 2, Seeders: 5, Peers: addrs("1.1.1.1:6881", "2.2.2.2:80")}
	if err != nil || !reflect.DeepEqual(four, want) {
		t.Error(four, err)
	}
	six, err := tracker.ParseAnnounce(unhex(t, "00000001 0a0b0c0d ffffffff 00000000 00000000 26000000000000000000000000000001 1ae1"), true)
	if err != nil || len(six.Peers) != 1 || six.Peers[0] != addrs("[2600::1]:6881")[0] || six.Interval != 0 {
		t.Error(six, err)
	}
	scrape, err := tracker.ParseScrape(unhex(t, "00000002 0a0b0c0d 00000001 00000002 00000003 00000004"))
	if err != nil || !slices.Equal(scrape, []tracker.Scrape{{Seeders: 1, Completed: 2, Leechers: 3, Downloaders: -1}}) {
		t.Error(scrape, err)
	}
	var fail *tracker.Failure
	if _, err := tracker.ParseAnnounce(append(unhex(t, "00000003 0a0b0c0d"), "no\x1b[2J"...), false); !errors.As(err, &fail) || fail.Reason != "no\x1b[2J" {
		t.Error(err)
	}
	for _, bad := range []string{"", "00000001", "00000001 0a0b0c0d", "00000000 0a0b0c0d 0000000000000000 00000000", "64313a61 0a0b0c0d 0000000000000000 00000000"} {
		var format *tracker.FormatError
		if _, err := tracker.ParseAnnounce(unhex(t, bad), false); !errors.As(err, &format) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestIsResponse(t *testing.T) {
	for in, want := range map[string]bool{
		"\x00\x00\x00\x00abcd": true, "\x00\x00\x00\x03abcd": true, "\x00\x00\x00\x04abcd": false,
		"\x00\x00\x00\x03abc": false, "d1:ad2:id": false, "\x21\x00\x00\x00abcdefgh": false,
	} {
		if tracker.IsResponse([]byte(in)) != want {
			t.Errorf("%q", in)
		}
	}
}

func FuzzParseUDP(f *testing.F) {
	f.Add(unhex(f, "00000000 0a0b0c0d 0102030405060708"), false)
	f.Add(unhex(f, "00000001 0a0b0c0d 00000708 00000002 00000005 01010101 1ae1"), false)
	f.Add(unhex(f, "00000001 0a0b0c0d 00000708 00000002 00000005 26000000000000000000000000000001 1ae1"), true)
	f.Add(unhex(f, "00000002 0a0b0c0d 00000001 00000002 00000003"), false)
	f.Add(unhex(f, "00000003 0a0b0c0d 6e6f"), false)
	f.Fuzz(func(t *testing.T, b []byte, ipv6 bool) {
		action, _, ok := tracker.ParseHeader(b)
		if ok != tracker.IsResponse(b) {
			t.Fatal("header and IsResponse disagree")
		}
		if _, err := tracker.ParseConnect(b); err == nil && action != tracker.ActionConnect {
			t.Fatal("connect of another action")
		}
		if r, err := tracker.ParseAnnounce(b, ipv6); err == nil {
			checkBounds(t, r)
		}
		if s, err := tracker.ParseScrape(b); err == nil && len(s) > tracker.MaxScrape {
			t.Fatal("too many")
		}
	})
}
