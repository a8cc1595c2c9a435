package urls_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
)

// canary answers at an address and counts who came.
func canary(t *testing.T, h *netxtest.Host, hits *atomic.Int64, at ...string) {
	t.Helper()
	for _, a := range at {
		serve(t, h, a, func(w http.ResponseWriter, _ *http.Request) {
			hits.Add(1)
			_, _ = w.Write([]byte("secret"))
		})
	}
}

func serve(t *testing.T, h *netxtest.Host, at string, handler http.HandlerFunc) {
	t.Helper()
	l, err := h.ListenTCP(t.Context(), netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, handler)
}

func serveOn(t *testing.T, l net.Listener, handler http.HandlerFunc) {
	srv := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
}

// Forty ways to write an address that nothing may be fetched from on somebody else's word. The names resolve as the
// most permissive resolver would have it.
var spellings = []struct{ host, resolves string }{
	{"127.0.0.1", ""},
	{"127.1", "127.0.0.1"},
	{"127.0.1", "127.0.0.1"},
	{"2130706433", "127.0.0.1"},
	{"0x7f000001", "127.0.0.1"},
	{"0x7f.0.0.1", "127.0.0.1"},
	{"0x7f.1", "127.0.0.1"},
	{"017700000001", "127.0.0.1"},
	{"0177.0.0.1", "127.0.0.1"},
	{"0177.0.0.01", "127.0.0.1"},
	{"127.0.0.1.", "127.0.0.1"},
	{"127.255.255.254", ""},
	{"localhost", "127.0.0.1"},
	{"LOCALHOST", "127.0.0.1"},
	{"localhost.", "::1"},
	{"localtest.me", "127.0.0.1"},
	{"127.0.0.1.nip.io", "127.0.0.1"},
	{"1２7.0.0.1", "127.0.0.1"}, // full-width digit
	{"①②⑦.0.0.1", "127.0.0.1"},
	{"127。0。0。1", "127.0.0.1"}, // ideographic full stop
	{"0.0.0.0", ""},
	{"0", "0.0.0.0"},
	{"[::1]", ""},
	{"[0:0:0:0:0:0:0:1]", ""},
	{"[::]", ""},
	{"[::ffff:127.0.0.1]", ""},
	{"[::ffff:7f00:1]", ""},
	{"[0:0:0:0:0:ffff:a9fe:a9fe]", ""},
	{"[::127.0.0.1]", ""},
	{"[::ffff:0:127.0.0.1]", ""},
	{"[64:ff9b::7f00:1]", ""},
	{"[64:ff9b::169.254.169.254]", ""},
	{"[64:ff9b:1::a00:1]", ""},
	{"[2002:7f00:1::]", ""},
	{"[2002:a9fe:a9fe::1]", ""},
	{"[2001:0:4136:e378:8000:63bf:80ff:fffe]", ""}, // Teredo of 127.0.0.1
	{"[fe80::1]", ""},
	{"[fe80::1%25eth0]", ""},
	{"[fd00:ec2::254]", ""},
	{"169.254.169.254", ""},
	{"169.254.1.1", ""},
	{"0xa9fea9fe", "169.254.169.254"},
	{"metadata.google.internal", "169.254.169.254"},
	{"100.100.100.200", ""},
	{"168.63.129.16", ""},
	{"192.0.0.192", ""},
	{"10.0.0.1", ""},
	{"172.31.255.255", ""},
	{"192.168.1.1", ""},
	{"100.64.0.1", ""},
	{"[fc00::1]", ""},
	{"224.0.0.1", ""},
	{"255.255.255.255", ""},
	{"[ff02::1]", ""},
	{"router.lan", "192.168.1.1"},
	{"both.example", "::ffff:127.0.0.1"},
}

func TestPromise4_9_NoSpellingOfALocalAddressGetsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us := w.Host("8.8.4.4", "2600::4")
		other := w.Host("169.254.169.254", "169.254.1.1", "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1",
			"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fe80::1", "fc00::1")
		var hits atomic.Int64
		canary(t, us, &hits, "0.0.0.0:80", "[::1]:80")
		canary(t, other, &hits, "[::]:80")
		for _, s := range spellings {
			if s.resolves != "" {
				w.Name(s.host, s.resolves)
			}
		}
		client := urls.NewClient(urls.ClientOptions{Network: us})
		defer client.Close()
		for _, s := range spellings {
			for _, purpose := range []urls.Purpose{urls.ForTracker, urls.ForWebSeed, urls.ForTorrent} {
				raw := "http://" + s.host + "/latest/meta-data?token=hunter2"
				_, _, err := client.Fetch(t.Context(), urls.Request{Guard: urls.Guard{Purpose: purpose}, URL: raw})
				var refused *urls.Error
				if !errors.As(err, &refused) {
					t.Errorf("%s for %d: %v", raw, purpose, err)
				} else if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: the error shows the query: %v", raw, err)
				}
			}
		}
		if n := hits.Load(); n != 0 || len(us.Dials()) != 0 {
			t.Errorf("%d hits, dialled %v", n, us.Dials())
		}
	})
}

func TestPromise4_9_PrivateTrackersAndWebSeeds(t *testing.T) {
	const (
		announce = urls.ForTracker
		content  = urls.ForWebSeed
		torrent  = urls.ForTorrent
	)
	tests := []struct {
		url     string
		purpose urls.Purpose
		trusted bool
		ok      bool
	}{
		{"http://192.168.1.1/announce", announce, false, true},
		{"http://127.0.0.1:6969/announce?passkey=1", announce, false, true},
		{"http://192.168.1.1/key/scrape", announce, false, true},
		{"udp://192.168.1.1:6969/announce", announce, false, true},
		{"udp://192.168.1.1:6969", announce, false, false},
		{"udp://192.168.1.1:6969", announce, true, true},
		{"udp://1.1.1.1:6969", announce, false, true},
		{"udp://1.1.1.1", announce, false, false},
		{"udp://1.1.1.1:6969/file", content, false, false},
		{"http://192.168.1.1/", announce, false, false},
		{"http://192.168.1.1/announce/", announce, false, false},
		{"http://192.168.1.1/reboot?/announce", announce, false, false},
		{"http://192.168.1.1/reboot#/announce", announce, false, false},
		{"http://192.168.1.1/reboot%2Fannounce", announce, false, false},
		{"http://192.168.1.1/reboot;/announce.cgi", announce, false, false},
		{"http://169.254.169.254/announce", announce, false, false},
		{"http://169.254.169.254/announce", announce, true, true},
		{"http://rebind.example/announce", announce, true, false},
		{"http://nas.lan/", announce, true, true},
		{"http://192.168.1.1/file.iso", content, false, true},
		{"http://192.168.1.1/file.iso?do=1", content, false, false},
		{"http://192.168.1.1/file.iso?", content, false, false},
		{"http://192.168.1.1/file.iso?do=1", content, true, true},
		{"http://192.168.1.1/a.torrent", torrent, false, false},
		{"http://192.168.1.1/a.torrent", torrent, true, true},
		{"https://1.1.1.1/x?y=1", content, false, true},
		{"http://1.1.1.1:0/announce", announce, true, false},
		{"http://1.1.1.1:99999/announce", announce, true, false},
		{"file:///etc/passwd", torrent, true, false},
		{"ftp://1.1.1.1/x", content, true, false},
		{"gopher://1.1.1.1/x", announce, true, false},
		{"unix:/run/x/announce", announce, true, false},
		{"http:///announce", announce, true, false},
		{"http:announce", announce, true, false},
		{"//1.1.1.1/announce", announce, true, false},
		{"javascript:alert(1)", torrent, true, false},
		{"http://exa\tmple/announce", announce, true, false},
		{"http://" + strings.Repeat("a", 5000) + "/announce", announce, true, false},
	}
	w := netxtest.NewWorld(1)
	us := w.Host("8.8.4.4")
	w.Name("rebind.example", "169.254.169.254")
	w.Name("nas.lan", "192.168.1.1")
	for _, tt := range tests {
		g := urls.Guard{Purpose: tt.purpose, Trusted: tt.trusted}
		u, err := g.Parse(tt.url)
		if err == nil {
			_, err = g.Resolve(t.Context(), us, u, netx.AnyFamily)
		}
		if (err == nil) != tt.ok {
			t.Errorf("%.60s for %d, trusted %v: %v", tt.url, tt.purpose, tt.trusted, err)
		}
		var refused *urls.Error
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%.60s: not typed: %v", tt.url, err)
		}
	}
}

func TestPromise4_9_Redirects(t *testing.T) {
	const named = "http://192.168.1.1/start/announce"
	tests := []struct {
		name     string
		from, to string
		trusted  bool
		ok       bool
	}{
		{"public to public", "http://1.1.1.1/announce", "http://1.0.0.1/x", false, true},
		{"public to private", "http://1.1.1.1/announce", "http://192.168.1.1/announce", false, false},
		{"public to loopback", "http://1.1.1.1/announce", "http://127.0.0.1/announce", false, false},
		{"public to a name of loopback", "http://1.1.1.1/announce", "http://rebind.example/announce", false, false},
		{"trusted public to private", "http://1.1.1.1/announce", "http://192.168.1.1/announce", true, false},
		{"to a file", "http://1.1.1.1/announce", "file:///etc/passwd", false, false},
		{"trusted to a file", "http://1.1.1.1/announce", "file:///etc/passwd", true, false},
		{"private to public", named, "http://1.1.1.1/x", false, true},
		{"private to an announce", named, "http://127.0.0.1/announce", false, true},
		{"private to elsewhere on it", named, "http://192.168.1.1/reboot", false, false},
		{"trusted to elsewhere on it", named, "http://192.168.1.1/reboot", true, true},
		{"trusted to another private", named, "http://127.0.0.1/reboot", true, false},
		{"trusted to metadata", named, "http://169.254.169.254/announce", true, false},
		{"for ever", "http://1.1.1.1/announce", "http://1.1.1.1/announce", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				us, far, near := w.Host("8.8.4.4"), w.Host("1.1.1.1", "1.0.0.1"), w.Host("192.168.1.1", "169.254.169.254")
				w.Name("rebind.example", "127.0.0.1")
				var asked atomic.Int64
				handler := func(rw http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					if r.Referer() != "" {
						t.Errorf("Referer %s", r.Referer())
					}
					if strings.HasSuffix(tt.from, r.Host+r.URL.Path) {
						http.Redirect(rw, r, tt.to, http.StatusFound)
						return
					}
					_, _ = rw.Write([]byte("ok"))
				}
				for _, h := range []*netxtest.Host{us, far, near} {
					serve(t, h, "0.0.0.0:80", handler)
				}
				client := urls.NewClient(urls.ClientOptions{Network: us})
				defer client.Close()
				_, body, err := client.Fetch(t.Context(), urls.Request{
					Guard: urls.Guard{Purpose: urls.ForTracker, Trusted: tt.trusted}, URL: tt.from,
				})
				switch {
				case tt.ok && (err != nil || string(body) != "ok"):
					t.Errorf("%q, %v", body, err)
				case !tt.ok && err == nil:
					t.Errorf("went through: %q", body)
				}
				if n := asked.Load(); tt.name == "for ever" && n != 6 || n > 6 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// A name that changes its address between the check and the dial would get around the check.
func TestPromise4_9_ResolvesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, far := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		var hits, served atomic.Int64
		canary(t, us, &hits, "127.0.0.1:80")
		w.Name("rebind.example", "1.1.1.1")
		serve(t, far, "1.1.1.1:80", func(rw http.ResponseWriter, _ *http.Request) {
			served.Add(1)
			w.Name("rebind.example", "127.0.0.1")
		})
		client := urls.NewClient(urls.ClientOptions{Network: us})
		defer client.Close()
		g := urls.Guard{Purpose: urls.ForWebSeed}
		if _, _, err := client.Fetch(t.Context(), urls.Request{Guard: g, URL: "http://rebind.example/?a"}); err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.Fetch(t.Context(), urls.Request{Guard: g, URL: "http://rebind.example/?a"}); err == nil {
			t.Error("followed the new address")
		}
		if hits.Load() != 0 || served.Load() != 1 {
			t.Errorf("%d hits, %d served", hits.Load(), served.Load())
		}
	})
}

func TestPrintable(t *testing.T) {
	_, err := urls.Guard{Purpose: urls.ForTracker}.Parse("http://me:pw@tracker.example/\x7f")
	if err == nil {
		t.Fatal("control character passed")
	}
	u, err := urls.Guard{Purpose: urls.ForTracker}.Parse("http://me:pw@tracker.example/é/announce?key=1#x")
	if err != nil {
		t.Fatal(err)
	}
	got := urls.Printable(u)
	if got != "http://tracker.example/%C3%A9/announce" {
		t.Error(got)
	}
}

func TestScopeOf(t *testing.T) {
	for addr, want := range map[string]netx.Scope{
		"8.8.8.8": netx.Global, "2600::1": netx.Global, "64:ff9b::808:808": netx.Global, "2002:808:808::1": netx.Global,
		"10.1.2.3": netx.Private, "100.127.0.1": netx.Private, "198.18.0.1": netx.Private, "201::1": netx.Private,
		"fd12::1": netx.Private, "127.9.9.9": netx.Loopback, "::1": netx.Loopback, "169.254.3.3": netx.LinkLocal,
		"169.254.169.254": netx.Never, "fe80::a9fe:a9fe%lo": netx.Never,
		"fe80::1%lo": netx.LinkLocal, "203.0.113.1": netx.Never, "2001:db8::1": netx.Never, "4000::1": netx.Never,
		"::ffff:10.0.0.1": netx.Private, "240.0.0.1": netx.Never,
	} {
		if got := netx.ScopeOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v, want %v", addr, got, want)
		}
	}
	if netx.ScopeOf(netip.Addr{}) != netx.Never {
		t.Error("the zero address")
	}
}

func TestPromise4_9_PrivatePeers(t *testing.T) {
	own := []netip.AddrPort{netip.MustParseAddrPort("9.9.9.9:6881"), netip.MustParseAddrPort("9.9.9.8:0")}
	sources := []netx.PeerSource{netx.FromPublic, netx.FromPrivateTracker, netx.FromLAN, netx.FromLink, netx.FromUser}
	tests := []struct{ peer, accepted string }{ // accepted: one letter per source, in the order above
		{"8.8.8.8:6881", "yyyyy"},
		{"[2600::1]:6881", "yyyyy"},
		{"8.8.8.8:53", "nyyyy"},
		{"8.8.8.8:0", "nnnnn"},
		{"10.0.0.1:6881", "nyyyy"},
		{"[::ffff:10.0.0.1]:6881", "nyyyy"},
		{"127.0.0.1:6881", "nyyyy"},
		{"[::1]:6881", "nyyyy"},
		{"[fd00::1]:6881", "nyyyy"},
		{"169.254.7.7:6881", "nnyyy"},
		{"[fe80::1%eth0]:6881", "nnyyy"},
		{"[fe80::a9fe:a9fd%eth0]:6881", "nnyyy"},
		{"169.254.169.254:80", "nnnny"}, // the metadata services of clouds
		{"169.254.169.254:6881", "nnnny"},
		{"169.254.169.253:6881", "nnyyy"},
		{"[::ffff:169.254.169.254]:80", "nnnny"},
		{"[64:ff9b::a9fe:a9fe]:80", "nnnny"},
		{"[fe80::a9fe:a9fe]:80", "nnnny"},
		{"[fe80::a9fe:a9fe%eth0]:80", "nnnny"},
		{"[fd00:ec2::254]:80", "nnnny"},
		{"169.254.170.2:80", "nnnny"},
		{"169.254.170.23:80", "nnnny"},
		{"169.254.42.42:80", "nnnny"},
		{"169.254.0.23:80", "nnnny"},
		{"100.100.100.200:8080", "nnnny"},
		{"0.0.0.0:6881", "nnnnn"},
		{"224.0.0.1:6881", "nnnnn"},
		{"[ff02::1]:6881", "nnnnn"},
		{"255.255.255.255:6881", "nnnny"},
		{"9.9.9.9:6881", "nnnnn"},
		{"9.9.9.9:6882", "yyyyy"},
		{"9.9.9.8:7000", "nnnnn"},
	}
	for _, tt := range tests {
		var got bytes.Buffer
		for _, s := range sources {
			c := 'n'
			if netx.AcceptPeer(s, netip.MustParseAddrPort(tt.peer), own) {
				c = 'y'
			}
			fmt.Fprintf(&got, "%c", c)
		}
		if got.String() != tt.accepted {
			t.Errorf("%s: %s, want %s", tt.peer, got.String(), tt.accepted)
		}
	}
	if netx.TrackerSource(netx.Global) != netx.FromPublic || netx.TrackerSource(netx.Loopback) != netx.FromPrivateTracker {
		t.Error("source of a tracker's peers")
	}
}

// A router's URL leads to the router, whatever the address is, and nowhere else.
func TestGatewayGuard(t *testing.T) {
	g := urls.Guard{Purpose: urls.ForGateway, Router: netip.MustParseAddr("192.168.1.1")}
	for addr, want := range map[string]bool{
		"192.168.1.1": true, "::ffff:192.168.1.1": true, "192.168.1.2": false, "127.0.0.1": false, "8.8.8.8": false, "169.254.169.254": false,
	} {
		u := &url.URL{Scheme: "http", Host: "router", Path: "/"}
		if err := g.CheckAddr(u, netip.MustParseAddr(addr)); (err == nil) != want {
			t.Error(addr, err)
		}
	}
	if g.CheckURL(&url.URL{Scheme: "udp", Host: "192.168.1.1:1"}) == nil {
		t.Error("another scheme")
	}
}
