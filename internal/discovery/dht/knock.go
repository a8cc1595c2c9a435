package dht

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// knocks are queries to nodes of which only the name is known, because a proxy looks it up: at what address such a node is, its answer
// tells. It does no I/O, and is not safe for concurrent use.
type knocks struct {
	rng  *rand.Rand
	sent map[knockID]struct{} // and not answered
}

// knockID is a transaction id that nobody guesses. Those of [dht.Node] are shorter.
type knockID [8]byte

func newKnocks(rng *rand.Rand) knocks { return knocks{rng: rng, sent: make(map[knockID]struct{})} }

// forget has nobody answer any more.
func (k *knocks) forget() { clear(k.sent) }

// query is a new one, by our node on a side.
func (k *knocks) query(by dht.SideStats, version string) []byte {
	var id knockID
	binary.BigEndian.PutUint64(id[:], k.rng.Uint64())
	k.sent[id] = struct{}{}
	m := krpc.Message{
		Kind: krpc.KindQuery, Transaction: id[:], Version: version, ReadOnly: by.Mode == dht.ReadOnly,
		Query: krpc.Query{Method: krpc.Ping, ID: by.ID},
	}
	return m.Append(nil)
}

// answered reports whether a datagram is the answer to one of them.
func (k *knocks) answered(packet []byte) bool {
	if len(k.sent) == 0 {
		return false
	}
	m, err := krpc.Parse(packet)
	if err != nil || m.Kind != krpc.KindResponse || len(m.Transaction) != len(knockID{}) {
		return false
	}
	id := knockID(m.Transaction)
	_, asked := k.sent[id]
	delete(k.sent, id)
	return asked
}

// knock asks whether a node has a name that is looked up at the far end of the way. Whoever answers is asked for a way in.
func (r *Runner) knock(host string, port uint16) (failed error) {
	for _, m := range r.members {
		r.mu.Lock()
		query := r.knocks.query(m.node.Stats(time.Now()).Sides[0], r.cfg.Version)
		r.mu.Unlock()
		_, err := netx.WriteToName(m.conn, query, host, port)
		failed = errors.Join(failed, err)
	}
	return failed
}
