package tracker_test

import (
	"errors"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/tracker"
)

func hash(s string) (h [20]byte) {
	copy(h[:], s)
	return h
}

func TestAnnounceURL(t *testing.T) {
	a := tracker.Announce{
		InfoHash: hash("\x12\x34\x56\x78\x9a\xbc\xde\xf1\x23\x45\x67\x89\xab\xcd\xef\x12\x34\x56\x78\x9a"),
		PeerID:   hash("-PL0001- +&=?/\xff~_.a!"),
		Uploaded: 1, Downloaded: 2, Left: 1 << 40, Event: tracker.Started, NumWant: 80, Key: 0xbeef, Port: 6881,
		TrackerID: "a&b",
	}
	const query = "info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A&peer_id=-PL0001-%20%2B%26%3D%3F%2F%FF~_.a%21" +
		"&port=6881&uploaded=1&downloaded=2&left=1099511627776&key=0000BEEF&event=started&numwant=80&compact=1&no_peer_id=1" +
		"&trackerid=a%26b"
	for base, want := range map[string]string{
		"http://t.example/announce":              "http://t.example/announce?" + query,
		"http://t.example/announce?":             "http://t.example/announce?" + query,
		"http://t.example/announce?passkey=x%2F": "http://t.example/announce?passkey=x%2F&" + query,
		"http://t.example/announce?a=1&":         "http://t.example/announce?a=1&" + query,
		"https://u:p@t.example:8443/k%2F/a#frag": "https://u:p@t.example:8443/k%2F/a?" + query,
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.URL(u); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", base, got, want)
		}
	}
	u, _ := url.Parse("http://t.example/announce")
	plain := (&tracker.Announce{NumWant: -1}).URL(u)
	for _, absent := range []string{"event", "numwant", "trackerid"} {
		if strings.Contains(plain, absent) {
			t.Errorf("%s in %s", absent, plain)
		}
	}
	partial := (&tracker.Announce{Left: 5, Event: tracker.Paused}).URL(u)
	if !strings.Contains(partial, "&left=5&") || !strings.Contains(partial, "&event=paused&") {
		t.Error(partial)
	}
	back, err := url.Parse((&a).URL(u))
	if err != nil || back.Query().Get("info_hash") != string(a.InfoHash[:]) || back.Query().Get("peer_id") != string(a.PeerID[:]) {
		t.Error("does not read back:", back, err)
	}
}

func addrs(list ...string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, s := range list {
		out = append(out, netip.MustParseAddrPort(s))
	}
	return out
}

func TestParseResponse(t *testing.T) {
	tests := []struct {
		name, body string
		want       *tracker.Response
	}{
		{
			"compact, all keys",
			"d8:completei3e11:external ip4:\x01\x02\x03\x0410:incompletei1e8:intervali1800e12:min intervali60e" +
				"5:peers12:\x01\x01\x01\x01\x1a\xe1\x02\x02\x02\x02\x00\x506:peers618:\x26\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x1a\xe1" +
				"10:tracker id3:abc15:warning message4:slowe\r\n",
			&tracker.Response{
				Interval: 30 * time.Minute, MinInterval: time.Minute, Seeders: 3, Leechers: 1, TrackerID: "abc", Warning: "slow",
				ExternalIP: netip.MustParseAddr("1.2.3.4"),
				Peers:      addrs("1.1.1.1:6881", "2.2.2.2:80", "[2600::1]:6881"),
			},
		},
		{
			"long form",
			"d8:intervali1e5:peersl" +
				"d2:ip7:1.1.1.14:porti6881ee" +
				"d2:ip7:2600::17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti1ee" +
				"d2:ip16:::ffff:127.0.0.14:porti7ee" + // kept here, refused by netx.AcceptPeer
				"d2:ip9:localhost4:porti1ee" + "d2:ip7:1.1.1.14:porti0ee" + "d2:ip7:1.1.1.14:porti65536ee" +
				"d2:ip7:1.1.1.1e" + "d2:ip11:fe80::1%lo04:porti1ee" + "i7e" + "le" + "ee",
			&tracker.Response{
				Interval: time.Second, Seeders: -1, Leechers: -1,
				Peers: addrs("1.1.1.1:6881", "[2600::1]:1", "127.0.0.1:7"),
			},
		},
		{"nothing", "de", &tracker.Response{Seeders: -1, Leechers: -1}},
		{
			"cut peer and no port", "d5:peers15:\x01\x01\x01\x01\x00\x00\x02\x02\x02\x02\x00\x50\x03\x03\x03e",
			&tracker.Response{Seeders: -1, Leechers: -1, Peers: addrs("2.2.2.2:80")},
		},
		{
			"wrong kinds and wild numbers",
			"d8:completei-5e11:external ip3:abc10:incompletei99999999999999e8:intervali99999999999999e12:min intervali-1e5:peersi1e6:peers6le10:tracker idi1ee",
			&tracker.Response{Interval: tracker.MaxInterval, Seeders: -1, Leechers: 1<<31 - 1},
		},
	}
	for _, tt := range tests {
		got, err := tracker.ParseResponse([]byte(tt.body))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, %v\nwant %+v", tt.name, got, err, tt.want)
		}
	}
}

func TestParseResponseFailures(t *testing.T) {
	long := strings.Repeat("x", 600)
	tests := []struct {
		body string
		want tracker.Failure
	}{
		{"d14:failure reason6:banned8:intervali5ee", tracker.Failure{Reason: "banned"}},
		{"d14:failure reason600:" + long + "8:retry ini5ee", tracker.Failure{Reason: long[:512], Retry: 5 * time.Minute}},
		{"d14:failure reason0:8:retry in5:nevere", tracker.Failure{Never: true}},
		{"d14:failure reason0:8:retry in2:15e", tracker.Failure{Retry: 15 * time.Minute}},
		{"d14:failure reason0:8:retry ini9223372036854775807ee", tracker.Failure{Retry: tracker.MaxInterval}},
		{"d14:failure reason0:8:retry ini-9223372036854775808ee", tracker.Failure{}},
	}
	for _, tt := range tests {
		_, err := tracker.ParseResponse([]byte(tt.body))
		var f *tracker.Failure
		if !errors.As(err, &f) || *f != tt.want {
			t.Errorf("%.60s: %v, want %+v", tt.body, err, tt.want)
		}
	}
	for _, body := range []string{"", "<html>", "i1e", "le", "5:hello", "d5:peers"} {
		_, err := tracker.ParseResponse([]byte(body))
		var f *tracker.FormatError
		if !errors.As(err, &f) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestParseResponseKeepsNoMoreThanMaxPeers(t *testing.T) {
	for _, body := range []string{
		"d5:peers60000:" + strings.Repeat("\x01\x01\x01\x01\x01\x01", 10000) + "6:peers618:\x26\x00aaaaaaaaaaaaaaaae",
		"d5:peersl" + strings.Repeat("d2:ip7:1.1.1.14:porti6881ee", 5000) + "ee",
	} {
		r, err := tracker.ParseResponse([]byte(body))
		if err != nil || len(r.Peers) != tracker.MaxPeers {
			t.Error(len(r.Peers), err)
		}
	}
}

func TestPrintable(t *testing.T) {
	err := &tracker.Failure{Reason: "say \"hi\"\x1b[2J\n\u202eé\xff<b>"}
	if got := err.Error(); got != `the tracker says: say "hi"\x1b[2J\n\u202eé\xff<b>` {
		t.Error(got)
	}
}

func FuzzParseResponse(f *testing.F) {
	f.Add([]byte("d8:intervali1800e5:peers6:\x01\x01\x01\x01\x1a\xe1e"))
	f.Add([]byte("d14:failure reason6:banned8:retry in5:nevere"))
	f.Add([]byte("d5:peersld2:ip7:1.1.1.14:porti6881eeee"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := tracker.ParseResponse(b)
		if (r == nil) == (err == nil) {
			t.Fatal(r, err)
		}
		if r != nil {
			checkBounds(t, r)
		}
		var fail *tracker.Failure
		if errors.As(err, &fail) && (len(fail.Reason) > tracker.MaxText || fail.Retry < 0 || fail.Retry > tracker.MaxInterval) {
			t.Fatal(fail)
		}
	})
}

func checkBounds(t *testing.T, r *tracker.Response) {
	t.Helper()
	if len(r.Peers) > tracker.MaxPeers || len(r.Warning) > tracker.MaxText || len(r.TrackerID) > tracker.MaxText ||
		r.Interval < 0 || r.Interval > tracker.MaxInterval || r.MinInterval < 0 || r.MinInterval > tracker.MaxInterval ||
		r.Seeders < -1 || r.Leechers < -1 {
		t.Fatalf("out of bounds: %+v", r)
	}
	for _, p := range r.Peers {
		if !p.IsValid() || p.Port() == 0 || p.Addr().Is4In6() || p.Addr().Zone() != "" {
			t.Fatalf("peer %v", p)
		}
	}
}
