package dht

import (
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// asker sends queries to one node by hand.
type asker struct {
	t    *testing.T
	node *Node
	now  time.Time
	addr netip.AddrPort
	id   krpc.ID
}

// newAsker makes a node that knows 40 others, and somebody with an address.
func newAsker(t *testing.T, c Config) *asker {
	c.Rand = seeded(1)
	if c.Families == 0 {
		c.Families = krpc.IPv4 | krpc.IPv6
	}
	n := New(epoch, c)
	for i := range 40 {
		for _, a := range []netip.AddrPort{publicAddr(i), publicAddr6(i)} {
			n.side(a.Addr()).table.Answered(epoch, krpc.Node{ID: guard.NewID(a.Addr(), n.rng), Addr: a})
		}
	}
	return &asker{t, n, epoch, publicAddr(500), someID(9)}
}

// ask returns the node's answer, nil if there is none, and how many bytes were sent to us in all.
func (a *asker) ask(m krpc.Message) (reply *krpc.Message, asked, sent int) {
	a.t.Helper()
	m.Kind, m.Transaction, m.Query.ID = krpc.KindQuery, []byte("aa"), a.id
	return a.raw(m.Append(nil))
}

func (a *asker) raw(packet []byte) (reply *krpc.Message, asked, sent int) {
	a.t.Helper()
	a.node.Receive(a.now, a.addr, packet)
	a.node.Advance(a.now)
	for _, d := range a.node.Outbox() {
		if d.To != a.addr {
			continue
		}
		sent += len(d.Data)
		got, err := krpc.Parse(d.Data)
		if err != nil {
			a.t.Fatalf("%q: %v", d.Data, err)
		}
		if got.Kind != krpc.KindQuery {
			reply = &got
		}
	}
	return reply, len(packet), sent
}

func (a *asker) query(q krpc.Query) *krpc.Message {
	a.t.Helper()
	reply, _, _ := a.ask(krpc.Message{ReadOnly: true, Query: q})
	return reply
}

// prove lets the node know that we are where we say.
func (a *asker) prove() { a.node.proof.Prove(a.now, a.addr) }

func TestAnswers(t *testing.T) {
	target := someID(5)
	for _, c := range []struct {
		name string
		from netip.AddrPort
		q    krpc.Query
		code int // of the error, 0 for a response
		good func(r *krpc.Response) bool
	}{
		{"ping", publicAddr(500), krpc.Query{Method: krpc.Ping}, 0, func(r *krpc.Response) bool { return r.Lists == 0 && r.Token == nil }},
		{"find_node", publicAddr(500), krpc.Query{Method: krpc.FindNode, Target: target}, 0,
			func(r *krpc.Response) bool { return len(r.Nodes) == 8 && r.Lists == krpc.IPv4 && r.Token == nil }},
		{"find_node over IPv6", publicAddr6(500), krpc.Query{Method: krpc.FindNode, Target: target}, 0,
			func(r *krpc.Response) bool { return len(r.Nodes6) == 8 && r.Lists == krpc.IPv6 }},
		{"want both", publicAddr(500), krpc.Query{Method: krpc.FindNode, Target: target, Want: krpc.IPv4 | krpc.IPv6}, 0,
			func(r *krpc.Response) bool { return len(r.Nodes) == 8 && len(r.Nodes6) == 8 }},
		{"want the other", publicAddr(500), krpc.Query{Method: krpc.FindNode, Target: target, Want: krpc.IPv6}, 0,
			func(r *krpc.Response) bool { return len(r.Nodes6) == 8 && r.Lists == krpc.IPv6 }},
		{"get_peers", publicAddr(500), krpc.Query{Method: krpc.GetPeers, Target: target}, 0,
			func(r *krpc.Response) bool {
				return len(r.Nodes) == 8 && len(r.Token) == guard.TokenSize && r.Peers == nil
			}},
		{"get", publicAddr(500), krpc.Query{Method: krpc.Get, Target: target}, 0,
			func(r *krpc.Response) bool { return len(r.Nodes) == 8 && r.Token != nil && r.Item.Value == nil }},
		{"sample_infohashes", publicAddr(500), krpc.Query{Method: krpc.SampleInfohashes, Target: target}, 0,
			func(r *krpc.Response) bool { return r.Samples != nil && len(r.Nodes) == 8 }},
		{"announce_peer without token", publicAddr(500), krpc.Query{Method: krpc.AnnouncePeer, Target: target, Port: 1}, krpc.CodeProtocol, nil},
		{"put without token", publicAddr(500), krpc.Query{Method: krpc.Put, Item: krpc.Item{Value: []byte("i1e")}}, krpc.CodeProtocol, nil},
		{"method unknown", publicAddr(500), krpc.Query{Method: "vote"}, krpc.CodeMethodUnknown, nil},
	} {
		a := newAsker(t, Config{Version: "PK01"})
		a.addr = c.from
		a.prove()
		m := a.query(c.q)
		switch {
		case m == nil:
			t.Errorf("%s: no answer", c.name)
		case string(m.Transaction) != "aa" || m.Version != "PK01" || m.IP != c.from:
			t.Errorf("%s: %+v", c.name, m)
		case c.code != 0 && m.Error.Code != c.code:
			t.Errorf("%s: code %d, want %d", c.name, m.Error.Code, c.code)
		case c.code == 0 && (m.Kind != krpc.KindResponse || m.Response.ID != a.node.side(c.from.Addr()).id || !c.good(&m.Response)):
			t.Errorf("%s: %+v", c.name, m)
		}
	}
	a := newAsker(t, Config{})
	for packet, want := range map[string]int{
		"d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t2:aa1:y1:qe":                              krpc.CodeProtocol,
		"d1:ad2:id3:abce1:q9:find_node1:t2:aa1:y1:qe":                                                krpc.CodeProtocol,
		"d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q4:vote1:t2:aa1:y1:qe": 0,
		"d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q4:vote1:t2:aa1:y1:qe":    0,
	} {
		if m, _, _ := a.raw([]byte(packet)); m == nil || m.Error.Code != want || want == 0 && len(m.Response.Nodes) == 0 {
			t.Errorf("%s: %+v", packet, m)
		}
	}
}

func TestAnnouncedPeersAreTold(t *testing.T) {
	a := newAsker(t, Config{})
	hash := someID(5)
	tell := func(from netip.AddrPort, q krpc.Query) *krpc.Message {
		a.addr = from
		a.prove()
		q.Method, q.Target = krpc.AnnouncePeer, hash
		q.Token = a.query(krpc.Query{Method: krpc.GetPeers, Target: hash}).Response.Token
		return a.query(q)
	}
	for _, q := range []krpc.Query{{Port: 7000}, {Port: 7001, Seed: true}, {ImpliedPort: true}} {
		if m := tell(publicAddr(600+int(q.Port)%10), q); m.Kind != krpc.KindResponse {
			t.Fatalf("%+v", m)
		}
	}
	if m := tell(publicAddr(603), krpc.Query{}); m.Kind != krpc.KindError {
		t.Error("announced without a port")
	}
	tell(publicAddr6(1), krpc.Query{Port: 6})
	m := a.query(krpc.Query{Method: krpc.GetPeers, Target: hash, Scrape: true})
	if got := len(m.Response.Peers); got != 1 {
		t.Errorf("%d peers over IPv6", got)
	}
	a.addr = publicAddr(700)
	a.prove()
	m = a.query(krpc.Query{Method: krpc.GetPeers, Target: hash, Scrape: true})
	ports := map[uint16]bool{}
	for _, p := range m.Response.Peers {
		ports[p.Port()] = true
	}
	if len(ports) != 2 || !ports[7001] || ports[7000] || !ports[publicAddr(600).Port()] {
		t.Error(m.Response.Peers)
	}
	if m.Response.Seeders.Estimate() < 0.9 || m.Response.Leechers.Estimate() < 1.9 {
		t.Error(m.Response.Seeders.Estimate(), m.Response.Leechers.Estimate())
	}
	m = a.query(krpc.Query{Method: krpc.GetPeers, Target: hash, NoSeed: true})
	if len(m.Response.Peers) != 1 || m.Response.Seeders != nil {
		t.Error(m.Response.Peers)
	}
	m = a.query(krpc.Query{Method: krpc.SampleInfohashes, Target: hash})
	if s := m.Response.Samples; len(s.Hashes) != 1 || s.Hashes[0] != hash || s.Total != 1 {
		t.Errorf("%+v", s)
	}
}

func TestReadOnly(t *testing.T) {
	a := newAsker(t, Config{})
	a.node.SetMode(a.now, krpc.IPv6, ReadOnly)
	a.prove()
	if m, _, _ := a.ask(krpc.Message{Query: krpc.Query{Method: krpc.Ping}}); m == nil {
		t.Error("silent in another family")
	}
	a.node.SetMode(a.now, krpc.IPv4, ReadOnly)
	if !a.node.Receive(a.now, a.addr, (&krpc.Message{Kind: krpc.KindQuery, Transaction: []byte("q"), Query: krpc.Query{Method: krpc.Ping, ID: a.id}}).Append(nil)) {
		t.Error("nobody hears of the query")
	}
	if m, _, sent := a.ask(krpc.Message{Query: krpc.Query{Method: krpc.Ping}}); m != nil || sent != 0 {
		t.Error("a read-only node answers")
	}
	a.node.Ping(a.now, a.addr)
	for _, d := range a.node.Outbox() {
		if m, err := krpc.Parse(d.Data); err != nil || !m.ReadOnly {
			t.Errorf("%q", d.Data)
		}
	}
	// Another one that is read-only is served, and not entered.
	a = newAsker(t, Config{})
	a.prove()
	a.id = someID(33)
	if m, _, _ := a.ask(krpc.Message{ReadOnly: true, Query: krpc.Query{Method: krpc.Ping}}); m == nil {
		t.Error("not served")
	}
	if got := a.node.Outbox(); len(got) > 0 {
		t.Error("pinged")
	}
	a.node.SetMode(a.now, krpc.IPv4, ReadOnly)
	if m := a.query(krpc.Query{Method: krpc.Ping}); m != nil {
		t.Error("it has not become read-only")
	}
}

func TestNobodyOutsideHearsOfTheLocalNetwork(t *testing.T) {
	a := newAsker(t, Config{})
	target := someID(5)
	lan := netip.MustParseAddrPort("192.168.1.7:6881")
	a.node.sides[0].table.Answered(a.now, krpc.Node{ID: target, Addr: lan})
	a.node.peers.Announce(a.now, target, lan, false)
	for from, want := range map[netip.AddrPort]int{publicAddr(500): 0, netip.MustParseAddrPort("192.168.1.8:1"): 1} {
		a.addr = from
		a.prove()
		r := a.query(krpc.Query{Method: krpc.GetPeers, Target: target}).Response
		named := 0
		for _, k := range r.Nodes {
			if k.Addr == lan {
				named++
			}
		}
		if named != want || len(r.Peers) != want || len(r.Nodes) == 0 {
			t.Errorf("%v: %+v", from, r)
		}
	}
}
