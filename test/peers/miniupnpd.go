package peers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/lab"
)

// Miniupnpd is what a router lets its hosts ask it by, UPnP or PCP and NAT-PMP, as most routers at home have it.
type Miniupnpd struct {
	*Process
	host *lab.Host
}

// miniupnpdTable are the chains that miniupnpd fills, by the names that it has for them. Nobody outside reaches an IPv6 address
// inside but through a hole that it makes.
const miniupnpdTable = `
table inet filter {
	chain forward {
		type filter hook forward priority 10; policy accept;
		jump miniupnpd
		iifname %q meta nfproto ipv6 ct state new drop
	}
	chain miniupnpd { }
	chain prerouting {
		type nat hook prerouting priority dstnat + 10;
		jump prerouting_miniupnpd
	}
	chain postrouting {
		type nat hook postrouting priority srcnat + 10;
		jump postrouting_miniupnpd
	}
	chain prerouting_miniupnpd { }
	chain postrouting_miniupnpd { }
}`

// StartMiniupnpd runs it on a router between two segments of these names, which is one already. Further lines of its configuration say what it
// speaks: "enable_upnp=yes", "enable_natpmp=yes" (which is PCP, too).
func StartMiniupnpd(t testing.TB, router *lab.Host, inside, outside string, options ...string) *Miniupnpd {
	t.Helper()
	path := Program(t, "miniupnpd", "miniupnpd-nftables")
	router.Rules(fmt.Sprintf(miniupnpdTable, outside))
	dir := t.TempDir()
	conf := filepath.Join(dir, "miniupnpd.conf")
	lines := append([]string{
		"ext_ifname=" + outside, "listening_ip=" + inside, "secure_mode=yes", "uuid=00000000-0000-4000-8000-000000000001",
		"allow 1024-65535 0.0.0.0/0 1024-65535", "deny 0-65535 0.0.0.0/0 0-65535",
	}, options...)
	if err := os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := router.Command(context.Background(), path, "-d", "-f", conf, "-P", filepath.Join(dir, "pid"))
	m := &Miniupnpd{StartProcess(t, "miniupnpd", cmd), router}
	Wait(t, time.Minute, "miniupnpd to listen", func() (bool, any) {
		if why := m.problem(); why != "" {
			t.Fatal(why)
		}
		return strings.Contains(m.LogTail(4000), "istening "), m.LogTail(500)
	})
	return m
}

// Announce has it say what a router says that has begun anew: its address, and since when it has it.
func (m *Miniupnpd) Announce() { m.Signal(syscall.SIGUSR1) }

// Mappings are the rules by which it lets others in at present, as nft tells them.
func (m *Miniupnpd) Mappings(t testing.TB) []string {
	t.Helper()
	if why := m.problem(); why != "" {
		t.Fatal(why)
	}
	out, err := m.host.Command(context.Background(), "nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd").CombinedOutput()
	if err != nil {
		t.Fatal(fmt.Errorf("nft: %w: %s", err, out))
	}
	var rules []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "dnat") {
			rules = append(rules, strings.TrimSpace(line))
		}
	}
	return rules
}
