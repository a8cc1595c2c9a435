package tracker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestLines: whatever comes and goes, no bound is exceeded, nobody waits who need not, and who came first begins first.
func TestLines(t *testing.T) {
	type request struct {
		host  int
		place *place
	}
	var (
		l       lines
		rng     = rand.New(rand.NewPCG(1, 2))
		under   []*request
		waits   = map[int][]*request{} // by host
		atHost  = map[int]int{}
		members int
	)
	begin := func(q *request) func() {
		return func() {
			if first := waits[q.host][0]; first != q {
				t.Fatal("somebody went before another")
			}
			waits[q.host] = waits[q.host][1:]
			atHost[q.host]++
			under = append(under, q)
		}
	}
	for i := range 100_000 {
		switch n := rng.IntN(20); {
		case n < 8+4*(i/25_000%2): // a tide
			q := &request{host: rng.IntN(200)}
			waits[q.host] = append(waits[q.host], q)
			members++
			q.place = l.join(fmt.Sprint(q.host), begin(q))
		case n < 17 && len(under) > 0:
			j := rng.IntN(len(under))
			q := under[j]
			under = append(under[:j], under[j+1:]...)
			atHost[q.host]--
			members--
			if l.withdraw(q.place) {
				t.Fatal("withdrawn after it has begun")
			}
			l.leave(q.place)
		default:
			host := rng.IntN(200)
			if list := waits[host]; len(list) > 0 {
				j := rng.IntN(len(list))
				q := list[j]
				waits[host] = append(list[:j:j], list[j+1:]...)
				members--
				if !l.withdraw(q.place) {
					t.Fatal("it has not begun")
				}
			}
		}
		if len(under) > maxAtOnce {
			t.Fatal(len(under), "at once")
		}
		for host, n := range atHost {
			if n > perHost {
				t.Fatal(n, "at once at one host")
			}
			if n < perHost && len(waits[host]) > 0 && len(under) < maxAtOnce {
				t.Fatal("somebody waits for nothing")
			}
		}
	}
	for len(under) > 0 {
		q := under[0]
		under = under[1:]
		atHost[q.host]--
		members--
		l.leave(q.place)
	}
	if members != 0 || len(l.hosts) != 0 || len(l.able) != 0 || l.under != 0 {
		t.Errorf("in the end %d are left, %d hosts", members, len(l.hosts))
	}
}

// TestEnterEnds: who gives up waiting takes no place.
func TestEnterEnds(t *testing.T) {
	var l lines
	var places []*place
	for range perHost {
		p, err := l.enter(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, p)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.enter(ctx, "a"); err != context.Canceled {
		t.Error(err)
	}
	for _, p := range places {
		l.leave(p)
	}
	if len(l.hosts) != 0 {
		t.Error("a line in which nobody is")
	}
}
