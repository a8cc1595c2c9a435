package storage

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func newPeers() *Peers { return NewPeers(rand.New(rand.NewChaCha8([32]byte{1}))) }

func hash(i int) (id krpc.ID) {
	binary.BigEndian.PutUint32(id[:], uint32(i))
	return id
}

// numbered is one of many addresses, each in a network of its own.
func numbered(i int) netip.AddrPort {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(30<<24+i<<8))
	return netip.AddrPortFrom(netip.AddrFrom4(b), 6881)
}

func TestPeersAreOnePerAddress(t *testing.T) {
	p := newPeers()
	a := netip.MustParseAddr("1.2.3.4")
	six := netip.MustParseAddrPort("[2a00::1]:9")
	for port := range uint16(10) {
		if err := p.Announce(epoch, hash(1), netip.AddrPortFrom(a, port+1), port%2 == 0); err != nil {
			t.Fatal(err)
		}
	}
	p.Announce(epoch, hash(1), six, true)
	if got := p.Of(epoch, hash(1), krpc.IPv4, 10, false); !slices.Equal(got, []netip.AddrPort{netip.AddrPortFrom(a, 10)}) {
		t.Error(got)
	}
	if got := p.Of(epoch, hash(1), krpc.IPv6, 10, false); !slices.Equal(got, []netip.AddrPort{six}) {
		t.Error(got)
	}
	if got := p.Of(epoch, hash(1), krpc.IPv6, 10, true); got != nil {
		t.Error("a seed for a seed:", got)
	}
	if seeds, peers := p.Scrape(epoch, hash(1)); seeds.Estimate() < 0.9 || peers.Estimate() < 0.9 || peers.Estimate() > 1.1 {
		t.Error(seeds.Estimate(), peers.Estimate())
	}
	if seeds, peers := p.Scrape(epoch, hash(2)); seeds != nil || peers != nil {
		t.Error("filters of nothing")
	}
}

func TestPeersExpire(t *testing.T) {
	p := newPeers()
	p.Announce(epoch, hash(1), numbered(1), false)
	p.Announce(epoch.Add(30*time.Minute), hash(1), numbered(2), false)
	p.Announce(epoch, hash(2), numbered(1), false)
	now := epoch.Add(peerAge)
	if got := p.Of(now, hash(1), krpc.IPv4, 10, false); !slices.Equal(got, []netip.AddrPort{numbered(2)}) {
		t.Error(got)
	}
	p.Expire(now)
	if hashes, peers := p.Len(); hashes != 1 || peers != 1 || len(p.owners) != 1 {
		t.Error(hashes, peers, p.owners)
	}
}

func TestPeersAreBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		hash   func(i int) krpc.ID
		from   func(i int) netip.AddrPort
		hashes int
		peers  int
	}{
		{"one info-hash", func(int) krpc.ID { return hash(1) }, numbered, 1, maxPeersOfHash},
		{"one address", hash, func(int) netip.AddrPort { return numbered(1) }, maxPeersOfNetwork, maxPeersOfNetwork},
		{"one network", hash, func(i int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{9, 9, 9, byte(i)}), 1)
		}, maxPeersOfNetwork, maxPeersOfNetwork},
		{"many info-hashes", hash, numbered, maxHashes, maxHashes},
		{"all", func(i int) krpc.ID { return hash(i % 1000) }, numbered, 1000, maxPeers},
	} {
		p := newPeers()
		refused := 0
		for i := range 50_000 {
			takes := p.Takes(epoch, c.hash(i), c.from(i).Addr())
			err := p.Announce(epoch, c.hash(i), c.from(i), false)
			if err != nil {
				refused++
			}
			if (err == nil) != takes || err != nil && !errors.Is(err, ErrFull) {
				t.Fatalf("%s: %v, but takes it: %v", c.name, err, takes)
			}
		}
		if hashes, peers := p.Len(); hashes != c.hashes || peers != c.peers || refused == 0 {
			t.Errorf("%s: %d info-hashes, %d peers, %d refused", c.name, hashes, peers, refused)
		}
		// Who is in may announce again; when they are gone, others have room.
		if err := p.Announce(epoch, c.hash(0), c.from(0), true); err != nil {
			t.Errorf("%s: again: %v", c.name, err)
		}
		if err := p.Announce(epoch.Add(peerAge), hash(70_000), numbered(1), false); err != nil {
			t.Errorf("%s: later: %v", c.name, err)
		}
	}
}

func TestSamplesStay(t *testing.T) {
	p := newPeers()
	for i := range 10 {
		p.Announce(epoch, hash(i), numbered(i), false)
	}
	if s := p.Sample(epoch); len(s.Hashes) != 10 || s.Total != 10 || s.Interval != 0 {
		t.Errorf("%+v", s)
	}
	for i := range 500 {
		p.Announce(epoch, hash(i), numbered(i), false)
	}
	first := p.Sample(epoch)
	later := p.Sample(epoch.Add(time.Hour))
	if len(first.Hashes) != maxSample || first.Total != 500 || first.Interval != 21600 || later.Interval != 18000 || !slices.Equal(first.Hashes, later.Hashes) {
		t.Errorf("%+v\n%+v", first, later)
	}
	if next := p.Sample(epoch.Add(sampleAge)); slices.Equal(first.Hashes, next.Hashes) {
		t.Error("the same for ever")
	}
}

func code(err error) int {
	var e *krpc.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

func TestMutableItems(t *testing.T) {
	_, owner, _ := ed25519.GenerateKey(nil)
	from := numbered(1).Addr()
	at := func(seq int64) *int64 { return &seq }
	s := NewItems()
	for i, c := range []struct {
		value string
		seq   int64
		cas   *int64
		code  int
		left  int64 // the number kept afterwards
	}{
		{"1:a", 5, at(3), 0, 5}, // "If there is no current value, the cas field SHOULD be ignored."
		{"1:b", 4, nil, krpc.CodeOldSequence, 5},
		{"1:b", 5, nil, krpc.CodeOldSequence, 5},
		{"1:a", 5, nil, 0, 5},
		{"1:b", 6, at(4), krpc.CodeCASMismatch, 5},
		{"1:b", 6, at(5), 0, 6},
		{"1:a", 5, nil, krpc.CodeOldSequence, 6}, // replayed
	} {
		it, err := krpc.Sign(owner, []byte("salt"), []byte(c.value), c.seq)
		if err != nil {
			t.Fatal(err)
		}
		if got := code(s.Put(epoch, from, it, c.cas)); got != c.code {
			t.Errorf("step %d: code %d, want %d", i, got, c.code)
		}
		if kept, ok := s.Get(epoch, it.Target()); !ok || kept.Seq != c.left {
			t.Errorf("step %d: kept %+v", i, kept)
		}
	}
	forged, _ := krpc.Sign(owner, []byte("salt"), []byte("1:c"), 7)
	forged.Value = []byte("1:d")
	if got := code(s.Put(epoch, from, forged, nil)); got != krpc.CodeBadSignature {
		t.Error("forged:", got)
	}
	if kept, _ := s.Get(epoch, forged.Target()); string(kept.Value) != "1:b" {
		t.Errorf("%q", kept.Value)
	}
}

func TestItemsAreCopied(t *testing.T) {
	s := NewItems()
	packet := []byte("4:spam")
	it := krpc.Item{Value: packet}
	target := it.Target()
	if err := s.Put(epoch, numbered(1).Addr(), it, nil); err != nil {
		t.Fatal(err)
	}
	copy(packet, "4:eggs")
	if kept, _ := s.Get(epoch, target); string(kept.Value) != "4:spam" {
		t.Errorf("%q", kept.Value)
	}
}

func TestItemsExpireUnlessPutAgain(t *testing.T) {
	s := NewItems()
	one, two := krpc.Item{Value: []byte("1:a")}, krpc.Item{Value: []byte("1:b")}
	s.Put(epoch, numbered(1).Addr(), one, nil)
	s.Put(epoch, numbered(1).Addr(), two, nil)
	s.Put(epoch.Add(time.Hour), numbered(2).Addr(), two, nil)
	now := epoch.Add(itemAge)
	if _, ok := s.Get(now, one.Target()); ok {
		t.Error("kept for ever")
	}
	s.Expire(now)
	if _, ok := s.Get(now, two.Target()); !ok || s.Len() != 1 || len(s.owners) != 1 {
		t.Error(ok, s.Len(), s.owners)
	}
}

func TestItemsAreBounded(t *testing.T) {
	for _, c := range []struct {
		name string
		from func(i int) netip.AddrPort
		want int
	}{
		{"one network", func(i int) netip.AddrPort {
			return netip.AddrPortFrom(netip.AddrFrom4([4]byte{9, 9, 9, byte(i)}), 1)
		}, maxItemsOfNetwork},
		{"many", numbered, maxItems},
	} {
		s := NewItems()
		last := 0
		for i := range maxItems + 100 {
			v := fmt.Sprint(i)
			last = code(s.Put(epoch, c.from(i).Addr(), krpc.Item{Value: fmt.Appendf(nil, "%d:%s", len(v), v)}, nil))
		}
		if s.Len() != c.want || last != krpc.CodeServer {
			t.Errorf("%s: %d items, the last with code %d", c.name, s.Len(), last)
		}
		if err := s.Put(epoch.Add(itemAge), numbered(1).Addr(), krpc.Item{Value: []byte("i0e")}, nil); err != nil {
			t.Errorf("%s: later: %v", c.name, err)
		}
	}
}
