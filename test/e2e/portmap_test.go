package e2e

import (
	"net/netip"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
	"github.com/potluck-p2p/potluck/test/peers"
)

// home is a host behind a router at home that lets others in when it is asked, and another host on the internet.
type home struct {
	inside, outside     *lab.Segment
	host, router, other *lab.Host
}

func newHome(t *testing.T) home {
	t.Helper()
	l := lab.New(t)
	h := home{inside: l.Segment("home"), outside: l.Segment("net"), host: l.Host("host"), router: l.Host("router"), other: l.Host("other")}
	h.host.Join(h.inside, netip.MustParsePrefix("192.168.1.2/24"))
	h.router.Join(h.inside, netip.MustParsePrefix("192.168.1.1/24"))
	h.router.Join(h.outside, netip.MustParsePrefix("20.1.0.1/8"))
	h.other.Join(h.outside, netip.MustParsePrefix("20.2.0.1/8"))
	h.host.Gateway(netip.MustParseAddr("192.168.1.1"))
	h.router.NAT(h.inside, h.outside, lab.PortRestricted)
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

// TestRouterStartsAgain: a router that has forgotten its mappings says that it has begun anew, and is asked again at once.
func TestRouterStartsAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	options := []string{"enable_upnp=no", "enable_natpmp=yes"}
	upnpd := peers.StartMiniupnpd(t, h.router, "home", "net", options...)
	n := newNode(t)
	n.host, n.addr, n.online = h.host, netip.MustParseAddrPort("192.168.1.2:6881"), true
	up := n.start(t, "up", "--api", "127.0.0.1:0")
	n.mapped(t, upnpd, "PCP")
	upnpd.Kill()
	h.router.Rules("delete table inet filter")
	upnpd = peers.StartMiniupnpd(t, h.router, "home", "net", options...)
	upnpd.Announce()
	n.mapped(t, upnpd, "PCP")
	up.Signal(syscall.SIGTERM)
	up.wait(t, 30*time.Second)
}
