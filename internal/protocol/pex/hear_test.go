package pex_test

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/peer"
)

func says(addrs ...netip.AddrPort) peer.PEX {
	var m peer.PEX
	for _, a := range addrs {
		m.Added = append(m.Added, peer.PEXPeer{Addr: a})
	}
	return m
}

func TestHearsAtMostFiftyDistinctAddresses(t *testing.T) {
	x := newExchange(1)
	got, err := x.Hear(epoch, partner(epoch), says(
		public(1), netip.AddrPortFrom(public(1).Addr(), 80), at("0.0.0.0:5"), at("[fe80::1]:5"), at("127.0.0.1:1"), at("127.0.0.1:2"), public(2)))
	want := says(public(1), at("127.0.0.1:1"), at("127.0.0.1:2"), public(2)).Added
	if err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	var many []netip.AddrPort
	for n := range 100 {
		many = append(many, public(n))
	}
	if got, err := x.Hear(epoch, partner(epoch), says(many...)); err != nil || len(got) != 50 {
		t.Error(len(got), err)
	}
}

func TestHearsAMessageAMinute(t *testing.T) {
	x := newExchange(1)
	p := partner(epoch)
	heeded := func(now time.Time) bool {
		t.Helper()
		got, err := x.Hear(now, p, says(public(1)))
		if err != nil {
			t.Fatal(err)
		}
		return len(got) > 0
	}
	// Whoever keeps to the minute, however badly, is always heard.
	now := epoch
	for i := range 100 {
		now = now.Add(time.Minute)
		if i%3 == 0 && !heeded(now.Add(8*time.Second)) || i%3 != 0 && !heeded(now) {
			t.Fatal("not heard in minute", i)
		}
	}
	// Whoever talks on is heard a little more often than once a minute.
	now = now.Add(time.Hour)
	n := 0
	for range 600 {
		now = now.Add(6 * time.Second)
		if heeded(now) {
			n++
		}
	}
	if n > 75 || n < 60 {
		t.Errorf("heard %d times in an hour", n)
	}
}

func TestFloodIsBlamed(t *testing.T) {
	x := newExchange(1)
	p := partner(epoch)
	var blame peer.ProtocolError
	for i := range 1000 {
		if _, err := x.Hear(epoch.Add(time.Duration(i)*time.Millisecond), p, says(public(i))); err != nil {
			if !errors.As(err, &blame) || i < 20 || i > 30 {
				t.Errorf("message %d: %v", i, err)
			}
			return
		}
	}
	t.Error("not blamed")
}
