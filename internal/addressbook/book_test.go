package addressbook

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// epoch is when the tests begin.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newBook() *Book { return New(rand.New(rand.NewPCG(1, 2)), 6881) }

// address is the i-th of one network.
func address(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 6881)
}

// elsewhere is the first address of the i-th of many networks.
func elsewhere(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(20 + i>>8), byte(i), 1, 1}), 6881)
}

func add(b *Book, origin Origin, addrs ...netip.AddrPort) {
	for _, a := range addrs {
		b.Add(origin, netip.Addr{}, a)
	}
}

// sound checks everything that holds between two calls.
func (b *Book) sound(t *testing.T) {
	t.Helper()
	hints, dialing, members, queued := 0, 0, 0, 0
	tellers := make(map[teller]int)
	for a, e := range b.table {
		if e.addr != a || b.networks[Network(a.Addr())] != e.network {
			t.Fatalf("%v is not where it belongs", a)
		}
		if e.origin.hint() {
			hints++
		}
		if e.teller != (teller{}) {
			tellers[e.teller]++
		}
		switch e.phase {
		case dialling, feeling:
			dialing++
		case waiting:
			if b.waiting.list[e.place-1] != e {
				t.Fatalf("%v does not wait in its place", a)
			}
		case ready:
			if e.network.ready.list[e.place-1] != e {
				t.Fatalf("%v is not due in its place", a)
			}
			queued++
		}
	}
	for p, n := range b.networks {
		count := 0
		for _, e := range n.members {
			if e.origin.hint() {
				count++
			}
			if b.table[e.addr] != e {
				t.Fatalf("%v is a member of %v, and not in the book", e.addr, p)
			}
		}
		if count != n.hints || len(n.members) == 0 && n.load == 0 || n.load < 0 || n.hints > perNetwork {
			t.Fatalf("%v: %d hints, counted %d, of %d; load %d", p, n.hints, count, len(n.members), n.load)
		}
		if n.ready.empty() != (n.turn == 0) || (n.hints == 0) != (n.size == 0) {
			t.Fatalf("%v is in the wrong queues", p)
		}
		members += len(n.members)
		queued -= len(n.ready.list)
	}
	for k, n := range b.tellers {
		if tellers[k] != n || n > k.share() {
			t.Fatalf("%v: %d hints, counted %d", k, tellers[k], n)
		}
	}
	if hints != b.hints || hints > maxHints || dialing != b.dialing || members != len(b.table) || queued != 0 || len(tellers) != len(b.tellers) {
		t.Fatalf("%d hints, counted %d; %d dialling, counted %d; %d members of %d, %d too many due",
			b.hints, hints, b.dialing, dialing, members, len(b.table), queued)
	}
	heap(t, &b.waiting)
	heap(t, &b.ready)
	heap(t, &b.sizes)
	for _, n := range b.networks {
		heap(t, &n.ready)
	}
}

func heap[T any](t *testing.T, q *queue[T]) {
	t.Helper()
	for i := range q.list {
		if q.before(q.list[i], q.list[max(0, i-1)/2]) && i > 0 {
			t.Fatalf("place %d of %d is out of order", i, len(q.list))
		}
	}
}

// TestBookIsSound does many things by lot.
func TestBookIsSound(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 3))
		b := New(rand.New(rand.NewPCG(seed, 4)), 1)
		now := epoch
		var out []netip.AddrPort
		some := func() netip.AddrPort {
			if rng.IntN(2) == 0 {
				return address(rng.IntN(400))
			}
			return elsewhere(rng.IntN(6000))
		}
		for step := range 3000 {
			switch rng.IntN(12) {
			case 0, 1, 2:
				for range rng.IntN(30) {
					b.Add(Origin(rng.IntN(int(origins))), some().Addr(), some())
				}
			case 3, 4, 5:
				if a, _, ok := b.Next(now); ok {
					out = append(out, a)
				}
			case 6:
				if a, ok := b.Feel(now); ok {
					out = append(out, a)
				}
			case 7, 8:
				if len(out) > 0 {
					i := rng.IntN(len(out))
					if rng.IntN(2) == 0 {
						b.Failed(now, out[i])
					} else {
						b.Connected(now, out[i])
						b.Joined(out[i].Addr())
						b.Moved(now, out[i], int64(rng.IntN(3)))
						b.Parted(out[i].Addr())
						b.Left(now, out[i], Outcome(rng.IntN(6)))
					}
					out[i] = out[len(out)-1]
					out = out[:len(out)-1]
				}
			case 9:
				now = now.Add(time.Duration(rng.IntN(200)) * time.Second)
			case 10:
				b.Bans.Add(now, some().Addr())
				b.SetOwn(address(rng.IntN(2)).Addr())
			case 11:
				b.Restore(b.Save(20))
				if a := b.Listens(now, some().Addr(), 7); a.IsValid() {
					b.Left(now, a, Broken)
				}
			}
			if step%500 == 0 {
				b.sound(t)
			}
		}
		b.sound(t)
	}
}

// TestQueue holds the heap against sorting.
func TestQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	q := queue[*entry]{before: sooner, place: entryPlace}
	var all []*entry
	for i := range 500 {
		e := &entry{addr: address(i), next: epoch.Add(time.Duration(rng.IntN(100)))}
		all = append(all, e)
		q.put(e)
	}
	for range 300 {
		e := all[rng.IntN(len(all))]
		if rng.IntN(2) == 0 {
			q.take(e)
			q.take(e)
		} else {
			e.next = epoch.Add(time.Duration(rng.IntN(100)))
			q.put(e)
		}
		heap(t, &q)
	}
	for last := q.head(); !q.empty(); q.take(q.head()) {
		if sooner(q.head(), last) {
			t.Fatal("out of order")
		}
		last = q.head()
	}
}
