package dht

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

const (
	// An answer is waited for so long: the usual round-trip time and four deviations of it, between these bounds.
	minTimeout   = time.Second
	firstTimeout = 3 * time.Second
	maxTimeout   = 5 * time.Second
	// maxCalls bounds the queries under way.
	maxCalls = 1024
	// callIDSize is the length of our transaction ids: nobody can guess the one of a query to an address in his place.
	callIDSize = 4
)

// A purpose is what a query was sent for. It hears one thing: the answer, or that there is none.
type purpose interface {
	// answered gets the response of the node at from, under the ID it answers by.
	answered(n *Node, now time.Time, from krpc.Node, r *krpc.Response)
	// failed gets the node as it was asked. refusal is the error it sent, nil if it sent nothing of use.
	failed(n *Node, now time.Time, to krpc.Node, refusal *krpc.Error)
}

// call is a query under way.
type call struct {
	id       [callIDSize]byte
	to       krpc.Node // its ID is zero if not known
	purpose  purpose
	packet   []byte
	sent     time.Time // first
	deadline time.Time
	timeout  time.Duration
	more     int // how many times it may be sent again
}

// transactions are the queries under way.
type transactions struct {
	rng    *rand.Rand
	calls  []*call // the oldest first
	rtt    time.Duration
	spread time.Duration // how far round-trip times lie from rtt, on average
}

// full reports whether no further query may be sent.
func (t *transactions) full() bool { return len(t.calls) >= maxCalls }

// newID draws a transaction id that is not in use.
func (t *transactions) newID() (id [callIDSize]byte) {
	for {
		binary.BigEndian.PutUint32(id[:], t.rng.Uint32())
		if !slices.ContainsFunc(t.calls, func(c *call) bool { return c.id == id }) {
			return id
		}
	}
}

// begin notes a query that is sent now.
func (t *transactions) begin(now time.Time, c *call) {
	c.sent, c.timeout = now, t.timeout()
	c.deadline = now.Add(c.timeout)
	t.calls = append(t.calls, c)
}

func (t *transactions) timeout() time.Duration {
	if t.rtt == 0 {
		return firstTimeout
	}
	return min(max(t.rtt+4*t.spread, minTimeout), maxTimeout)
}

// settle ends the query that an answer is for. It is nil if there is none; forged tells that there is one, but it was sent to
// somebody else.
func (t *transactions) settle(now time.Time, from netip.AddrPort, id []byte) (c *call, forged bool) {
	i := slices.IndexFunc(t.calls, func(c *call) bool { return string(c.id[:]) == string(id) })
	if i < 0 {
		return nil, false
	}
	if c = t.calls[i]; c.to.Addr != from {
		return nil, true
	}
	t.calls = slices.Delete(t.calls, i, i+1)
	if c.deadline.Sub(c.sent) == c.timeout { // of a query sent twice it is not known which one was answered
		t.measure(now.Sub(c.sent))
	}
	return c, false
}

// measure takes a round-trip time, as RFC 6298 does.
func (t *transactions) measure(took time.Duration) {
	if t.rtt == 0 {
		t.rtt, t.spread = max(took, time.Millisecond), took/2
		return
	}
	t.spread += ((took - t.rtt).Abs() - t.spread) / 4
	t.rtt = max(t.rtt+(took-t.rtt)/8, time.Millisecond)
}

// due are the queries not answered in time: those to be sent again, and those that have failed, which are ended.
func (t *transactions) due(now time.Time) (again, failed []*call) {
	t.calls = slices.DeleteFunc(t.calls, func(c *call) bool {
		switch {
		case now.Before(c.deadline):
			return false
		case c.more > 0:
			c.more--
			c.deadline = now.Add(2 * c.timeout)
			again = append(again, c)
			return false
		}
		failed = append(failed, c)
		return true
	})
	return again, failed
}

// next is when the next query is due; zero if none is under way.
func (t *transactions) next() (at time.Time) {
	for _, c := range t.calls {
		at = sooner(at, c.deadline)
	}
	return at
}

// sooner is the earlier of two times, of which zero stands for never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
