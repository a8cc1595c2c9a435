package e2e

import (
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

// lossy is a long way that loses one packet in fifty.
var lossy = lab.Line{Delay: 10 * time.Millisecond, Loss: 0.02, Rate: 20e6, Seed: 1}

// site is a machine at one end of a line.
type site struct {
	host *lab.Host
	addr netip.AddrPort
}

// apart is two machines of the internet with a line between them, over which peers find each other by uTP alone: TCP to
// their ports is refused.
func apart(t *testing.T, q lab.Line) (anna, bert site) {
	t.Helper()
	l := lab.New(t)
	west, east := l.Segment("west"), l.Segment("east")
	make := func(name string, s *lab.Segment, addr netip.Prefix) site {
		h := l.Host(name)
		h.Join(s, addr)
		h.Rules(`table inet utp {
	chain output {
		type filter hook output priority filter;
		tcp dport 6881 reject with tcp reset
	}
}`)
		return site{h, netip.AddrPortFrom(addr.Addr(), 6881)}
	}
	anna = make("anna", west, netip.MustParsePrefix("20.1.0.1/8"))
	bert = make("bert", east, netip.MustParsePrefix("20.2.0.1/8"))
	l.Line(west, east, q)
	return anna, bert
}

// nodeAt is a node on a machine.
func nodeAt(t *testing.T, s site) *node {
	t.Helper()
	n := newNode(t)
	n.host, n.addr = s.host, s.addr
	return n
}

const lineSize = 300_000

// TestUTPOverALineGet: a client seeds where only uTP comes through, and little of it as it was sent.
func TestUTPOverALineGet(t *testing.T) {
	t.Parallel()
	for _, c := range []peers.Client{peers.Libtorrent, peers.Transmission} {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			peers.Require(t, c, peers.Libtorrent)
			anna, bert := apart(t, lossy)
			dir, torrent := t.TempDir(), filepath.Join(t.TempDir(), "far.torrent")
			path := peers.WriteFile(t, filepath.Join(dir, "far"), 3, lineSize)
			peers.Make(t, path, torrent, peers.MakeOptions{Format: peers.V1})
			c.Seed(t, peers.Options{Torrent: torrent, Dir: dir, Host: anna.host, Listen: anna.addr, UTP: true})
			got, _ := nodeAt(t, bert).get(t, torrent, "--peer", anna.addr.String())
			peers.Same(t, path, filepath.Join(got, "far"))
		})
	}
}

// TestUTPOverALineShare: the other way; who fetches dials. Transmission takes addresses from trackers only, and gives uTP up for
// good when the first packet of a connection is lost.
func TestUTPOverALineShare(t *testing.T) {
	t.Parallel()
	for _, c := range []peers.Client{peers.Libtorrent, peers.Transmission} {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			peers.Require(t, c)
			way := lossy
			if c.Name == peers.Transmission.Name {
				way.Loss = 0
			}
			anna, bert := apart(t, way)
			path := peers.WriteFile(t, filepath.Join(t.TempDir(), "far"), 3, lineSize)
			o := peers.Options{
				Torrent: filepath.Join(t.TempDir(), "far.torrent"), Dir: t.TempDir(), Host: bert.host, Listen: bert.addr, UTP: true,
			}
			options := []string{"--format", "v1", "--torrent", o.Torrent}
			if c.Dials {
				o.Dial = []netip.AddrPort{anna.addr}
			} else {
				options = append(options, "--tracker", trackerOf(t, bert, anna.addr))
			}
			nodeAt(t, anna).share(t, []string{path}, options...)
			leech := c.Start(t, o)
			peers.WaitDone(t, leech, time.Minute)
			leech.Stop()
			c.Same(t, path, filepath.Join(o.Dir, "far"))
		})
	}
}

// trackerOf is the URL of a tracker on a machine that knows of one peer, whatever it is asked about.
func trackerOf(t *testing.T, at site, peer netip.AddrPort) string {
	t.Helper()
	listener, err := at.host.Listen("tcp", netip.AddrPortFrom(at.addr.Addr(), 0).String())
	if err != nil {
		t.Fatal(err)
	}
	known := peer.Addr().As4()
	answer := "d8:intervali60e5:peers6:" + string(known[:]) + string([]byte{byte(peer.Port() >> 8), byte(peer.Port())}) + "e"
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(answer))
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return "http://" + listener.Addr().String() + "/announce"
}

// TestUTPOverALine: two potlucks. What is larger than a tunnel takes vanishes besides, and nobody is told.
func TestUTPOverALine(t *testing.T) {
	t.Parallel()
	narrow := lossy
	narrow.MTU = 1400
	anna, bert := apart(t, narrow)
	path := peers.WriteFile(t, filepath.Join(t.TempDir(), "far"), 3, lineSize)
	torrent := filepath.Join(t.TempDir(), "far.torrent")
	nodeAt(t, anna).share(t, []string{path}, "--torrent", torrent)
	dir, _ := nodeAt(t, bert).get(t, torrent, "--peer", anna.addr.String())
	peers.Same(t, path, filepath.Join(dir, "far"))
}
