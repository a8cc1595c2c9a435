package filter_test

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/filter"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// filtered is a host at 1.1.1.1 that wants nothing of 6.6.6.0/24, with a good and a bad neighbour.
func filtered(t *testing.T) (us *filter.Network, good, bad *netxtest.Host, off *atomic.Bool) {
	t.Helper()
	w := netxtest.NewWorld(1)
	list := netip.MustParsePrefix("6.6.6.0/24")
	host, good, bad := w.Host("1.1.1.1"), w.Host("2.2.2.2"), w.Host("6.6.6.6")
	w.LAN(host, good, bad)
	off = &atomic.Bool{}
	return filter.New(host, func(a netip.Addr) bool { return !off.Load() && list.Contains(a.Unmap()) }), good, bad, off
}

func TestFilterStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, good, bad, off := filtered(t)
		ctx := t.Context()
		l, err := us.ListenTCP(ctx, netip.MustParseAddrPort("1.1.1.1:7000"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		theirs, err := bad.ListenTCP(ctx, netip.MustParseAddrPort("6.6.6.6:7000"))
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		in := make(chan netip.Addr)
		go func() {
			defer close(in)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				in <- netx.AddrPort(conn.RemoteAddr()).Addr()
				conn.Close()
			}
		}()
		for _, from := range []*netxtest.Host{bad, good} {
			conn, err := from.DialTCP(ctx, netx.AddrPort(l.Addr()))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		if from := <-in; from != good.Addr() {
			t.Errorf("%v was let in first", from)
		}
		if _, err := us.DialTCP(ctx, netx.AddrPort(theirs.Addr())); !errors.Is(err, filter.ErrBlocked) {
			t.Errorf("dialling: %v", err)
		}
		if want := (filter.Refused{Dials: 1, Accepts: 1}); us.Refused() != want {
			t.Errorf("refused %+v, want %+v", us.Refused(), want)
		}

		us.Exempt(bad.Addr())
		if conn, err := us.DialTCP(ctx, netx.AddrPort(theirs.Addr())); err != nil {
			t.Errorf("whom the user named: %v", err)
		} else {
			conn.Close()
		}
		if _, err := us.DialTCP(ctx, netip.MustParseAddrPort("6.6.6.7:7000")); !errors.Is(err, filter.ErrBlocked) {
			t.Errorf("another of the list: %v", err)
		}
		off.Store(true)
		if us.Blocks(netip.MustParseAddr("6.6.6.7")) {
			t.Error("a list that has changed still counts")
		}
		l.Close()
		if _, more := <-in; more {
			t.Error("somebody else was let in")
		}
	})
}

func TestFilterDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, good, bad, _ := filtered(t)
		ctx := t.Context()
		sock, err := us.ListenUDP(ctx, netip.MustParseAddrPort("1.1.1.1:7000"))
		if err != nil {
			t.Fatal(err)
		}
		defer sock.Close()
		from := func(h *netxtest.Host) netx.PacketConn {
			c, err := h.ListenUDP(ctx, netip.AddrPortFrom(h.Addr(), 7000))
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		friend, foe := from(good), from(bad)
		defer friend.Close()
		defer foe.Close()
		for _, c := range []netx.PacketConn{foe, friend, foe, friend} {
			if _, err := c.WriteTo([]byte("hello"), sock.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		read := func(c netx.PacketConn) string {
			p := make([]byte, 100)
			n, from, err := c.ReadFrom(p)
			return fmt.Sprint(string(p[:n]), " from ", from, ", ", err)
		}
		if got := read(sock); got != "hello from 2.2.2.2:7000, <nil>" {
			t.Error(got)
		}
		var batch []netx.Datagram
		for len(batch) == 0 {
			if batch, err = sock.(netx.BatchReader).ReadBatch(batch); err != nil {
				t.Fatal(err)
			}
		}
		if len(batch) != 1 || batch[0].From.Addr() != good.Addr() {
			t.Errorf("a batch of %d, the first from %v", len(batch), batch[0].From)
		}
		if _, err := sock.WriteTo([]byte("x"), foe.LocalAddr()); !errors.Is(err, filter.ErrBlocked) {
			t.Errorf("sending one: %v", err)
		}
		if err := sock.(netx.SegmentWriter).WriteSegments(make([]byte, 25), 10, foe.LocalAddr(), netx.Whole); !errors.Is(err, filter.ErrBlocked) {
			t.Errorf("sending a train: %v", err)
		}
		if err := sock.(netx.SegmentWriter).WriteSegments([]byte("one"), 3, friend.LocalAddr(), netx.Whole); err != nil {
			t.Error(err)
		}
		if got := read(friend); got != "one from 1.1.1.1:7000, <nil>" {
			t.Error(got)
		}
		if want := (filter.Refused{Sent: 4, Received: 2}); us.Refused() != want {
			t.Errorf("refused %+v, want %+v", us.Refused(), want)
		}
	})
}

func TestFilterMulticast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		us, good, bad, _ := filtered(t)
		group := netip.MustParseAddrPort("239.192.152.143:6771")
		join := func(nw netx.Network) netx.MulticastConn {
			m, err := netx.ListenMulticast(t.Context(), nw, group)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		ours, friend, foe := join(us), join(good), join(bad)
		defer ours.Close()
		defer friend.Close()
		defer foe.Close()
		for _, m := range []netx.MulticastConn{foe, friend} {
			if err := m.Send([]byte("here")); err != nil {
				t.Fatal(err)
			}
		}
		if _, from, err := ours.ReadFrom(make([]byte, 10)); err != nil || from.Addr() != good.Addr() {
			t.Errorf("heard %v, %v", from, err)
		}
	})
}
