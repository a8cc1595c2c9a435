package reach_test

import (
	"net/netip"
	"testing"
	"time"

	discovery "github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/node/news"
	"github.com/potluck-p2p/potluck/internal/node/reach"
	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
)

// More than was proven is not said: what may be us is not us.
func TestOf(t *testing.T) {
	now := time.Unix(1e9, 0)
	us := netip.MustParseAddrPort("203.0.113.7:7000")
	for _, c := range []struct {
		name string
		in   discovery.Reach
		code string
		as   netip.AddrPort
	}{
		{"found", discovery.Reach{Found: true, As: us, Took: time.Second, Nodes: 9, Peers: 1}, "", us},
		{"found, and another like us", discovery.Reach{Found: true, As: us, Took: time.Second, Nodes: 9, Alike: netip.MustParseAddrPort("203.0.113.8:7000")}, "", us},
		{"behind a NAT", discovery.Reach{Alike: us, Took: time.Second, Nodes: 9, Peers: 1}, "dht-other-address", us},
		{"others only", discovery.Reach{Took: time.Second, Nodes: 9, Peers: 3}, "dht-not-found", netip.AddrPort{}},
		{"nobody there any more", discovery.Reach{Took: time.Second}, "dht-silent", netip.AddrPort{}},
	} {
		got := reach.Of(now, c.in)
		code := ""
		if got.Why != nil {
			code = got.Why.Code
			if got.Why.Hint == "" || got.Why.Message == "" {
				t.Errorf("%s: %+v", c.name, got.Why)
			}
		}
		if got.Found != (code == "") || code != c.code || got.As != c.as || got.Nodes != c.in.Nodes || got.Took != time.Second || got.Checked != now {
			t.Errorf("%s: %+v, %q", c.name, got, code)
		}
	}
}

// Nobody took an announce: why, as far as our own nodes can tell.
func TestUnheard(t *testing.T) {
	now := time.Unix(1e9, 0)
	stats := func(sent int64, good int) discovery.Stats {
		return discovery.Stats{Stats: core.Stats{Sides: []core.SideStats{{Good: good}}, Counts: core.Counts{Sent: sent}}}
	}
	for _, c := range []struct {
		nodes []discovery.Stats
		code  string
	}{
		{nil, "dht-no-way-in"},
		{[]discovery.Stats{stats(0, 0)}, "dht-no-way-in"},
		{[]discovery.Stats{stats(0, 0), stats(7, 0)}, "dht-silent"},
		{[]discovery.Stats{stats(9, 3), stats(0, 0)}, "dht-not-taken"},
	} {
		if got := reach.Unheard(now, c.nodes); got.Found || got.Checked != now || got.Why.Code != c.code || got.Why.Hint == "" {
			t.Errorf("%+v: %+v, %+v", c.nodes, got, got.Why)
		}
	}
}

// What is not announced was not looked for.
func TestNever(t *testing.T) {
	for code, got := range map[string]*news.Reach{"private": reach.Private(), "offline": reach.Offline(), "dht-off": reach.Off()} {
		if got.Found || !got.Checked.IsZero() || got.Why.Code != code {
			t.Errorf("%s: %+v", code, got)
		}
	}
}
