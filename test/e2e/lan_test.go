package e2e

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// lanClients are those that speak to the local network, and where they are: Transmission leaves its address to the system.
var lanClients = []struct {
	client peers.Client
	format peers.Format
	host   int
}{
	{peers.Transmission, peers.V1, 1},
	{peers.Libtorrent, peers.V2, 2},
	{peers.Libtorrent, peers.Hybrid, 3},
}

// TestLANHeardByClient: a client that was told of nobody hears potluck's announce (BEP 14) and connects to it.
func TestLANHeardByClient(t *testing.T) {
	netns.Need(t)
	for _, c := range lanClients {
		t.Run(c.client.Name+" "+string(c.format), func(t *testing.T) {
			t.Parallel()
			peers.Require(t, c.client, peers.Libtorrent)
			o := makeSlow(t, c.format, c.host)
			heard := overhear(t)
			at := peers.At(netns.Local(c.host))
			seed := c.client.Seed(t, peers.Options{
				Torrent: o.torrent, Dir: filepath.Dir(o.path), Listen: at, LAN: true, UpRate: trickle,
			})
			// Who has announced itself listens; and before potluck is there, nobody hears it.
			heard.wait(t, at.Addr(), o.info.Hashes()[0])

			// A client may say it once more just then, and is dialled itself: then another potluck comes.
			for host := c.host + 10; ; host += 10 {
				n := localNode(t, host)
				get := n.start(t, "get", o.torrent, "-o", t.TempDir())
				dialled := met(t, seed, time.Minute, n.addr.Addr())
				n.meets(t, peers.Patience, at.Addr())
				if dialled {
					return
				}
				if host > c.host+40 {
					t.Fatal("the client is always dialled, and never dials")
				}
				get.Kill()
			}
		})
	}
}

// TestLANHeardByPotluck: potluck, told of nobody, hears a client's announce and connects to it.
func TestLANHeardByPotluck(t *testing.T) {
	netns.Need(t)
	for _, c := range lanClients {
		t.Run(c.client.Name+" "+string(c.format), func(t *testing.T) {
			t.Parallel()
			peers.Require(t, c.client, peers.Libtorrent)
			o := makeSlow(t, c.format, c.host)
			heard := overhear(t)
			n := localNode(t, c.host+10)
			n.start(t, "get", o.torrent, "-o", filepath.Dir(o.path), "--seed", "--up", strconv.Itoa(trickle))
			heard.wait(t, n.addr.Addr(), o.info.Hashes()[0])

			at := peers.At(netns.Local(c.host))
			leech := c.client.Start(t, peers.Options{Torrent: o.torrent, Dir: t.TempDir(), Listen: at, LAN: true})
			meets(t, leech, time.Minute, n.addr.Addr(), false)
			n.meets(t, peers.Patience, at.Addr())
		})
	}
}

func localNode(t *testing.T, host int) *node {
	t.Helper()
	n := newNode(t)
	n.addr, n.online = peers.At(netns.Local(host)), true
	return n
}

// overheard is what a member of the group has heard.
type overheard struct {
	mu    sync.Mutex
	calls []call
}

type call struct {
	from netip.Addr
	text string
}

// overhear joins the group of BEP 14 and listens until the test ends.
func overhear(t *testing.T) *overheard {
	t.Helper()
	lan, err := net.InterfaceByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenMulticastUDP("udp4", lan, &net.UDPAddr{IP: net.IPv4(239, 192, 152, 143), Port: 6771})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	o := &overheard{}
	go func() {
		for buf := make([]byte, 1500); ; {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			o.mu.Lock()
			o.calls = append(o.calls, call{from.Addr().Unmap(), strings.ToLower(string(buf[:n]))})
			o.mu.Unlock()
		}
	}()
	return o
}

// wait waits until a host has announced an info-hash.
func (o *overheard) wait(t *testing.T, from netip.Addr, hash string) {
	t.Helper()
	peers.Wait(t, time.Minute, "an announce of "+from.String(), func() (bool, any) {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, c := range o.calls {
			if c.from == from && strings.Contains(c.text, hash) {
				return true, nil
			}
		}
		return false, o.calls
	})
}
