package krpc

import (
	"encoding/hex"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func named(s string) ID { return ID([]byte(s)) }

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

func pointer(n int64) *int64 { return &n }

var (
	abc = named("abcdefghij0123456789")
	mno = named("mnopqrstuvwxyz123456")
)

// golden are the messages that the specifications show, and such as real nodes send: each is read as m and written the same
// way.
var golden = []struct {
	name, packet string
	m            Message
}{
	{"BEP 5 ping", "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: Ping, ID: abc}}},
	{"BEP 5 ping response", "d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
		Message{Kind: KindResponse, Response: Response{ID: mno}}},
	{"BEP 5 error", "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
		Message{Kind: KindError, Error: Error{CodeGeneric, "A Generic Error Ocurred"}}},
	{"BEP 5 find_node", "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: FindNode, ID: abc, Target: mno, HasTarget: true}}},
	{"BEP 5 get_peers", "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: GetPeers, ID: abc, Target: mno, HasTarget: true}}},
	{"BEP 5 get_peers response", "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
		Message{Kind: KindResponse, Response: Response{ID: abc, Token: []byte("aoeusnth"), Peers: []netip.AddrPort{
			netip.MustParseAddrPort("97.120.106.101:11893"), netip.MustParseAddrPort("105.100.104.116:28269")}}}},
	{"BEP 5 announce_peer", "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe" +
		"1:q13:announce_peer1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: AnnouncePeer, ID: abc, Target: mno, HasTarget: true, Port: 6881, ImpliedPort: true, Token: []byte("aoeusnth")}}},
	{"nodes", "d1:rd2:id20:0123456789abcdefghij5:nodes26:mnopqrstuvwxyz123456\x01\x02\x03\x04\x1a\xe16:nodes60:e1:t2:aa1:y1:re",
		Message{Kind: KindResponse, Response: Response{ID: named("0123456789abcdefghij"), Lists: IPv4 | IPv6,
			Nodes: []Node{{mno, netip.MustParseAddrPort("1.2.3.4:6881")}}, Nodes6: []Node{}}}},
	{"BEP 32 want", "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:find_node1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: FindNode, ID: abc, Target: mno, HasTarget: true, Want: IPv4 | IPv6}}},
	{"BEP 33 scrape", "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234566:noseedi1e6:scrapei1ee1:q9:get_peers1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: GetPeers, ID: abc, Target: mno, HasTarget: true, NoSeed: true, Scrape: true}}},
	{"BEP 42 ip, version", "d2:ip6:\x01\x02\x03\x04\x1a\xe11:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:v4:LT\x02\x001:y1:re",
		Message{Kind: KindResponse, Version: "LT\x02\x00", IP: netip.MustParseAddrPort("1.2.3.4:6881"), Response: Response{ID: mno}}},
	{"BEP 43 read-only", "d1:ad2:id20:abcdefghij0123456789e1:q4:ping2:roi1e1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, ReadOnly: true, Query: Query{Method: Ping, ID: abc}}},
	{"BEP 44 get", "d1:ad2:id20:abcdefghij01234567893:seqi4e6:target20:mnopqrstuvwxyz123456e1:q3:get1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: Get, ID: abc, Target: mno, HasTarget: true, NewerThan: pointer(4)}}},
	{"BEP 44 put immutable", "d1:ad2:id20:abcdefghij01234567895:token8:aoeusnth1:v12:Hello World!e1:q3:put1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: Put, ID: abc, Token: []byte("aoeusnth"), Item: Item{Value: []byte("12:Hello World!")}}}},
	{"BEP 44 put mutable", "d1:ad3:casi3e2:id20:abcdefghij01234567891:k32:" + strings.Repeat("k", 32) + "4:salt6:foobar3:seqi4e3:sig64:" +
		strings.Repeat("s", 64) + "5:token8:aoeusnth1:v12:Hello World!e1:q3:put1:t2:aa1:y1:qe",
		Message{Kind: KindQuery, Query: Query{Method: Put, ID: abc, Token: []byte("aoeusnth"), CAS: pointer(3), Item: Item{
			Value: []byte("12:Hello World!"), Key: []byte(strings.Repeat("k", 32)), Salt: []byte("foobar"), Seq: 4, Sig: []byte(strings.Repeat("s", 64))}}}},
	{"BEP 51 sample", "d1:rd2:id20:abcdefghij01234567898:intervali600e5:nodes0:3:numi2e7:samples20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
		Message{Kind: KindResponse, Response: Response{ID: abc, Nodes: []Node{}, Lists: IPv4, Samples: &Samples{Hashes: []ID{mno}, Total: 2, Interval: 600}}}},
}

func TestGoldenMessages(t *testing.T) {
	for _, c := range golden {
		c.m.Transaction = []byte("aa")
		got, err := Parse([]byte(c.packet))
		if err != nil || !reflect.DeepEqual(got, c.m) {
			t.Errorf("%s: read as\n%+v (%v), want\n%+v", c.name, got, err, c.m)
		}
		if packet := c.m.Append(nil); string(packet) != c.packet {
			t.Errorf("%s: written as\n%q, want\n%q", c.name, packet, c.packet)
		}
	}
}

func TestItemVectors(t *testing.T) {
	// The vectors of BEP 44. Its private key is in the expanded form, so they can be verified but not signed anew.
	key := unhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
	value := []byte("12:Hello World!")
	for _, c := range []struct {
		name, target string
		it           Item
	}{
		{"mutable", "4a533d47ec9c7d95b1ad75f576cffc641853b750", Item{Value: value, Key: key, Seq: 1,
			Sig: unhex("305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff 1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01")}},
		{"mutable with salt", "411eba73b6f087ca51a3795d9c8c938d365e32c1", Item{Value: value, Key: key, Salt: []byte("foobar"), Seq: 1,
			Sig: unhex("6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08")}},
		{"immutable", "e5f96f6f38320f0f33959cb4d3d656452117aadb", Item{Value: value}},
	} {
		if got := c.it.Target().String(); got != c.target {
			t.Errorf("%s: target %s, want %s", c.name, got, c.target)
		}
		if err := c.it.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestBloomVector(t *testing.T) {
	// BEP 33: "Inserting the addresses 192.0.2.0 - 192.0.2.255 and 2001:DB8:: - 2001:DB8::3E7".
	var f Bloom
	for a, n := netip.MustParseAddr("192.0.2.0"), 0; n < 256; a, n = a.Next(), n+1 {
		f.Insert(a)
	}
	for a, n := netip.MustParseAddr("2001:db8::"), 0; n < 1000; a, n = a.Next(), n+1 {
		f.Insert(a)
	}
	want := unhex(`
		F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
		FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
		7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
		D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
		FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
		BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
		62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
		FD8F72EF`)
	if string(f[:]) != string(want) {
		t.Errorf("%X", f)
	}
	if n := f.Estimate(); n < 1224.9307 || n > 1224.9309 {
		t.Errorf("estimate %f, want 1224.9308", n)
	}
	for i := range f {
		f[i] = 0xff
	}
	if n := f.Estimate(); n < 6000 || n > 10_000 {
		t.Errorf("a full filter counts %f", n)
	}
	if n := (&Bloom{}).Estimate(); n != 0 {
		t.Errorf("an empty filter counts %f", n)
	}
}
