package dht

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// A Refusal is why something that came in was not done.
type Refusal uint8

// Refusals.
const (
	Malformed      Refusal = iota // no message, or a query that makes no sense
	BadAddress                    // sent from where no node can be
	AddressTooFast                // an address asks too much
	NetworkTooFast                // the addresses of a network do
	TooLong                       // the answer would have been more than an address that may be forged gets
	Trimmed                       // a part of it would have been
	BadToken                      // a write without the token that was given to this address
	BadSignature                  // an item not signed by its key
	TooBig                        // an item or its salt
	OldSequence                   // an item older than the one we have, or not the one the writer knows of
	NoRoom                        // the storage is full, or full of what this network wrote
	UnknownMethod
	Forged      // an answer to a query of ours, not from where it was sent
	Unsolicited // an answer to nothing, or one that came too late
	Impostor    // an answer by another node than the one that was asked
	WrongItem   // an item that is not the one that was asked for, or not signed by its owner
	refusals
)

// String names the refusal.
func (r Refusal) String() string {
	return [...]string{
		"malformed", "bad address", "address too fast", "network too fast", "too long", "trimmed", "bad token", "bad signature",
		"too big", "old sequence number", "no room", "unknown method", "forged", "unsolicited", "impostor", "wrong item",
	}[r]
}

// Counts are what has happened since the node was made.
type Counts struct {
	Received, Sent           int64 // datagrams
	ReceivedBytes, SentBytes int64
	Answered                 int64 // queries of others
	Refused                  [refusals]int64
}

func (n *Node) refuse(why Refusal) { n.counts.Refused[why]++ }

// SideStats describe a node in the DHT of one family.
type SideStats struct {
	Family   krpc.Families
	ID       krpc.ID
	External netip.Addr // our address as most see it; the zero value: not known
	State    JoinState
	Mode     Mode
	Nodes    int     // in the table
	Good     int     // of these
	Network  float64 // about how many nodes there are; 0: not known
}

// Stats describe a node.
type Stats struct {
	Sides         []SideStats
	Hashes, Peers int // that others announced here
	Items         int
	Searches      int           // look-ups under way or waiting
	RTT           time.Duration // 0: not known
	Counts
}

// Stats returns what there is to say about the node.
func (n *Node) Stats(now time.Time) Stats {
	st := Stats{Items: n.items.Len(), Searches: len(n.walks.running), RTT: n.calls.rtt, Counts: n.counts}
	st.Hashes, st.Peers = n.peers.Len()
	for _, queue := range n.walks.waiting {
		st.Searches += len(queue)
	}
	for _, s := range n.sides {
		all, good := s.table.Len(now)
		st.Sides = append(st.Sides, SideStats{s.family, s.id, s.own, s.entry.state, s.mode, all, good, s.density.Nodes()})
	}
	return st
}
