package tracker_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

func request(url string) tracker.Request {
	return tracker.Request{
		Server:   tracker.Server{URL: url},
		Announce: wire.Announce{InfoHash: [20]byte{1, ' ', '+'}, Port: 6881, Left: 7, NumWant: 50, Event: wire.Started},
	}
}

func TestHTTPAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4", "2600::4"), w.Host("1.1.1.1", "2600::1", "10.0.0.1")
		w.Name("t.example", "1.1.1.1", "2600::1")
		httpTracker(t, host, "[::]:80", func(rw http.ResponseWriter, r *http.Request) {
			q := r.URL.Query()
			if q.Get("info_hash") != "\x01 +"+strings.Repeat("\x00", 17) || q.Get("passkey") != "k" || q.Get("left") != "7" ||
				q.Get("event") != "started" || r.UserAgent() != "potluck/test" {
				t.Error("asked", r.URL, r.UserAgent())
			}
			body := "d8:completei1e8:intervali60e5:peers6:\x02\x02\x02\x02\x1a\xe1e"
			switch r.URL.Path {
			case "/refuse":
				rw.WriteHeader(http.StatusForbidden)
				body = "d14:failure reason10:no\x1b[31m :(e"
			case "/missing":
				rw.WriteHeader(http.StatusNotFound)
				body = "<html>"
			case "/page":
				body = "<html>"
			}
			_, _ = rw.Write([]byte(body))
		})
		c := newClient(t, us)
		defer c.Close()
		for _, f := range []netx.Family{netx.AnyFamily, netx.IPv4, netx.IPv6} {
			r := request("http://t.example/announce?passkey=k")
			r.Family = f
			resp, err := c.Announce(t.Context(), r)
			if err != nil || !slices.Equal(resp.Peers, []netip.AddrPort{netip.MustParseAddrPort("2.2.2.2:6881")}) || resp.From != netx.FromPublic {
				t.Error(f, resp, err)
			}
			if d := us.Dials(); f != netx.AnyFamily && d[len(d)-1].Addr().Is4() != (f == netx.IPv4) {
				t.Error(f, "dialled", d)
			}
		}
		if resp, err := c.Announce(t.Context(), request("http://10.0.0.1/announce?passkey=k")); err != nil || resp.From != netx.FromPrivateTracker {
			t.Error(resp, err)
		}

		var (
			failure *wire.Failure
			status  *tracker.StatusError
			format  *wire.FormatError
			refused *urls.Error
		)
		_, err := c.Announce(t.Context(), request("http://t.example/refuse?passkey=k"))
		if !errors.As(err, &failure) || err.Error() != `tracker http://t.example/refuse: the tracker says: no\x1b[31m :(` {
			t.Error(err)
		}
		if _, err = c.Announce(t.Context(), request("http://t.example/missing?passkey=k")); !errors.As(err, &status) || status.Code != 404 {
			t.Error(err)
		}
		if _, err = c.Announce(t.Context(), request("http://t.example/page?passkey=k")); !errors.As(err, &format) {
			t.Error(err)
		}
		if _, err = c.Announce(t.Context(), request("http://10.0.0.1/page?passkey=k")); !errors.As(err, &refused) || strings.Contains(err.Error(), "passkey") {
			t.Error(err)
		}
		if _, err = c.Announce(t.Context(), request("wss://t.example/")); !errors.As(err, &refused) {
			t.Error(err)
		}
	})
}

const udpPeers = "0000003c 00000002 00000005" // interval, leechers, seeders

func TestUDPAnnounce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4", "2600::4"), w.Host("1.1.1.1", "2600::1")
		w.Name("t.example", "1.1.1.1", "2600::1")
		u := newUDPTracker(t, host, "[::]:6969")
		u.reply = func(b []byte, from netip.AddrPort) (wire.Action, []byte) {
			if string(b[98:]) != "\x02\x06/k?a=1" || b[16] != 1 || b[83] != byte(wire.Started) {
				t.Errorf("announce %x", b)
			}
			peers := "020202021ae1"
			if from.Addr().Is6() {
				peers = "260000000000000000000000000000021ae1"
			}
			out, _ := hex.DecodeString(strings.ReplaceAll(udpPeers, " ", "") + peers)
			return wire.ActionAnnounce, out
		}
		c := newClient(t, us)
		defer c.Close()
		announce := func(f netx.Family, want string) {
			t.Helper()
			r := request("udp://t.example:6969/k?a=1")
			r.Family = f
			resp, err := c.Announce(t.Context(), r)
			if err != nil || !slices.Equal(resp.Peers, []netip.AddrPort{netip.MustParseAddrPort(want)}) || resp.Interval != time.Minute || resp.Seeders != 5 {
				t.Fatal(resp, err)
			}
		}
		check := func(want ...wire.Action) {
			t.Helper()
			if got := u.packets(); !slices.Equal(got, want) {
				t.Errorf("packets %v, want %v", got, want)
			}
		}
		const v4, v6 = "2.2.2.2:6881", "[2600::2]:6881"
		announce(netx.IPv4, v4)
		check(wire.ActionConnect, wire.ActionAnnounce)
		announce(netx.IPv4, v4) // the connection is known
		check(wire.ActionAnnounce)
		announce(netx.IPv6, v6)
		check(wire.ActionConnect, wire.ActionAnnounce)
		<-time.After(time.Minute) // and forgotten again
		announce(netx.IPv4, v4)
		check(wire.ActionConnect, wire.ActionAnnounce)
		u.mu.Lock()
		u.issued++ // the tracker is restarted
		u.mu.Unlock()
		announce(netx.IPv4, v4)
		check(wire.ActionAnnounce, wire.ActionConnect, wire.ActionAnnounce)
	})
}

func TestUDPRetransmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host := w.Host("8.8.4.4"), w.Host("1.1.1.1")
		u := newUDPTracker(t, host, "1.1.1.1:6969")
		u.reply = func([]byte, netip.AddrPort) (wire.Action, []byte) { return wire.ActionAnnounce, make([]byte, 12) }
		c := newClient(t, us)
		defer c.Close()
		r := request("udp://1.1.1.1:6969")
		r.Family = netx.IPv4

		u.drop = 2
		start := time.Now()
		if _, err := c.Announce(t.Context(), r); err != nil || time.Since(start) != 45*time.Second {
			t.Error(err, time.Since(start))
		}
		<-time.After(2 * time.Minute)
		u.drop = 1000
		start = time.Now()
		if _, err := c.Announce(t.Context(), r); !errors.Is(err, tracker.ErrNoAnswer) || time.Since(start) != 105*time.Second {
			t.Error(err, time.Since(start))
		}
		start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Announce(ctx, r); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Error(err, time.Since(start))
		}
		r.Family = netx.IPv6
		if _, err := c.Announce(t.Context(), r); !errors.Is(err, urls.ErrNoAddress) {
			t.Error(err)
		}
	})
}

// An answer counts only when it comes from where we asked and names the transaction.
func TestUDPForgedAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, host, liar := w.Host("8.8.4.4"), w.Host("1.1.1.1"), w.Host("6.6.6.6")
		u := newUDPTracker(t, host, "1.1.1.1:6969")
		forger, err := liar.ListenUDP(t.Context(), netip.MustParseAddrPort("6.6.6.6:6969"))
		if err != nil {
			t.Fatal(err)
		}
		defer forger.Close()
		u.reply = func(b []byte, from netip.AddrPort) (wire.Action, []byte) {
			lie := append([]byte{0, 0, 0, 3}, b[12:16]...)
			_, _ = forger.WriteTo(append(lie, "lie"...), from)                         // from elsewhere
			_, _ = u.conn.WriteTo([]byte{0, 0, 0, 3, 9, 9, 9, 9, 'l', 'i', 'e'}, from) // another transaction
			_, _ = u.conn.WriteTo([]byte("d1:ad"), from)
			_, _ = u.conn.WriteTo(nil, from)
			return wire.ActionAnnounce, make([]byte, 12)
		}
		c := newClient(t, us)
		defer c.Close()
		if _, err := c.Announce(t.Context(), request("udp://1.1.1.1:6969")); err != nil {
			t.Error(err)
		}
	})
}
