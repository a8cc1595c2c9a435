package lan_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/wire/lsd"
	"github.com/potluck-p2p/potluck/test/netns"
)

// from is the network of a node that is bound to an address.
func from(a netip.Addr) netx.Network { return netx.System(netx.Options{Source: a}) }

func join(t *testing.T, nw netx.Network, group netip.AddrPort) netx.MulticastConn {
	t.Helper()
	conn, err := netx.ListenMulticast(t.Context(), nw, group)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Members on one machine hear each other and themselves, each from the address that it is bound to.
func TestRealGroup(t *testing.T) {
	netns.Need(t)
	one, two, any4 := join(t, from(netns.Addr(1)), lsd.Group4), join(t, from(netns.Addr(2)), lsd.Group4), join(t, from(netip.Addr{}), lsd.Group4)
	// What is sent to the port alone, or to another group there, is none of the group's.
	elsewhere := netip.AddrPortFrom(netip.MustParseAddr("239.192.0.1"), lsd.Group4.Port())
	stray := join(t, from(netns.Addr(4)), elsewhere)
	if err := stray.Send([]byte("stray")); err != nil {
		t.Fatal(err)
	}
	unicast, err := from(netns.Addr(5)).ListenUDP(t.Context(), netip.AddrPortFrom(netns.Addr(5), 0))
	if err != nil {
		t.Fatal(err)
	}
	defer unicast.Close()
	if _, err := unicast.WriteTo([]byte("unicast"), netip.AddrPortFrom(netns.Addr(1), lsd.Group4.Port())); err != nil {
		t.Fatal(err)
	}
	for i, sender := range []netx.MulticastConn{one, two, any4} {
		for round := range 2 {
			msg := string('a'+rune(i)) + string('0'+rune(round))
			if err := sender.Send([]byte(msg)); err != nil {
				t.Fatal(err)
			}
			for _, hearer := range []netx.MulticastConn{one, two, any4} {
				p := make([]byte, 10)
				n, who, err := hearer.ReadFrom(p)
				if err != nil || string(p[:n]) != msg || i < 2 && who.Addr() != netns.Addr(i+1) {
					t.Fatalf("%q from %v, %v, want %q", p[:n], who, err, msg)
				}
			}
		}
	}
	done := make(chan error)
	go func() {
		_, _, err := one.ReadFrom(make([]byte, 1))
		done <- err
	}()
	_ = one.Close()
	if err := <-done; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if _, err := netx.ListenMulticast(t.Context(), from(netns.Addr(1)), lsd.Group6); !errors.Is(err, netx.ErrFamily) {
		t.Error("left by another family:", err)
	}
	if _, err := netx.ListenMulticast(t.Context(), from(netip.MustParseAddr("192.0.2.1")), lsd.Group4); err == nil {
		t.Error("joined from an address that is not ours")
	}
}

// cable makes an Ethernet in the test's network that has one address, since Linux has no IPv6 multicast over loopback.
func cable(t *testing.T) netip.Addr {
	t.Helper()
	addr := netip.MustParseAddr("fd00:99::1")
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Skipf("ip (Debian package iproute2) %v: %v %s", args, err, out)
		}
	}
	ip("link", "add", "plug0", "type", "veth", "peer", "name", "plug1")
	t.Cleanup(func() { ip("link", "del", "plug0") })
	ip("addr", "add", addr.String()+"/64", "dev", "plug0", "nodad")
	ip("link", "set", "plug0", "up")
	ip("link", "set", "plug1", "up")
	return addr
}

func TestRealGroup6(t *testing.T) {
	netns.Need(t)
	addr := cable(t)
	one, two := join(t, from(netip.Addr{}), lsd.Group6), join(t, from(addr), lsd.Group6)
	limit := time.After(time.Minute)
	for _, sender := range []netx.MulticastConn{one, two} {
		// The ways come a moment after the cable.
		for err := sender.Send([]byte("six")); err != nil; err = sender.Send([]byte("six")) {
			select {
			case <-time.After(10 * time.Millisecond):
			case <-limit:
				t.Fatal(err)
			}
		}
		p := make([]byte, 10)
		if n, who, err := two.ReadFrom(p); err != nil || string(p[:n]) != "six" || who.Addr() != addr {
			t.Errorf("%q from %v, %v", p[:n], who, err)
		}
	}
}

// await waits until a node has found what it was to find.
func await(t *testing.T, f *found, want string) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case <-f.ping:
			if strings.Contains(f.take(), want) {
				return
			}
		case <-limit:
			t.Fatalf("did not find %q", want)
		}
	}
}

func TestRealNodes(t *testing.T) {
	netns.Need(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	_, a := start(t, ctx, &wg, from(netns.Addr(1)), 1001, object(0), private(1))
	// Once the first one hears, whatever it is, the second one may come.
	probe := join(t, from(netns.Addr(9)), lsd.Group4)
	knock := lsd.Announce{Port: 9, Hashes: hashes(1)}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for heard := false; !heard; {
		if err := probe.Send(knock.Append(nil, lsd.Group4)); err != nil {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-a.ping:
			heard = true
		}
	}
	start(t, ctx, &wg, from(netns.Addr(2)), 1002, object(0), object(1))
	await(t, a, "a at "+netns.Addr(2).String()+":1002")
}
