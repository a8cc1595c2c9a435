// Package dht is a node of the mainline DHT (BEP 5, 32, 33, 42, 43, 44, 45, 51) without its socket.
//
// A [Node] is fed the datagrams that come in and the time; it leaves the datagrams to send in its outbox and says when it
// wants to be called again. Searches are begun with it and leave their results in a handle. It takes part in the DHT of one
// family of addresses or of both, which is a [side] each. Several local addresses are several nodes (BEP 45: "simply run
// multiple independent DHT nodes, each bound to a separate address") that share one storage.
//
//	guard     tokens, rates, and who may get a long reply
//	storage   what others left with us
//	table     whom we know
//	lookup    the way to the nodes near a key
//	walk      a look-up with its queries, and what is written at its end
//	search_*  what look-ups are made for: peers, items
//	answer_*  what others ask us
//	entrance  getting in, and back
//
// Invariants: nothing is sent to an address on a forger's word that is more than three times what he sent; nothing that others
// say takes more than a bounded amount of memory; an ID of ours is always valid for our address, as soon as that is known.
//
// It is pure. A node, its handles and a storage that nodes share are guarded by one lock of the caller's.
package dht

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/storage"
	"github.com/potluck-p2p/potluck/internal/protocol/dht/table"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Mode is what a node does for others.
type Mode uint8

// Modes.
const (
	Serving  Mode = iota
	ReadOnly      // it cannot be reached, and answers nobody: BEP 43
)

// Config says what a node is.
type Config struct {
	// Rand is where everything comes from that nobody may guess: it must be a cipher (rand.ChaCha8) with a secret seed.
	Rand *rand.Rand
	// Families are those it takes part in.
	Families krpc.Families
	// External are our own addresses as far as they are known; the others find out.
	External []netip.Addr
	// Version is what we call ourselves: two letters and two bytes, or nothing.
	Version string
	// Peers and Items may be shared with other nodes; nil: its own.
	Peers *storage.Peers
	Items *storage.Items
}

// Datagram is what is to be sent. The family of To tells by which socket.
type Datagram struct {
	To   netip.AddrPort
	Data []byte
}

// Node is a node of the DHT.
type Node struct {
	rng     *rand.Rand
	version string
	sides   []*side
	calls   transactions
	walks   walks
	tokens  *guard.Tokens
	limits  guard.Limits
	proof   guard.Proof
	peers   *storage.Peers
	items   *storage.Items
	outbox  []Datagram
	heardAt time.Time // when an answer came last
	counts  Counts
}

// New makes a node that knows nobody: see [Node.Restore] and [Node.Contact].
func New(now time.Time, c Config) *Node {
	n := &Node{
		rng: c.Rand, version: c.Version, calls: transactions{rng: c.Rand},
		tokens: guard.NewTokens(now, c.Rand), peers: c.Peers, items: c.Items,
	}
	if n.peers == nil {
		n.peers = storage.NewPeers(c.Rand)
	}
	if n.items == nil {
		n.items = storage.NewItems()
	}
	for _, family := range []krpc.Families{krpc.IPv4, krpc.IPv6} {
		if c.Families&family == 0 {
			continue
		}
		var own netip.Addr
		if i := slices.IndexFunc(c.External, func(a netip.Addr) bool { return krpc.FamilyOf(a) == family }); i >= 0 {
			own = c.External[i].Unmap()
		}
		id := guard.NewID(own, n.rng)
		n.sides = append(n.sides, &side{family: family, id: id, own: own, table: table.New(now, id, validNode, n.rng)})
	}
	return n
}

// want is what nodes are asked to name. BEP 32: a node that is bootstrapping "should request both IPv4 and IPv6 node
// information", and "once bootstrap is successful" only that of the family it asks in, which is 0.
func (n *Node) want() (f krpc.Families) {
	for _, s := range n.sides {
		if s.entry.state != Joined && len(n.sides) > 1 {
			return krpc.IPv4 | krpc.IPv6
		}
	}
	return 0
}

// SetMode tells whether we can be reached in a family. Who serves again looks for its neighbours, who hear of it so.
func (n *Node) SetMode(now time.Time, f krpc.Families, m Mode) {
	for _, s := range n.sides {
		if s.family&f == 0 || s.mode == m {
			continue
		}
		if s.mode = m; m == Serving {
			s.entry.again(now)
		}
	}
}

// Contact gives addresses where nodes may be: routers, what the configuration or a .torrent says, peers that told a port. They
// are asked one after the other, and asked again when nobody else is left.
func (n *Node) Contact(now time.Time, addrs ...netip.AddrPort) {
	for _, a := range addrs {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if s := n.side(a.Addr()); s != nil && guard.Usable(a, a.Addr()) {
			s.entry.give(now, []netip.AddrPort{a}, true)
		}
	}
}

// Restore gives the nodes of a saved table.
func (n *Node) Restore(now time.Time, saved []krpc.Node) { n.Contact(now, addresses(saved)...) }

// Table returns the nodes to be saved.
func (n *Node) Table() (list []krpc.Node) {
	for _, s := range n.sides {
		list = append(list, s.table.All()...)
	}
	return list
}

// Outbox returns the datagrams to be sent and empties it.
func (n *Node) Outbox() []Datagram {
	out := n.outbox
	n.outbox = nil
	return out
}

func (n *Node) send(to netip.AddrPort, packet []byte) {
	n.counts.Sent++
	n.counts.SentBytes += int64(len(packet))
	n.outbox = append(n.outbox, Datagram{To: to, Data: packet})
}

// ask sends a query. What becomes of it is told to the purpose, later.
func (n *Node) ask(now time.Time, s *side, to krpc.Node, q krpc.Query, p purpose, retries int) {
	q.ID = s.id
	if q.Method == krpc.FindNode {
		q.Want = n.want()
	}
	c := &call{id: n.calls.newID(), to: to, purpose: p, more: retries}
	// BEP 43: "In each outgoing query message the read-only DHT node places a 'ro' key in the top-level message dictionary".
	m := krpc.Message{Kind: krpc.KindQuery, Transaction: c.id[:], Version: n.version, ReadOnly: s.mode == ReadOnly, Query: q}
	c.packet = m.Append(nil)
	full := n.calls.full()
	n.calls.begin(now, c)
	if full { // it fails without having been sent
		c.deadline, c.more = now, 0
		return
	}
	n.send(to.Addr, c.packet)
}

// Receive takes a datagram that came from an address. It must not be changed afterwards. It reports whether that was a query,
// answered or not.
func (n *Node) Receive(now time.Time, from netip.AddrPort, packet []byte) (query bool) {
	n.counts.Received++
	n.counts.ReceivedBytes += int64(len(packet))
	from = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
	s := n.side(from.Addr())
	if s == nil || !guard.Usable(from, from.Addr()) {
		n.refuse(BadAddress)
		return false
	}
	m, err := krpc.Parse(packet)
	switch {
	case err == nil && m.Kind == krpc.KindQuery:
		n.answer(now, s, from, &m, len(packet))
	case err == nil:
		n.settle(now, s, from, &m)
	default:
		n.refuse(Malformed)
		if m.Kind == krpc.KindQuery {
			n.answerMalformed(now, s, from, &m, len(packet))
		}
	}
	return err == nil && m.Kind == krpc.KindQuery
}

// settle takes a response or an error.
func (n *Node) settle(now time.Time, s *side, from netip.AddrPort, m *krpc.Message) {
	c, forged := n.calls.settle(now, from, m.Transaction)
	switch {
	case forged:
		n.refuse(Forged)
		return
	case c == nil:
		n.refuse(Unsolicited)
		return
	}
	n.heardAt = now
	n.proof.Prove(now, from)
	if m.Kind == krpc.KindError {
		c.purpose.failed(n, now, c.to, &m.Error)
		return
	}
	node := krpc.Node{ID: m.Response.ID, Addr: from}
	s.table.Answered(now, node)
	if m.IP.IsValid() {
		n.toldAddress(now, s, from.Addr(), m.IP.Addr())
	}
	if c.to.ID != (krpc.ID{}) && c.to.ID != node.ID {
		n.refuse(Impostor)
		c.purpose.failed(n, now, c.to, nil)
		return
	}
	n.introduceOthers(now, node, &m.Response)
	c.purpose.answered(n, now, node, &m.Response)
}

// Advance does what is due, and returns when it wants to be called again. It is to be called then, and after every
// [Node.Receive] and every search that was begun; many datagrams may be received before.
func (n *Node) Advance(now time.Time) (next time.Time) {
	again, failed := n.calls.due(now)
	for _, c := range again {
		n.send(c.to.Addr, c.packet)
	}
	for _, c := range failed {
		// If nobody is heard any more, it is our own line that is down.
		if s := n.side(c.to.Addr.Addr()); n.heardAt.After(c.sent) {
			s.table.Failed(now, c.to)
		}
		c.purpose.failed(n, now, c.to, nil)
	}
	for _, s := range n.sides {
		n.maintain(now, s)
		n.enter(now, s)
	}
	n.advanceWalks(now)
	n.peers.Expire(now)
	n.items.Expire(now)
	next = n.calls.next()
	for _, s := range n.sides {
		next = sooner(next, s.table.Due())
		next = sooner(next, s.entry.next())
	}
	for _, w := range n.walks.running {
		next = sooner(next, w.wake)
	}
	return next
}
