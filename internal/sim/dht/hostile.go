package dht

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// conduct is what a hostile node does when it is asked.
type conduct uint8

const (
	// mute answers pings, so that it stays in tables, and nothing else.
	mute conduct = iota
	// clannish names its accomplices only.
	clannish
	// inventive names nodes that do not exist, nearer to the target than anybody.
	inventive
	// forging names its accomplices, and has peers and values that nobody announced.
	forging
	conducts
)

// A gang is hostile hosts that know of each other. Each plays, at ports of its own, all IDs that BEP 42 allows its address, and
// takes whatever is announced to it without keeping it.
type gang struct {
	w       *world
	ids     identities // of all members
	ghosts  identities // who do not exist
	members []*member
}

// member is one host of a gang.
type member struct {
	gang *gang
	does conduct
	ids  [idsOf]krpc.Node      // the port is basePort and the index
	face int                   // the index of the one by which it shows itself
	kept map[krpc.ID]krpc.Item // the first version of what was put there, by one that forges
}

func (g *gang) recruit(ip netip.Addr, does conduct, rng *rand.Rand) *member {
	m := &member{gang: g, does: does, ids: allIDs(ip, rng)}
	g.members = append(g.members, m)
	g.ids = append(g.ids, m.ids[:g.w.plan.IDs]...)
	g.w.hosts[ip] = m
	return m
}

// node is the identity that a member shows first.
func (m *member) node() krpc.Node { return m.ids[m.face] }

// court has a member ask somebody something, to be entered in a table.
func (m *member) court(victim netip.AddrPort, about krpc.ID) {
	q := krpc.Message{Kind: krpc.KindQuery, Transaction: []byte("hi"), Query: krpc.Query{Method: krpc.FindNode, ID: m.node().ID, Target: about, HasTarget: true}}
	m.gang.w.send(m.node().Addr, victim, q.Append(nil))
}

func (m *member) receive(to, from netip.AddrPort, data []byte) {
	msg, err := krpc.Parse(data)
	if err != nil || msg.Kind != krpc.KindQuery || to.Port() < basePort || to.Port() >= basePort+idsOf {
		return
	}
	answer := krpc.Message{Kind: krpc.KindResponse, Transaction: msg.Transaction, IP: from}
	r := &answer.Response
	r.ID = m.ids[to.Port()-basePort].ID
	q := &msg.Query
	switch {
	case q.Method == krpc.Put && m.does == forging:
		m.keep(q)
	case q.Method == krpc.Ping, q.Method == krpc.AnnouncePeer, q.Method == krpc.Put:
	case m.does == mute:
		return
	case m.does == inventive:
		r.Nodes = m.gang.ghosts.nearest(q.Target, 8)
	default:
		r.Nodes = m.gang.ids.nearest(q.Target, 8)
	}
	if q.Method == krpc.GetPeers || q.Method == krpc.Get {
		r.Token = []byte("free")
		if m.does == forging {
			m.forge(q, r)
		}
	}
	m.gang.w.send(to, from, answer.Append(nil))
}

// keep remembers the first version of an item, whatever follows.
func (m *member) keep(q *krpc.Query) {
	if m.kept == nil {
		m.kept = make(map[krpc.ID]krpc.Item)
	}
	if target := q.Item.Target(); m.kept[target].Value == nil {
		m.kept[target] = q.Item.Clone()
	}
}

// forge adds what nobody announced: peers where nobody is; an item that is old, or not the one asked for.
func (m *member) forge(q *krpc.Query, r *krpc.Response) {
	if q.Method == krpc.Get {
		if r.Item = m.kept[q.Target]; r.Item.Value == nil {
			r.Item.Value = []byte("6:forged")
		}
		return
	}
	for i := range byte(3) {
		r.Peers = append(r.Peers, netip.AddrPortFrom(netip.AddrFrom4([4]byte{100, i, q.Target[0], q.Target[1]}), 1))
	}
}

// meet makes a gang's identities findable, and has all members make themselves known to some victims each within a time.
func (g *gang) meet(rng *rand.Rand, victims []krpc.Node, each int, within time.Duration) {
	g.ids.sort()
	for _, m := range g.members {
		for range each {
			v := victims[rng.IntN(len(victims))]
			g.w.after(time.Duration(rng.Int64N(int64(within))), func() { m.court(v.Addr, m.node().ID) })
		}
	}
}

// surround makes Sybils for a key: hosts whose IDs are valid and nearer to it than all that is at a distance.
func (w *world) surround(key krpc.ID, count int, limit krpc.ID, rng *rand.Rand) *gang {
	g := &gang{w: w}
	for len(g.members) < count {
		ip, of := w.places.draw()
		id := nearestID(key, ip)
		if id.Distance(key).Compare(limit) >= 0 || !w.places.settle(ip, of) {
			continue
		}
		face := int(id[krpc.IDSize-1] % idsOf)
		m := &member{gang: g, does: conduct(len(g.members)) % conducts, face: face}
		if m.does == inventive {
			m.does = clannish
		}
		m.ids[face] = krpc.Node{ID: id, Addr: netip.AddrPortFrom(ip, basePort+uint16(face))}
		g.members = append(g.members, m)
		g.ids = append(g.ids, m.ids[face])
		w.hosts[ip] = m
	}
	return g
}
