package dht

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

func newCall(tr *transactions, to netip.AddrPort, more int) *call {
	return &call{id: tr.newID(), to: krpc.Node{Addr: to}, more: more}
}

func TestAnswersAreMatchedByAddressAndID(t *testing.T) {
	tr := &transactions{rng: seeded(1)}
	c := newCall(tr, publicAddr(1), 0)
	tr.begin(epoch, c)
	if got, forged := tr.settle(epoch, publicAddr(2), c.id[:]); got != nil || !forged {
		t.Error("from elsewhere:", got, forged)
	}
	if got, forged := tr.settle(epoch, publicAddr(1), []byte("????")); got != nil || forged {
		t.Error("another id:", got, forged)
	}
	if got, _ := tr.settle(epoch, publicAddr(1), c.id[:]); got != c {
		t.Error("not matched")
	}
	if got, _ := tr.settle(epoch, publicAddr(1), c.id[:]); got != nil {
		t.Error("answered twice")
	}
}

func TestTimeoutsFollowTheRoundTrip(t *testing.T) {
	tr := &transactions{rng: seeded(1)}
	for range 50 {
		c := newCall(tr, publicAddr(1), 0)
		tr.begin(epoch, c)
		tr.settle(epoch.Add(400*time.Millisecond), publicAddr(1), c.id[:])
	}
	if tr.rtt < 390*time.Millisecond || tr.rtt > 410*time.Millisecond || tr.timeout() != minTimeout {
		t.Error(tr.rtt, tr.timeout())
	}
	for range 50 {
		c := newCall(tr, publicAddr(1), 0)
		tr.begin(epoch, c)
		tr.settle(epoch.Add(3*time.Second), publicAddr(1), c.id[:])
	}
	if got := tr.timeout(); got < 3*time.Second || got > maxTimeout {
		t.Error(got)
	}
}

func TestQueriesAreRepeatedAndFail(t *testing.T) {
	tr := &transactions{rng: seeded(1)}
	once, twice := newCall(tr, publicAddr(1), 0), newCall(tr, publicAddr(2), 1)
	tr.begin(epoch, once)
	tr.begin(epoch, twice)
	if again, failed := tr.due(epoch.Add(time.Second)); again != nil || failed != nil {
		t.Error("too early")
	}
	now := tr.next()
	again, failed := tr.due(now)
	if len(again) != 1 || again[0] != twice || len(failed) != 1 || failed[0] != once || now != epoch.Add(firstTimeout) {
		t.Error(now, again, failed)
	}
	// The time of an answer to a query sent twice says nothing.
	if got, _ := tr.settle(now.Add(time.Millisecond), publicAddr(2), twice.id[:]); got != twice || tr.rtt != 0 {
		t.Error(got, tr.rtt)
	}
	if !tr.next().IsZero() {
		t.Error("something is left")
	}
}
