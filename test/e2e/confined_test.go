package e2e

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// internet is a lab in which a client could reach everybody by itself, and must not.
type internet struct {
	net                           *lab.Segment
	client, proxy, server, seeder *lab.Host
	services                      *services
	path, torrent                 string
	node                          *node
}

// The addresses of its hosts.
var (
	clientAddr = netip.MustParseAddr("20.1.0.1")
	proxyAddr  = netip.MustParseAddr("20.2.0.1")
	serverAddr = netip.MustParseAddr("20.3.0.1")
	seederAddr = netip.MustParseAddr("20.4.0.1")
)

func newInternet(t *testing.T, size int64) *internet {
	t.Helper()
	l := lab.New(t)
	in := &internet{net: l.Segment("net")}
	for _, h := range []struct {
		host **lab.Host
		name string
		addr netip.Addr
	}{{&in.client, "client", clientAddr}, {&in.proxy, "proxy", proxyAddr}, {&in.server, "server", serverAddr}, {&in.seeder, "seeder", seederAddr}} {
		*h.host = l.Host(h.name)
		(*h.host).Join(in.net, netip.PrefixFrom(h.addr, 8))
	}
	// A question to any name server at all would leave by here, and be seen.
	in.client.Gateway(serverAddr)
	in.path = peers.WriteFile(t, filepath.Join(t.TempDir(), "named.bin"), 31, size)
	at := netip.AddrPortFrom(seederAddr, 6881)
	in.services = serve(t, in.server, serverAddr, filepath.Dir(in.path), at)
	in.torrent = in.services.torrent(t, in.path)
	seed := potluckOn(t, in.seeder, at)
	seed.share(t, []string{in.path}, "--format", "v1")
	in.node = potluckOn(t, in.client, netip.AddrPortFrom(clientAddr, 6881))
	return in
}

// allToProxy holds that whatever the client has sent, of any protocol, went to the proxy, and not one packet to anybody else. Left out is
// what kernels say to their neighbours on any interface that is up, potluck or not: ARP, and of IPv6 neighbour discovery and MLD.
func allToProxy(t *testing.T, c *lab.Capture) {
	t.Helper()
	sent := 0
	for _, p := range c.Packets() {
		if !p.Out || p.BetweenNeighbours() {
			continue
		}
		if sent++; p.To() != proxyAddr {
			t.Fatalf("went past the proxy: %v, %x", p, p.Data[:min(len(p.Data), 100)])
		}
	}
	if sent == 0 {
		t.Error("nothing was captured")
	}
}

// startProxy runs a real proxy whose name server is that of the lab.
func (in *internet) startProxy(t *testing.T, name string, args ...string) *peers.Process {
	t.Helper()
	resolv := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver "+serverAddr.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	script := []string{"--mount", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, resolv, name}
	p := peers.StartProcess(t, filepath.Base(name), in.proxy.Command(t.Context(), "unshare", append(script, args...)...))
	peers.Wait(t, peers.Patience, name+" to listen", func() (bool, any) {
		conn, err := in.server.Dial(t.Context(), "tcp", proxyAddr.String()+":1080")
		if err == nil {
			conn.Close()
		}
		return err == nil, p.LogTail(500)
	})
	return p
}

// dante is a SOCKS 5 proxy that relays datagrams too.
func (in *internet) dante(t *testing.T) *peers.Process {
	t.Helper()
	path, err := exec.LookPath("/usr/sbin/danted")
	if err != nil {
		t.Skip("no danted (Debian package dante-server)")
	}
	conf := filepath.Join(t.TempDir(), "danted.conf")
	text := `logoutput: stderr
internal: ` + proxyAddr.String() + ` port = 1080
external: ` + proxyAddr.String() + `
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: root
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 command: connect udpassociate }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 command: udpreply }
`
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return in.startProxy(t, path, "-f", conf)
}

// TestThroughProxy: with a proxy, trackers over HTTP and UDP, a web seed and a router of the DHT are asked by name and a peer is met, and
// not one packet goes to anybody but the proxy, name servers included.
func TestThroughProxy(t *testing.T) {
	t.Parallel()
	in := newInternet(t, 4<<20)
	in.dante(t)
	in.node.setNetwork(t, `proxy = "socks5://`+proxyAddr.String()+`:1080"`)
	in.node.dht = routerName + ":6881"
	capture := in.client.Capture(t)
	get := in.node.start(t, "get", in.torrent, "-o", t.TempDir(), "--down", "1M")
	get.waitFor(t, "some bytes", func(l line) bool { return l.Type == "progress" && l.BytesDone > 0 })
	peers.Wait(t, time.Minute, "the peer to be met", func() (bool, any) {
		for _, p := range in.node.ok(t, "peers") {
			if p.Address == in.services.peer.String() {
				return true, nil
			}
		}
		return false, get.said(500)
	})
	get.wait(t, time.Minute)
	get.exits(t, 0)
	for what, n := range map[string]int64{
		"HTTP announces": in.services.announces.Load(), "UDP announces": in.services.datagrams.Load(),
		"files": in.services.files.Load(), "names": in.services.names.Load(), "look-ups in the DHT": in.services.lookups.Load(),
	} {
		if n == 0 {
			t.Errorf("the proxy passed on no %s", what)
		}
	}
	allToProxy(t, capture)
}

// TestProxyDies: when the proxy is killed in the middle of a transfer, nothing goes past it, the user is told, and it goes on when
// the proxy is back. This one passes on TCP only, which the user is told too.
func TestProxyDies(t *testing.T) {
	t.Parallel()
	in := newInternet(t, 6<<20)
	path, err := exec.LookPath("microsocks")
	if err != nil {
		t.Skip("no microsocks (Debian package microsocks)")
	}
	proxy := in.startProxy(t, path, "-i", proxyAddr.String(), "-p", "1080", "-u", "me", "-P", "secret")
	in.node.setNetwork(t, `proxy = "socks5://me:secret@`+proxyAddr.String()+`:1080"`)
	capture := in.client.Capture(t)
	dir := t.TempDir()
	get := in.node.start(t, "get", in.torrent, "-o", dir, "--down", "2M")
	get.waitFor(t, "some bytes", func(l line) bool { return l.Type == "progress" && l.BytesDone > 0 })
	proxy.Kill()
	told := "socks5://" + proxyAddr.String() + ":1080 does not answer"
	peers.Wait(t, time.Minute, "the user to be told", func() (bool, any) { return strings.Contains(get.said(3000), told), get.said(500) })
	if said := get.said(1 << 20); strings.Contains(said, "secret") {
		t.Error("the password is told:", said)
	}
	in.startProxy(t, path, "-i", proxyAddr.String(), "-p", "1080", "-u", "me", "-P", "secret")
	get.wait(t, time.Minute)
	get.exits(t, 0)
	peers.Same(t, in.path, filepath.Join(dir, filepath.Base(in.path)))
	allToProxy(t, capture)
}

// TestBoundInterfaceGoes: when the interface that potluck is bound to goes down in the middle of a transfer, not one packet goes by
// the other, which reaches everybody; the user is told, and it goes on when the interface is back.
func TestBoundInterfaceGoes(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	in := newInternet(t, 6<<20)
	vpn, router := l.Segment("vpn"), l.Host("router")
	mine, gateway := netip.MustParseAddr("10.8.0.2"), netip.MustParseAddr("10.8.0.1")
	in.client.Join(vpn, netip.PrefixFrom(mine, 24))
	in.client.Gateway(gateway)
	router.Join(vpn, netip.PrefixFrom(gateway, 24))
	router.Join(in.net, netip.MustParsePrefix("20.9.0.1/8"))
	router.Forward()
	for _, h := range []*lab.Host{in.server, in.seeder} {
		h.Route(netip.MustParsePrefix("10.8.0.0/24"), netip.MustParseAddr("20.9.0.1"))
	}
	in.node.addr = netip.AddrPortFrom(mine, 6881)
	in.node.setNetwork(t, "bind = \"vpn\"\ndns = \""+serverAddr.String()+"\"\n")
	capture := in.client.Capture(t)
	dir := t.TempDir()
	get := in.node.start(t, "get", in.torrent, "-o", dir, "--down", "2M")
	get.waitFor(t, "some bytes", func(l line) bool { return l.Type == "progress" && l.BytesDone > 0 })
	in.client.Down(vpn)
	peers.Wait(t, time.Minute, "the user to be told", func() (bool, any) {
		return strings.Contains(get.said(3000), "vpn is down; nothing is sent"), get.said(500)
	})
	in.client.Up(vpn)
	get.wait(t, time.Minute)
	get.exits(t, 0)
	peers.Same(t, in.path, filepath.Join(dir, filepath.Base(in.path)))
	if in.services.names.Load() == 0 || in.services.announces.Load() == 0 {
		t.Error("no tracker was asked by its name")
	}
	for n, p := range capture.Packets() {
		f, ok := p.Flow()
		if !ok || !p.Out || p.Iface == "vpn" {
			continue
		}
		before := passed(capture.Packets()[:n], f)
		// Where no potluck listens, not yet or not any more, the kernel refuses who wants to connect.
		if len(before) > 0 && before[len(before)-1].Flags() == lab.SYN && p.Flags() == lab.RST|lab.ACK {
			continue
		}
		t.Fatalf("a packet by another interface:\n%v\nafter %v", p, before[max(0, len(before)-20):])
	}
}

// passed are the packets of a flow, either way.
func passed(all []lab.Packet, f lab.Flow) (list []lab.Packet) {
	back := lab.Flow{Protocol: f.Protocol, From: f.To, To: f.From}
	for _, p := range all {
		if g, ok := p.Flow(); ok && (g == f || g == back) {
			list = append(list, p)
		}
	}
	return list
}

// TestDeadProxy: without its proxy potluck asks nobody, says so, and ends as the contract has it.
func TestDeadProxy(t *testing.T) {
	netns.Need(t)
	t.Parallel()
	for name, proxy := range map[string]string{"SOCKS": "socks5://me:secret@10.99.0.60:1", "HTTP": "http://10.99.0.60:1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.setNetwork(t, `proxy = "`+proxy+`"`)
			get := n.run(t, "get", strings.Repeat("ab", 20), "-o", t.TempDir(), "--wait", "2s", "--peer", "10.99.0.59:1")
			get.fails(t, 5)
			if e := get.typed("error")[0]; e.Code != "network-blocked" || !strings.Contains(e.Message, ":1 does not answer") || strings.Contains(e.Message, "secret") {
				t.Errorf("%+v", e)
			}
			if !strings.Contains(get.said(1000), "nothing is sent") {
				t.Error("stderr:", get.said(1000))
			}
		})
	}
}

// TestUnboundInterface: an interface that is not there is no reason to take another.
func TestUnboundInterface(t *testing.T) {
	netns.Need(t)
	t.Parallel()
	n := newNode(t)
	n.setNetwork(t, `bind = "wg7"`)
	get := n.run(t, "get", strings.Repeat("ab", 20), "-o", t.TempDir(), "--wait", "2s", "--peer", "10.99.0.59:1")
	get.fails(t, 5)
	if e := get.typed("error")[0]; !strings.Contains(e.Message, "wg7 is not there") {
		t.Errorf("%+v", e)
	}
}
