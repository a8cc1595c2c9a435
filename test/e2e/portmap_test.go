package e2e

import (
	"context"
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

// home is two hosts behind a router at home that lets others in when it is asked, and another host on the internet.
type home struct{ host, neighbour, router, other *lab.Host }

func newHome(t *testing.T) home {
	t.Helper()
	l := lab.New(t)
	inside, outside := l.Segment("home"), l.Segment("net")
	h := home{host: l.Host("host"), neighbour: l.Host("neighbour"), router: l.Host("router"), other: l.Host("other")}
	h.router.Join(inside, netip.MustParsePrefix("192.168.1.1/24"))
	h.router.Join(outside, netip.MustParsePrefix("20.1.0.1/8"))
	h.other.Join(outside, netip.MustParsePrefix("20.2.0.1/8"))
	h.host.Join(inside, netip.MustParsePrefix("192.168.1.2/24"))
	h.neighbour.Join(inside, netip.MustParsePrefix("192.168.1.3/24"))
	for _, host := range []*lab.Host{h.host, h.neighbour} {
		host.Gateway(netip.MustParseAddr("192.168.1.1"))
	}
	h.router.NAT(inside, outside, lab.PortRestricted)
	return h
}

// withoutPCP drops what begins with PCP's version, so that a router speaks NAT-PMP alone.
const withoutPCP = `
table inet pcp {
	chain input {
		type filter hook input priority -10;
		udp dport 5351 @th,64,8 2 drop
	}
}`

// TestRouterLetsOthersIn: behind a router that speaks one protocol alone, what is shared is fetched from outside through the
// port that the router has opened; at the end, also by SIGTERM, the mapping is gone.
func TestRouterLetsOthersIn(t *testing.T) {
	for _, c := range []struct {
		protocol string
		options  []string
		rules    string
	}{
		{"PCP", []string{"enable_upnp=no", "enable_natpmp=yes"}, ""},
		{"NAT-PMP", []string{"enable_upnp=no", "enable_natpmp=yes"}, withoutPCP},
		{"UPnP", []string{"enable_upnp=yes", "enable_natpmp=no"}, ""},
	} {
		t.Run(c.protocol, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			upnpd := peers.StartMiniupnpd(t, h.router, "home", "net", c.options...)
			h.router.Rules(c.rules)
			n := newNode(t)
			n.host, n.addr, n.online = h.host, netip.MustParseAddrPort("192.168.1.2:6881"), true
			path := filepath.Join(t.TempDir(), "thing")
			peers.WriteFile(t, path, 1, 1<<20)
			share, lines := n.share(t, []string{path})
			n.mapped(t, upnpd, c.protocol)

			other := newNode(t)
			other.host, other.addr = h.other, netip.MustParseAddrPort("20.2.0.1:6881")
			dir, _ := other.get(t, lines[0].Link, "--peer", "20.1.0.1:6881")
			peers.Same(t, path, filepath.Join(dir, "thing"))

			share.Signal(syscall.SIGTERM)
			share.wait(t, 30*time.Second)
			share.exits(t, 0)
			if rules := upnpd.Mappings(t); len(rules) != 0 {
				t.Error("left behind:", rules)
			}
		})
	}
}

// mapped waits until a router maps the port of a node, and the node says so.
func (n *node) mapped(t *testing.T, upnpd *peers.Miniupnpd, protocol string) {
	t.Helper()
	peers.Wait(t, time.Minute, "the router to map the port", func() (bool, any) {
		rules := upnpd.Mappings(t)
		return len(rules) == 2 && strings.Contains(rules[0]+rules[1], n.addr.String()), rules
	})
	peers.Wait(t, time.Minute, "the node to say so", func() (bool, any) {
		lines := n.ok(t, "status")
		if len(lines) != 1 || len(lines[0].Routers) != 1 {
			return false, lines
		}
		r := lines[0].Routers[0]
		if len(r.Ports) != 2 {
			return false, r
		}
		if r.Protocol != protocol || r.External != "20.1.0.1" || r.Ports[0].External != "20.1.0.1:6881" || r.Why != "" {
			t.Errorf("%+v", r)
		}
		return true, r
	})
}

// TestRouterStartsAgain: a router that has forgotten its mappings says that it has begun anew, and is asked again at once. After a
// crash of ours what is mapped is ours again.
func TestRouterStartsAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	options := []string{"enable_upnp=no", "enable_natpmp=yes"}
	// Its clock counts from when the machine was switched on, and after the next start from then.
	upnpd := peers.StartMiniupnpd(t, h.router, "home", "net", append(options, "system_uptime=yes")...)
	n := newNode(t)
	n.host, n.addr, n.online = h.host, netip.MustParseAddrPort("192.168.1.2:6881"), true
	up := n.start(t, "up", "--api", "127.0.0.1:0")
	n.mapped(t, upnpd, "PCP")
	upnpd.Kill()
	h.router.Rules("delete table inet filter")
	upnpd = peers.StartMiniupnpd(t, h.router, "home", "net", options...)
	upnpd.Announce()
	n.mapped(t, upnpd, "PCP")

	// After a crash the router takes us for the one that we were.
	up.Kill()
	up = n.start(t, "up", "--api", "127.0.0.1:0")
	up.waitFor(t, "potluck to be up", func(l line) bool { return l.Type == "status" })
	n.mapped(t, upnpd, "PCP")
	up.Signal(syscall.SIGTERM)
	up.wait(t, 30*time.Second)
	if rules := upnpd.Mappings(t); len(rules) != 0 {
		t.Error("left behind:", rules)
	}
}

// TestTwoBehindOneRouter: who comes second with the same port is given another one, at which it is reached from outside.
func TestTwoBehindOneRouter(t *testing.T) {
	for protocol, options := range map[string][]string{
		"PCP": {"enable_upnp=no", "enable_natpmp=yes"}, "UPnP": {"enable_upnp=yes", "enable_natpmp=no"},
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			upnpd := peers.StartMiniupnpd(t, h.router, "home", "net", options...)
			first, second := newNode(t), newNode(t)
			first.host, first.addr, first.online = h.host, netip.MustParseAddrPort("192.168.1.2:6881"), true
			first.start(t, "up", "--api", "127.0.0.1:0")
			first.mapped(t, upnpd, protocol)

			second.host, second.addr, second.online = h.neighbour, netip.MustParseAddrPort("192.168.1.3:6881"), true
			path := filepath.Join(t.TempDir(), "thing")
			peers.WriteFile(t, path, 1, 1<<20)
			_, lines := second.share(t, []string{path})
			var at string
			peers.Wait(t, time.Minute, "the router to map another port", func() (bool, any) {
				status := second.ok(t, "status")
				if len(status) != 1 || len(status[0].Routers) != 1 || len(status[0].Routers[0].Ports) != 2 {
					return false, status
				}
				at = status[0].Routers[0].Ports[0].External
				return true, status
			})
			if at == "20.1.0.1:6881" {
				t.Fatal("both have", at)
			}
			other := newNode(t)
			other.host, other.addr = h.other, netip.MustParseAddrPort("20.2.0.1:6881")
			dir, _ := other.get(t, lines[0].Link, "--peer", at)
			peers.Same(t, path, filepath.Join(dir, "thing"))
		})
	}
}

// TestHoleInFirewall: an IPv6 address behind a firewall is reached from outside through the hole that the router makes (PCP).
func TestHoleInFirewall(t *testing.T) {
	t.Parallel()
	l := lab.New(t)
	inside, outside := l.Segment("home"), l.Segment("net")
	host, router, other := l.Host("host"), l.Host("router"), l.Host("other")
	host.Join(inside, netip.MustParsePrefix("2a0a:77:1::2/64"))
	router.Join(inside, netip.MustParsePrefix("192.168.1.1/24"), netip.MustParsePrefix("2a0a:77:1::1/64"))
	router.Join(outside, netip.MustParsePrefix("20.1.0.1/8"), netip.MustParsePrefix("2a0a:77:2::1/64"))
	other.Join(outside, netip.MustParsePrefix("2a0a:77:2::2/64"))
	router.Forward()
	host.Gateway(netip.MustParseAddr("2a0a:77:1::1"))
	other.Gateway(netip.MustParseAddr("2a0a:77:2::1"))
	peers.StartMiniupnpd(t, router, "home", "net", "enable_upnp=no", "enable_natpmp=yes")

	closed, err := host.Listen("tcp", "[2a0a:77:1::2]:6882")
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if c, err := other.Dial(ctx, "tcp", closed.Addr().String()); err == nil {
		c.Close()
		t.Fatal("there is no firewall")
	}

	n := newNode(t)
	n.host, n.addr, n.online = host, netip.MustParseAddrPort("[2a0a:77:1::2]:6881"), true
	path := filepath.Join(t.TempDir(), "thing")
	peers.WriteFile(t, path, 1, 1<<20)
	_, lines := n.share(t, []string{path})
	peers.Wait(t, time.Minute, "the router to make a hole", func() (bool, any) {
		lines := n.ok(t, "status")
		return len(lines) == 1 && len(lines[0].Routers) == 1 && len(lines[0].Routers[0].Ports) == 2, lines
	})
	client := newNode(t)
	client.host, client.addr = other, netip.MustParseAddrPort("[2a0a:77:2::2]:6881")
	dir, _ := client.get(t, lines[0].Link, "--peer", "[2a0a:77:1::2]:6881")
	peers.Same(t, path, filepath.Join(dir, "thing"))
}
