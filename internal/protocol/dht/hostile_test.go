package dht

import (
	"crypto/ed25519"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/dht/guard"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// loaded is a node that has much to tell about a target: peers, an item, info-hashes and nodes.
func loaded(t *testing.T) (a *asker, hash, item krpc.ID) {
	a = newAsker(t, Config{Version: "PK01"})
	hash = someID(5)
	for i := range 400 {
		a.node.peers.Announce(a.now, hash, publicAddr(i), i%2 == 0)
		a.node.peers.Announce(a.now, hash, publicAddr6(i), i%2 == 0)
		a.node.peers.Announce(a.now, someID(uint64(1000+i)), publicAddr(i), false)
	}
	_, owner, _ := ed25519.GenerateKey(nil)
	it, err := krpc.Sign(owner, nil, append([]byte("990:"), make([]byte, 990)...), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.node.items.Put(a.now, publicAddr(1).Addr(), it, nil); err != nil {
		t.Fatal(err)
	}
	return a, hash, it.Target()
}

func TestNoForgedQueryIsAmplified(t *testing.T) {
	a, hash, item := loaded(t)
	both := krpc.IPv4 | krpc.IPv6
	spoofed := map[string][]byte{}
	for name, q := range map[string]krpc.Query{
		"ping":                  {Method: krpc.Ping},
		"find_node":             {Method: krpc.FindNode, Target: hash},
		"find_node, both":       {Method: krpc.FindNode, Target: hash, Want: both},
		"get_peers":             {Method: krpc.GetPeers, Target: hash},
		"get_peers, scrape":     {Method: krpc.GetPeers, Target: hash, Scrape: true, Want: both},
		"get_peers, none":       {Method: krpc.GetPeers, Target: someID(77)},
		"announce_peer":         {Method: krpc.AnnouncePeer, Target: hash, Port: 1},
		"announce_peer, token":  {Method: krpc.AnnouncePeer, Target: hash, Port: 1, Token: make([]byte, guard.TokenSize)},
		"get":                   {Method: krpc.Get, Target: item, Want: both},
		"put":                   {Method: krpc.Put, Item: krpc.Item{Value: []byte("i1e")}, Token: make([]byte, guard.TokenSize)},
		"put, nothing":          {Method: krpc.Put},
		"sample_infohashes":     {Method: krpc.SampleInfohashes, Target: hash, Want: both},
		"method unknown":        {Method: "x"},
		"method unknown, empty": {},
	} {
		for _, ro := range []bool{false, true} {
			m := krpc.Message{Kind: krpc.KindQuery, ReadOnly: ro, Transaction: []byte("a"), Query: q}
			m.Query.ID = someID(42)
			spoofed[fmt.Sprintf("%s, read-only %v", name, ro)] = m.Append(nil)
		}
	}
	for name, packet := range map[string]string{
		"no id":              "d1:ade1:q4:ping1:t0:1:y1:qe",
		"no arguments":       "d1:t0:1:y1:qe",
		"no target":          "d1:ad2:id20:abcdefghij0123456789e1:q9:find_node1:t0:1:y1:qe",
		"unknown, target":    "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q1:x1:t0:1:y1:qe",
		"unknown, info_hash": "d1:ad2:id20:abcdefghij01234567899:info_hash20:" + string(hash[:]) + "e1:q1:x1:t0:1:y1:qe",
		"response":           "d1:rd2:id20:abcdefghij0123456789e1:t4:abcd1:y1:re",
		"error":              "d1:eli201e1:xe1:t4:abcd1:y1:ee",
		"no kind":            "d1:t2:aae",
		"not bencoded":       "hello",
		"empty":              "",
	} {
		spoofed[name] = []byte(packet)
	}
	i := 0
	for _, v6 := range []bool{false, true} {
		for name, packet := range spoofed {
			a.addr = publicAddr(1000 + i)
			if v6 {
				a.addr = publicAddr6(1000 + i)
			}
			i++
			a.now = a.now.Add(5 * time.Second)
			if _, asked, sent := a.raw(packet); sent > guard.Amplification*asked {
				t.Errorf("%s, IPv6 %v: %d bytes for %d", name, v6, sent, asked)
			}
			// The ping to somebody who may be entered comes later, on the word of the same packet, and is not repeated.
			later := 0
			a.node.Advance(a.now.Add(4 * time.Second))
			a.node.Advance(a.now.Add(30 * time.Second))
			for _, d := range a.node.Outbox() {
				if d.To == a.addr {
					later += len(d.Data)
				}
			}
			if later > pingSize {
				t.Errorf("%s: %d bytes later", name, later)
			}
		}
	}
	if c := a.node.Stats(a.now).Refused; c[Trimmed] == 0 || c[TooLong] == 0 || c[Malformed] == 0 || c[Unsolicited] == 0 || c[BadToken] == 0 || c[UnknownMethod] == 0 {
		t.Error(c)
	}
	// Who has proven himself gets all of it.
	a.addr = publicAddr(5000)
	a.prove()
	if m := a.query(krpc.Query{Method: krpc.Get, Target: item}); m == nil || len(m.Response.Item.Value) != 994 || len(m.Response.Nodes) < 6 {
		t.Error("not all of it")
	}
}

func TestAnEchoedTokenIsAProof(t *testing.T) {
	a, _, item := loaded(t)
	m := a.query(krpc.Query{Method: krpc.Get, Target: item})
	if m.Response.Item.Value != nil || *m.Response.Seq != 1 {
		t.Fatal("a long item for a stranger")
	}
	token := m.Response.Token
	mine := a.addr
	a.addr = publicAddr(501)
	if m = a.query(krpc.Query{Method: krpc.Get, Target: item, Token: token}); m.Response.Item.Value != nil {
		t.Error("the token of another address")
	}
	a.addr = mine
	if m = a.query(krpc.Query{Method: krpc.Get, Target: item, Token: token}); m.Response.Item.Value == nil {
		t.Error("kept back although proven")
	}
}

func TestAForgedQueryIsPingedOnceAtMost(t *testing.T) {
	// Ten thousand queries in the name of one victim, who never answers.
	a := newAsker(t, Config{})
	pings, replies := 0, 0
	for i := range 10_000 {
		m := krpc.Message{Kind: krpc.KindQuery, Transaction: []byte("aa"), Query: krpc.Query{Method: krpc.Ping, ID: someID(uint64(i))}}
		a.node.Receive(a.now, a.addr, m.Append(nil))
		a.now = a.now.Add(time.Millisecond)
		a.node.Advance(a.now)
		for _, d := range a.node.Outbox() {
			if got, _ := krpc.Parse(d.Data); d.To == a.addr && got.Kind == krpc.KindQuery {
				pings++
			} else if d.To == a.addr {
				replies++
			}
		}
	}
	if pings > 6 || replies > 210 {
		t.Errorf("%d pings and %d replies in 10 s", pings, replies)
	}
}

func TestForgedAnswersAreRefused(t *testing.T) {
	a := newAsker(t, Config{})
	probe := a.node.Ping(a.now, publicAddr(700))
	out := a.node.Outbox()
	q, err := krpc.Parse(out[len(out)-1].Data)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(from netip.AddrPort, transaction []byte) {
		m := krpc.Message{Kind: krpc.KindResponse, Transaction: transaction, Response: krpc.Response{ID: someID(1)}}
		a.node.Receive(a.now, from, m.Append(nil))
	}
	answer(publicAddr(701), q.Transaction)
	answer(netip.AddrPortFrom(publicAddr(700).Addr(), 1), q.Transaction)
	for i := range 100 {
		answer(publicAddr(700), []byte{0, 0, 0, byte(i)})
		answer(publicAddr(700), []byte{byte(i)})
	}
	if _, _, done := probe.Result(); done {
		t.Error("a forged answer was taken")
	}
	if c := a.node.Stats(a.now).Refused; c[Forged] != 2 || c[Unsolicited] != 200 {
		t.Error(c)
	}
	answer(publicAddr(700), q.Transaction)
	if node, _, done := probe.Result(); !done || node.Addr != publicAddr(700) {
		t.Error("the true answer was not")
	}
}

func TestImpostorsAreRefused(t *testing.T) {
	a := newAsker(t, Config{})
	victim := krpc.Node{ID: someID(3), Addr: publicAddr(800)}
	a.node.ask(a.now, a.node.sides[0], victim, krpc.Query{Method: krpc.Ping}, tableTest{}, 0)
	q, _ := krpc.Parse(a.node.Outbox()[0].Data)
	m := krpc.Message{Kind: krpc.KindResponse, Transaction: q.Transaction, Response: krpc.Response{ID: someID(4)}}
	a.node.Receive(a.now, victim.Addr, m.Append(nil))
	if c := a.node.Stats(a.now).Refused; c[Impostor] != 1 || slices.Contains(a.node.Table(), victim) {
		t.Error(c)
	}
}

func TestWritesAreRefused(t *testing.T) {
	_, owner, _ := ed25519.GenerateKey(nil)
	sign := func(value string, seq int64) krpc.Item {
		it, _ := krpc.Sign(owner, nil, []byte(value), seq)
		return it
	}
	wrong := sign("1:x", 9)
	wrong.Value = []byte("1:y")
	a := newAsker(t, Config{})
	token := func() []byte { return a.query(krpc.Query{Method: krpc.Get, Target: someID(1)}).Response.Token }
	mine := token()
	other := a.addr
	a.addr = publicAddr(501)
	foreign := token()
	a.addr = other
	put := func(it krpc.Item, token []byte) krpc.Query {
		return krpc.Query{Method: krpc.Put, Item: it, Token: token}
	}
	if m := a.query(put(sign("1:a", 5), mine)); m.Kind != krpc.KindResponse {
		t.Fatalf("%+v", m)
	}
	for _, c := range []struct {
		name string
		q    krpc.Query
		code int
		why  Refusal
	}{
		{"value of 1001 bytes", put(krpc.Item{Value: append([]byte("997:"), make([]byte, 997)...)}, mine), krpc.CodeTooBig, TooBig},
		{"salt of 65 bytes", put(krpc.Item{Value: []byte("1:x"), Key: make([]byte, 32), Sig: make([]byte, 64), Salt: make([]byte, 65)}, mine), krpc.CodeSaltTooBig, TooBig},
		{"wrong signature", put(wrong, mine), krpc.CodeBadSignature, BadSignature},
		{"replayed", put(sign("1:b", 4), mine), krpc.CodeOldSequence, OldSequence},
		{"the same number", put(sign("1:b", 5), mine), krpc.CodeOldSequence, OldSequence},
		{"token of another address", put(sign("1:b", 6), foreign), krpc.CodeProtocol, BadToken},
		{"announce with the token of another address", krpc.Query{Method: krpc.AnnouncePeer, Target: someID(1), Port: 1, Token: foreign}, krpc.CodeProtocol, BadToken},
	} {
		before := a.node.Stats(a.now).Refused[c.why]
		m := a.query(c.q)
		if m == nil || m.Error.Code != c.code {
			t.Errorf("%s: %+v", c.name, m)
		}
		if got := a.node.Stats(a.now).Refused[c.why]; got != before+1 {
			t.Errorf("%s: counted %d times as %v", c.name, got-before, c.why)
		}
	}
	if it, ok := a.node.items.Get(a.now, krpc.MutableTarget(owner.Public().(ed25519.PublicKey), nil)); !ok || string(it.Value) != "1:a" || a.node.items.Len() != 1 {
		t.Errorf("%+v", it)
	}
}

func TestFloodsAreRefused(t *testing.T) {
	a := newAsker(t, Config{})
	for range 1000 {
		a.query(krpc.Query{Method: krpc.Ping})
	}
	for i := range 2000 {
		a.addr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{99, 9, 9, byte(i)}), 5)
		a.query(krpc.Query{Method: krpc.Ping})
	}
	c := a.node.Stats(a.now)
	if c.Refused[AddressTooFast] < 800 || c.Refused[NetworkTooFast] < 1400 || c.Answered > 700 {
		t.Errorf("%+v", c.Counts)
	}
}

func TestPoisonDoesNotSpread(t *testing.T) {
	// Every fourth node names, whatever it is asked, nodes that do not exist, with IDs right at the target.
	w := swarmOf(t, 8, 40)
	hash := someID(11)
	liars := map[*host]bool{}
	for i, h := range w.nodes {
		liars[h] = i%4 == 1
	}
	fake := 0
	w.deliver = func(p parcel) bool {
		h := w.at[p.to]
		m, err := krpc.Parse(p.data)
		if !liars[h] || err != nil || m.Kind != krpc.KindQuery || !m.Query.HasTarget {
			return true
		}
		r := krpc.Message{Kind: krpc.KindResponse, Transaction: m.Transaction, Response: krpc.Response{ID: h.node.sides[0].id, Token: []byte("x")}}
		for i := range 8 {
			fake++
			id := m.Query.Target
			id[19] ^= byte(i + 1)
			r.Response.Nodes = append(r.Response.Nodes, krpc.Node{ID: id, Addr: publicAddr(2000 + fake%3000)})
		}
		w.flying = append(w.flying, parcel{p.to, p.from, r.Append(nil), w.now.Add(50 * time.Millisecond)})
		return false
	}
	told := w.nodes[0].node.FindPeers(w.now, hash, PeerOptions{Announce: &Announcement{Port: 5}})
	w.run(2*time.Minute, told.Done)
	found := w.nodes[2].node.FindPeers(w.now, hash, PeerOptions{})
	w.run(2*time.Minute, found.Done)
	if len(found.Take()) != 1 {
		t.Error("not found")
	}
	w.run(time.Hour, nil)
	for i, h := range w.nodes {
		for _, k := range h.node.Table() {
			if w.at[k.Addr] == nil {
				t.Fatalf("node %d has %v in its table, which does not exist", i, k)
			}
		}
	}
}

func TestSybilsOfOneNetworkGainNothing(t *testing.T) {
	// A thousand nodes of one /24, with valid answers and IDs next to the key.
	w := swarmOf(t, 9, 30)
	hash := someID(12)
	sybil := func(i int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{66, 6, 6, byte(i)}), uint16(1000+i))
	}
	for i := range 1000 {
		id := hash
		id[18], id[19] = byte(i>>8), byte(i)
		for _, h := range w.nodes {
			h.node.sides[0].table.Answered(w.now, krpc.Node{ID: id, Addr: sybil(i)})
		}
	}
	told := w.nodes[4].node.FindPeers(w.now, hash, PeerOptions{Announce: &Announcement{Port: 5}})
	w.run(2*time.Minute, told.Done)
	found := w.nodes[20].node.FindPeers(w.now, hash, PeerOptions{})
	w.run(2*time.Minute, found.Done)
	if len(found.Take()) != 1 {
		t.Error("not found")
	}
	for i, h := range w.nodes {
		n := 0
		for _, k := range h.node.Table() {
			if k.Addr.Addr().As4()[0] == 66 {
				n++
			}
		}
		if n > 10 {
			t.Errorf("node %d has %d of them", i, n)
		}
	}
}

func TestItemsFromLiarsAreRefused(t *testing.T) {
	w := swarmOf(t, 10, 20)
	_, owner, _ := ed25519.GenerateKey(nil)
	old, _ := krpc.Sign(owner, nil, []byte("3:old"), 1)
	it, _ := krpc.Sign(owner, nil, []byte("3:new"), 2)
	put, err := w.nodes[1].node.Put(w.now, it, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.run(time.Minute, put.Done)
	forged := it.Clone()
	forged.Value, forged.Seq = []byte("3:bad"), 3
	answers := []krpc.Item{old, forged, {Value: []byte("3:bad")}}
	lies := 0
	w.deliver = func(p parcel) bool {
		m, err := krpc.Parse(p.data)
		if err != nil || m.Kind != krpc.KindQuery || m.Query.Method != krpc.Get || p.to.Port()%2 == 0 {
			return true
		}
		lies++
		a := answers[lies%len(answers)]
		r := krpc.Message{Kind: krpc.KindResponse, Transaction: m.Transaction, Response: krpc.Response{ID: w.at[p.to].node.sides[0].id, Item: a, Seq: &a.Seq}}
		w.flying = append(w.flying, parcel{p.to, p.from, r.Append(nil), w.now.Add(time.Millisecond)})
		return false
	}
	got := w.nodes[7].node.GetMutable(w.now, it.Key, nil, nil)
	w.run(time.Minute, got.Done)
	wrong := w.nodes[7].node.Stats(w.now).Refused[WrongItem]
	if best, ok := got.Best(); !ok || string(best.Value) != "3:new" || wrong == 0 || lies == 0 {
		t.Errorf("%q, %d wrong of %d", best.Value, wrong, lies)
	}
}

func TestOldItemsAreNotPutOverNewOnes(t *testing.T) {
	w := swarmOf(t, 11, 15)
	_, owner, _ := ed25519.GenerateKey(nil)
	newer, _ := krpc.Sign(owner, nil, []byte("i2e"), 2)
	older, _ := krpc.Sign(owner, nil, []byte("i1e"), 1)
	put, _ := w.nodes[1].node.Put(w.now, newer, nil)
	w.run(time.Minute, put.Done)
	again, _ := w.nodes[2].node.Put(w.now, older, nil)
	w.run(time.Minute, again.Done)
	if best, ok := again.Best(); !ok || best.Seq != 2 || again.Written() != 0 {
		t.Error(best.Seq, again.Written())
	}
	third, _ := krpc.Sign(owner, nil, []byte("i3e"), 3)
	wrongCAS := int64(1)
	swap, _ := w.nodes[3].node.Put(w.now, third, &wrongCAS)
	w.run(time.Minute, swap.Done)
	if len(swap.Refused()) == 0 || swap.Refused()[0].Code != krpc.CodeCASMismatch {
		t.Error(swap.Refused())
	}
}

func FuzzReceive(f *testing.F) {
	f.Add([]byte("d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe"))
	f.Add([]byte("d1:ad2:id20:abcdefghij01234567895:token8:aoeusnth1:v12:Hello World!e1:q3:put1:t2:aa1:y1:qe"))
	f.Add([]byte("d1:rd2:id20:mnopqrstuvwxyz1234565:nodes26:mnopqrstuvwxyz123456\x01\x02\x03\x04\x1a\xe1e1:t4:aaaa1:y1:re"))
	f.Fuzz(func(t *testing.T, packet []byte) {
		a := newAsker(t, Config{})
		if _, asked, sent := a.raw(packet); sent > guard.Amplification*asked {
			t.Errorf("%d bytes for %d", sent, asked)
		}
	})
}
