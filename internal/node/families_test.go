package node

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// families are three hosts that have a part each: one knows IPv4 alone and has one file, one knows IPv6 alone and has the other, and
// one with both wants both files.
type families struct {
	*house
	four, six, both *netxtest.Host
}

// partly starts a node that has one file of two, and neither wants nor dials anything else.
func (f *families) partly(host *netxtest.Host, file string, change ...func(*Config)) *Node {
	f.t.Helper()
	dir := f.home("with " + file)
	content, err := os.ReadFile(filepath.Join(f.src, file))
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "photos"), 0o755)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "photos", file), content, 0o644)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	n := start(f.t, host, f.home("node with "+file), append([]func(*Config){func(c *Config) { c.Offline = false }}, change...)...)
	o := f.get(n, func(r *GetRequest) { r.Torrent, r.Dir, r.Select, r.Peers = f.torrent(), dir, []string{file}, nil })
	untilDone(f.t, n, o.ID)
	return n
}

// fetches starts the node that wants all, and waits until it has.
func (f *families) fetches(req GetRequest, change ...func(*Config)) {
	f.t.Helper()
	n := start(f.t, f.both, f.home("both"), append([]func(*Config){func(c *Config) { c.Offline = false }}, change...)...)
	req.Torrent = f.torrent()
	o, err := n.Get(f.t.Context(), req)
	if err != nil {
		f.t.Fatal(err)
	}
	untilDone(f.t, n, o.ID)
	compareTrees(f.t, f.src, filepath.Join(f.home("both"), "downloads", "photos"))
}

// tracks starts a tracker that names, to whoever asks over a family, one peer of it.
func (f *families) tracks(four, six string) (url string) {
	f.t.Helper()
	host := f.world.Host("1.1.9.9", "2600:9::9")
	f.world.Name("tracker.example", "1.1.9.9", "2600:9::9")
	l, err := host.ListenTCP(f.t.Context(), netip.MustParseAddrPort("[::]:80"))
	if err != nil {
		f.t.Fatal(err)
	}
	compact := func(s string) string {
		a := netip.MustParseAddrPort(s)
		return string(a.Addr().AsSlice()) + string([]byte{byte(a.Port() >> 8), byte(a.Port())})
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asker, _, _ := net.SplitHostPort(r.RemoteAddr)
		if netip.MustParseAddr(asker).Is4() {
			fmt.Fprintf(rw, "d8:intervali1800e5:peers6:%se", compact(four))
		} else {
			fmt.Fprintf(rw, "d8:intervali1800e5:peers0:6:peers618:%se", compact(six))
		}
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	f.t.Cleanup(func() {
		srv.Close()
		running.Wait()
	})
	return "http://tracker.example/announce"
}

// TestBothFamilies: a node with both families of addresses finds peers of both, whichever way peers are found, and connects with
// them.
func TestBothFamilies(t *testing.T) {
	here := func(c *Config) { c.Listen = []netip.AddrPort{netip.MustParseAddrPort("[::]:7000")} }
	for name, test := range map[string]func(f *families){
		"by a tracker": func(f *families) {
			url := f.tracks(peerOf(f.partly(f.four, "a")), peerOf(f.partly(f.six, "b")))
			f.fetches(GetRequest{Trackers: []string{url}})
		},
		"by exchange": func(f *families) {
			middle := start(f.t, f.world.Host("20.9.0.1", "2600:9::1"), f.home("middle"), func(c *Config) { c.Offline, c.Down = false, 1000 })
			f.get(middle, func(r *GetRequest) {
				r.Torrent, r.Peers = f.torrent(), []string{peerOf(f.partly(f.four, "a")), peerOf(f.partly(f.six, "b"))}
			})
			f.fetches(GetRequest{Peers: []string{peerOf(middle)}})
		},
		"in the DHT": func(f *families) {
			inBoth := func(c *Config) {
				inTable(c)
				here(c)
			}
			f.world.Name("router.example", "20.0.0.1", "2601:0:0::1")
			for i := range 6 {
				host := f.world.Host(fmt.Sprintf("20.%d.0.1", i), fmt.Sprintf("2601:%d::1", i))
				start(f.t, host, f.home(fmt.Sprint("member ", i)), inBoth)
			}
			time.Sleep(time.Minute) // virtual
			f.partly(f.four, "a", inBoth)
			f.partly(f.six, "b", inBoth)
			time.Sleep(time.Minute) // virtual
			f.fetches(GetRequest{}, inBoth)
		},
		"on the local network": func(f *families) {
			four, six := f.world.Host("10.0.1.4"), f.world.Host("fd00::6")
			f.both = f.world.Host("10.0.1.2", "fd00::2")
			f.world.LAN(four, six, f.both)
			f.partly(four, "a")
			f.partly(six, "b")
			f.fetches(GetRequest{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, "hybrid", map[string]int{"a": 300_000, "b": 300_000}, func(t *testing.T, h *house) {
				test(&families{house: h, four: h.world.Host("22.4.0.1"), six: h.world.Host("2602:6::1"), both: h.world.Host("21.5.0.1", "2600:5::1")})
			})
		})
	}
}
