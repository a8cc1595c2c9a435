package netx_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/filter"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// narrow is a way of two parts.
type narrow struct {
	netxtest.Far
	first, second string // problems
}

func (n narrow) Conditions() []netx.Condition {
	return []netx.Condition{{Via: "socks5://proxy:1", Problem: n.first}, {Via: "wg0", Problem: n.second}}
}

func (n narrow) Changed() <-chan struct{} { return make(chan struct{}) }

func (n narrow) Wildcards() []netip.Addr { return []netip.Addr{netip.IPv4Unspecified()} }

// What a way can do is not lost behind a block list, nor what its sockets can behind a mux.
func TestWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		us, far := w.Host("10.0.0.1"), w.Host("10.0.0.2")
		w.Name("far.example", "10.0.0.2")
		l, err := far.ListenTCP(t.Context(), netip.MustParseAddrPort("10.0.0.2:80"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		heard, err := far.ListenUDP(t.Context(), netip.MustParseAddrPort("10.0.0.2:80"))
		if err != nil {
			t.Fatal(err)
		}
		defer heard.Close()
		nw := filter.New(narrow{Far: netxtest.Far{Host: us}}, func(netip.Addr) bool { return false })
		if len(netx.Conditions(nw)) != 2 || netx.Changed(nw) == nil || netx.NoWay(nw) != nil || !slices.Equal(netx.Wildcards(nw), []netip.Addr{netip.IPv4Unspecified()}) {
			t.Error("the way is not seen through the filter")
		}
		conn, err := netx.DialName(t.Context(), nw, "far.example", 80)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		socket, err := nw.ListenUDP(t.Context(), netip.MustParseAddrPort("0.0.0.0:0"))
		if err != nil {
			t.Fatal(err)
		}
		shared := mux.New(socket)
		defer shared.Close()
		route := shared.Route(1, func([]byte, netip.AddrPort) bool { return true })
		if _, err := netx.WriteToName(route, []byte("hello"), "far.example", 80); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 10)
		if n, _, err := heard.ReadFrom(b); string(b[:n]) != "hello" {
			t.Errorf("%q, %v", b[:n], err)
		}
		for _, c := range []struct{ first, second, want string }{{"is dead", "is down", "socks5://proxy:1 is dead"}, {"", "is down", "wg0 is down"}} {
			if err := netx.NoWay(narrow{first: c.first, second: c.second}); !netx.IsNoWay(err) || err.Error() != c.want {
				t.Error(err)
			}
		}
		// A network that may take any way has none of this.
		if netx.Conditions(us) != nil || netx.Changed(us) != nil || netx.NoWay(us) != nil || !slices.Equal(netx.Wildcards(us), []netip.Addr{netip.IPv6Unspecified()}) {
			t.Error("a host is a way")
		}
		if _, err := netx.DialName(t.Context(), us, "far.example", 80); !errors.Is(err, netx.ErrFarName) {
			t.Error(err)
		}
		if _, err := netx.WriteToName(heard, nil, "far.example", 80); !errors.Is(err, netx.ErrFarName) {
			t.Error(err)
		}
	})
}
