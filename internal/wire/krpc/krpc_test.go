package krpc

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func TestReadsWhatRealNodesSend(t *testing.T) {
	for _, c := range []struct {
		name, packet string
		good         func(m *Message) bool
	}{
		{"unknown keys, unsorted", "d1:y1:q1:t1:x1:q4:ping3:xyzi7e1:ad3:fool3:bare2:id20:abcdefghij0123456789ee",
			func(m *Message) bool { return m.Query.Method == Ping && m.Query.ID == abc }},
		{"unknown method with target", "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q4:vote1:t2:aa1:y1:qe",
			func(m *Message) bool { return !m.Query.Known() && m.Query.HasTarget && m.Query.Target == mno }},
		{"nodes cut off, as BEP 5 shows them", "d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re",
			func(m *Message) bool { return m.Kind == KindResponse && len(m.Response.Nodes) == 0 }},
		{"mixed values, some of them nonsense", "d1:rd2:id20:abcdefghij01234567896:valuesl6:axje.u18:aaaaaaaaaaaaaaaa\x00\x013:abci7e6:abcd\x00\x00ee1:t2:aa1:y1:re",
			func(m *Message) bool { return len(m.Response.Peers) == 2 && m.Response.Peers[1].Addr().Is6() }},
		{"ip without port", "d2:ip4:\x01\x02\x03\x041:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
			func(m *Message) bool { return m.IP == netip.MustParseAddrPort("1.2.3.4:0") }},
		{"ip that is none", "d2:ip3:abc1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re",
			func(m *Message) bool { return !m.IP.IsValid() }},
		{"error without message", "d1:eli204ee1:t2:aa1:y1:ee",
			func(m *Message) bool { return m.Error == Error{Code: CodeMethodUnknown} }},
		{"error that is a string", "d1:e4:oops1:t2:aa1:y1:ee",
			func(m *Message) bool { return m.Error.Code == CodeGeneric }},
		{"port out of range", "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz1234564:porti70000e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe",
			func(m *Message) bool { return m.Query.Port == 0 }},
		{"seq without value", "d1:rd2:id20:abcdefghij01234567893:seqi4ee1:t2:aa1:y1:re",
			func(m *Message) bool { return *m.Response.Seq == 4 && m.Response.Item.Value == nil }},
		{"value verbatim", "d1:rd2:id20:abcdefghij01234567891:vd1:bi1e1:ai2eee1:t2:aa1:y1:re",
			func(m *Message) bool { return string(m.Response.Item.Value) == "d1:bi1e1:ai2ee" }},
	} {
		if m, err := Parse([]byte(c.packet)); err != nil || !c.good(&m) {
			t.Errorf("%s: %v, %+v", c.name, err, m)
		}
	}
}

func TestRefusesWhatIsNoMessage(t *testing.T) {
	for name, packet := range map[string]string{
		"empty":            "",
		"no bencoding":     "\x00\x00\x04\x17",
		"a list":           "le",
		"no transaction":   "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:y1:qe",
		"transaction long": "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t65:" + strings.Repeat("x", 65) + "1:y1:qe",
		"no kind":          "d1:t2:aae",
		"query without id": "d1:ade1:q4:ping1:t2:aa1:y1:qe",
		"short id":         "d1:ad2:id19:abcdefghij012345678e1:q4:ping1:t2:aa1:y1:qe",
		"response, no r":   "d1:t2:aa1:y1:re",
		"too long":         "d1:t2:aa1:x3000:" + strings.Repeat("x", 3000) + "1:y1:ee",
	} {
		var fault *FormatError
		if _, err := Parse([]byte(packet)); !errors.As(err, &fault) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	m := Message{Kind: KindResponse, Transaction: []byte("aa")}
	for range 60 {
		m.Response.Nodes = append(m.Response.Nodes, Node{abc, netip.MustParseAddrPort("1.2.3.4:5")})
	}
	got, err := Parse(m.Append(nil))
	if err != nil || len(got.Response.Nodes) != MaxNodes {
		t.Error(len(got.Response.Nodes), err)
	}
	m = Message{Kind: KindResponse, Transaction: []byte("aa")}
	for range 240 {
		m.Response.Peers = append(m.Response.Peers, netip.MustParseAddrPort("1.2.3.4:5"))
	}
	if got, err = Parse(m.Append(nil)); err != nil || len(got.Response.Peers) != MaxPeers {
		t.Error(len(got.Response.Peers), err)
	}
	m = Message{Kind: KindResponse, Transaction: []byte("aa"), Response: Response{Samples: &Samples{Hashes: make([]ID, 90)}}}
	if got, err = Parse(m.Append(nil)); err != nil || len(got.Response.Samples.Hashes) != MaxSamples {
		t.Error(len(got.Response.Samples.Hashes), err)
	}
}

func TestLongestItemFitsADatagram(t *testing.T) {
	_, owner, _ := ed25519.GenerateKey(nil)
	value := append([]byte("996:"), make([]byte, 996)...)
	it, err := Sign(owner, make([]byte, MaxSalt), value, 1<<62)
	if err != nil {
		t.Fatal(err)
	}
	m := Message{Kind: KindQuery, Transaction: make([]byte, 8), Version: "PK01", Query: Query{Method: Put, Item: it, Token: make([]byte, 20), CAS: pointer(1 << 61)}}
	if n := len(m.Append(nil)); n > 1400 {
		t.Errorf("a put of %d bytes", n)
	}
}

func TestItemsAreChecked(t *testing.T) {
	_, owner, _ := ed25519.GenerateKey(nil)
	sign := func(salt, value string, seq int64) Item {
		it, _ := Sign(owner, []byte(salt), []byte(value), seq)
		return it
	}
	changed := func(it Item, change func(it *Item)) Item {
		it = it.Clone()
		change(&it)
		return it
	}
	good := sign("salt", "1:x", 1)
	for _, c := range []struct {
		name string
		it   Item
		code int
	}{
		{"good", good, 0},
		{"no salt", sign("", "i1e", 0), 0},
		{"immutable", Item{Value: []byte("le")}, 0},
		{"1000 bytes", Item{Value: append([]byte("996:"), make([]byte, 996)...)}, 0},
		{"1001 bytes", Item{Value: append([]byte("997:"), make([]byte, 997)...)}, CodeTooBig},
		{"salt of 65 bytes", sign(strings.Repeat("s", 65), "1:x", 1), CodeSaltTooBig},
		{"another value", changed(good, func(it *Item) { it.Value[2] = 'y' }), CodeBadSignature},
		{"another number", changed(good, func(it *Item) { it.Seq = 2 }), CodeBadSignature},
		{"another salt", changed(good, func(it *Item) { it.Salt = nil }), CodeBadSignature},
		{"another key", changed(good, func(it *Item) { it.Key[0] ^= 1 }), CodeBadSignature},
		{"short key", changed(good, func(it *Item) { it.Key = it.Key[:31] }), CodeBadSignature},
		{"no signature", changed(good, func(it *Item) { it.Sig = nil }), CodeBadSignature},
		{"negative number", sign("", "1:x", -1), CodeProtocol},
		{"no value", Item{}, CodeProtocol},
		{"no bencoding", Item{Value: []byte("hello")}, CodeProtocol},
	} {
		var fault *Error
		err := c.it.Check()
		if errors.As(err, &fault); c.code == 0 && err != nil || c.code != 0 && (fault == nil || fault.Code != c.code) {
			t.Errorf("%s: %v, want code %d", c.name, err, c.code)
		}
	}
}

func TestErrorsAreEscaped(t *testing.T) {
	if got := (&Error{201, "\x1b[31mred"}).Error(); strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}

func TestDistance(t *testing.T) {
	target := ID{0x80}
	near, far := ID{0x81}, ID{0x01}
	if Closer(target, near, far) >= 0 || Closer(target, far, near) <= 0 || Closer(target, near, near) != 0 {
		t.Error("order")
	}
	if near.Distance(target) != (ID{1}) || near.Distance(target).Compare(far.Distance(target)) >= 0 {
		t.Error("distance")
	}
	if got := far.String(); got != "01"+strings.Repeat("00", 19) {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range golden {
		f.Add([]byte(c.packet))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		if len(m.Response.Nodes) > MaxNodes || len(m.Response.Nodes6) > MaxNodes || len(m.Response.Peers) > MaxPeers || len(m.Transaction) > MaxTransaction {
			t.Fatal("not bounded")
		}
		if m.Query.Item.Value != nil && !bytes.Contains(b, m.Query.Item.Value) {
			t.Fatal("the value is not verbatim")
		}
		if m.Kind == KindQuery && !m.Query.Known() {
			return // its arguments are not ours to write
		}
		// What was understood is written so that it is understood the same.
		packet := m.Append(nil)
		again, err := Parse(packet)
		if len(packet) > MaxPacket {
			return
		}
		if err != nil {
			t.Fatalf("%v: %q", err, packet)
		}
		if second := again.Append(nil); !bytes.Equal(packet, second) {
			t.Fatalf("%q\n%q\n%v", packet, second, reflect.DeepEqual(m, again))
		}
	})
}
