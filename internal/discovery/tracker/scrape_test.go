package tracker_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

var notSaid = wire.Unsaid

func TestHTTPScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1", "10.0.0.1")
		var asked []int
		httpTracker(t, host, "[::]:80", func(rw http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if r.URL.Path != "/scrape" || q.Get("passkey") != "k" {
				rw.WriteHeader(http.StatusNotFound)
				return
			}
			asked = append(asked, len(q["info_hash"]))
			files := ""
			for _, h := range q["info_hash"] {
				if h[0] != 3 { // which is not known
					files += "20:" + h + "d8:completei" + string('0'+h[0]%10) + "e10:downloadedi7e10:incompletei1ee"
				}
			}
			_, _ = rw.Write([]byte("d5:filesd" + files + "ee"))
		})
		c := newClient(t, us)
		defer c.Close()
		var hashes [][20]byte
		for i := range 100 {
			hashes = append(hashes, [20]byte{byte(i)})
		}
		got, err := c.Scrape(t.Context(), tracker.Server{URL: "http://1.1.1.1/announce?passkey=k"}, netx.IPv4, hashes)
		if err != nil || len(got) != 100 || got[3] != notSaid || got[99] != (wire.Scrape{Seeders: 9, Completed: 7, Leechers: 1, Downloaders: -1}) {
			t.Error(got, err)
		}
		if !slices.Equal(asked, []int{40, 40, 20}) {
			t.Error(asked)
		}
		var status *tracker.StatusError
		if _, err := c.Scrape(t.Context(), tracker.Server{URL: "http://1.1.1.1/announce?passkey=wrong"}, netx.IPv4, hashes); !errors.As(err, &status) || strings.Contains(err.Error(), "wrong") {
			t.Error(err)
		}
		if _, err := c.Scrape(t.Context(), tracker.Server{URL: "http://1.1.1.1/a"}, netx.IPv4, hashes); !errors.Is(err, tracker.ErrNoScrape) {
			t.Error(err)
		}
		// DESIGN 4.9 holds for the URL that is asked, not for that of the announce.
		var refused *urls.Error
		if _, err := c.Scrape(t.Context(), tracker.Server{URL: "http://10.0.0.1/announce.php"}, netx.IPv4, hashes); !errors.As(err, &refused) {
			t.Error(err)
		}
		if got, err := c.Scrape(t.Context(), tracker.Server{URL: "http://10.0.0.1/announce?passkey=k"}, netx.IPv4, hashes[:1]); err != nil || len(got) != 1 {
			t.Error(got, err)
		}
	})
}

func TestUDPScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		u := newUDPTracker(t, host, "1.1.1.1:6969")
		u.reply = func(b []byte, _ netip.AddrPort) (wire.Action, []byte) {
			n := (len(b) - 16) / 20
			out, _ := hex.DecodeString("00000001" + "00000002" + "00000003")
			return wire.ActionScrape, slices.Repeat(out, min(n, 73)) // this one forgets the last
		}
		c := newClient(t, us)
		defer c.Close()
		check := func(want ...wire.Action) {
			t.Helper()
			if got := u.packets(); !slices.Equal(got, want) {
				t.Errorf("packets %v, want %v", got, want)
			}
		}
		server := tracker.Server{URL: "udp://1.1.1.1:6969"}
		one := wire.Scrape{Seeders: 1, Completed: 2, Leechers: 3, Downloaders: -1}
		got, err := c.Scrape(t.Context(), server, netx.IPv4, make([][20]byte, 80))
		if err != nil || len(got) != 80 || got[72] != one || got[73] != notSaid || got[79] != one {
			t.Error(got, err)
		}
		check(wire.ActionConnect, wire.ActionScrape, wire.ActionScrape)
		u.mu.Lock()
		u.issued++ // the tracker is restarted
		u.drop = 1
		u.mu.Unlock()
		if got, err := c.Scrape(t.Context(), server, netx.IPv4, make([][20]byte, 1)); err != nil || !slices.Equal(got, []wire.Scrape{one}) {
			t.Error(got, err)
		}
		check(wire.ActionScrape, wire.ActionScrape, wire.ActionConnect, wire.ActionScrape)
		u.mu.Lock()
		u.drop = 1000
		u.mu.Unlock()
		if _, err := c.Scrape(t.Context(), server, netx.IPv4, make([][20]byte, 1)); !errors.Is(err, tracker.ErrNoAnswer) {
			t.Error(err)
		}
	})
}
