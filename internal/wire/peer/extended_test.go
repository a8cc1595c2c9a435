package peer

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// extendedBody takes one extended message apart.
func extendedBody(t testing.TB, frame []byte) (id uint8, body []byte) {
	t.Helper()
	var p Parser
	m, n, err := p.Next(frame)
	if err != nil || n != len(frame) || m.Type != Extended {
		t.Fatalf("%x: %+v, %d, %v", frame, m, n, err)
	}
	return m.Payload[0], m.Payload[1:]
}

// goldenExtHandshake has every key in the sorted order that bencoding asks for.
const goldenExtHandshake = "d" +
	"1:ei1e" +
	"4:ipv44:\x0a\x00\x00\x02" +
	"4:ipv616:\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
	"1:md" + "11:lt_donthavei7e" + "11:ut_metadatai3e" + "6:ut_pexi0e" + "e" +
	"13:metadata_sizei31235e" +
	"1:pi6881e" +
	"2:pk32:the key of a node has thirty-two" +
	"11:potluck_runi262144e" +
	"4:reqqi2000e" +
	"11:upload_onlyi1e" +
	"1:v12:potluck 0.1\xff" +
	"6:yourip4:\xc0\x00\x02\x01" +
	"e"

var wantExtHandshake = ExtHandshake{
	M:            map[string]uint8{ExtDontHave: 7, ExtMetadata: 3, ExtPEX: 0},
	Encrypts:     true,
	Version:      "potluck 0.1\xff",
	Port:         6881,
	YourIP:       netip.MustParseAddr("192.0.2.1"),
	IPv4:         netip.MustParseAddr("10.0.0.2"),
	IPv6:         netip.MustParseAddr("2001:db8::1"),
	Reqq:         2000,
	MetadataSize: 31235,
	Intent:       UploadOnly,
	Key:          [KeySize]byte([]byte("the key of a node has thirty-two")),
	Run:          MaxRun,
}

func TestExtHandshakeGolden(t *testing.T) {
	id, body := extendedBody(t, AppendExtHandshake(nil, wantExtHandshake))
	if id != ExtHandshakeID || string(body) != goldenExtHandshake {
		t.Errorf("appended id %d, %q", id, body)
	}
	got, err := ParseExtHandshake([]byte(goldenExtHandshake))
	if err != nil || !reflect.DeepEqual(got, wantExtHandshake) {
		t.Errorf("parsed %+v, %v", got, err)
	}
	if _, body := extendedBody(t, AppendExtHandshake(nil, ExtHandshake{})); string(body) != "d1:mdee" {
		t.Errorf("appended without fields: %q", body)
	}
}

func TestParseExtHandshakeIsLenient(t *testing.T) {
	long := strings.Repeat("x", 200)
	tests := []struct {
		name, body string
		want       ExtHandshake
	}{
		{"example of BEP 10", "d1:md11:LT_metadatai1e6:ut_pexi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e",
			ExtHandshake{M: map[string]uint8{"LT_metadata": 1, "ut_pex": 2}, Port: 6881, Version: "\u00b5Torrent 1.2"}},
		{"empty", "de", ExtHandshake{}},
		{"upload_only taken back", "d11:upload_onlyi0ee", ExtHandshake{Intent: Downloads}},
		{"bytes after the dictionary", "d1:pi1eexx", ExtHandshake{Port: 1}},
		{"all of the wrong type", "d4:ipv4i4e4:ipv6le1:m1:x13:metadata_size1:x1:p1:x4:reqqle11:upload_onlyde1:vi1e6:youripi1ee",
			ExtHandshake{}},
		{"keys of wrong size", "d2:pk31:he key of a node has thirty-two1:v1:xe", ExtHandshake{Version: "x"}},
		{"a key that is a number", "d2:pki1ee", ExtHandshake{}},
		{"numbers out of range", "d13:metadata_sizei-1e1:pi65536e11:potluck_runi-1e4:reqqi-5e11:upload_onlyi-1ee", ExtHandshake{}},
		{"numbers beyond 64 bits", "d13:metadata_sizei99999999999999999999e4:reqqi99999999999999999999ee", ExtHandshake{}},
		{"numbers beyond 32 bits", "d13:metadata_sizei4294967296e4:reqqi4294967296ee", ExtHandshake{}},
		{"ids out of range", "d1:md1:ai-1e1:bi256e1:cle1:di255eee", ExtHandshake{M: map[string]uint8{"d": 255}}},
		{"name too long", "d1:md200:" + long + "i1e1:yi2eee", ExtHandshake{M: map[string]uint8{"y": 2}}},
		{"version too long", "d1:v200:" + long + "e", ExtHandshake{Version: long[:128]}},
		{"addresses of wrong size", "d4:ipv416:0123456789abcdef4:ipv64:01236:yourip5:01234e", ExtHandshake{}},
		{"no address", "d4:ipv44:\x00\x00\x00\x006:yourip4:\x00\x00\x00\x00e", ExtHandshake{}},
		{"IPv4 in IPv6", "d6:yourip16:\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01e",
			ExtHandshake{YourIP: netip.MustParseAddr("192.0.2.1")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseExtHandshake([]byte(tt.body))
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("parsed %+v, %v", got, err)
			}
		})
	}
}

func TestParseExtHandshakeBoundsNames(t *testing.T) {
	body := []byte("d1:md")
	for i := range 1000 {
		body = fmt.Appendf(body, "4:%04di1e", i)
	}
	h, err := ParseExtHandshake(append(body, "ee"...))
	if err != nil || len(h.M) != maxExtensions {
		t.Errorf("%d names, error %v", len(h.M), err)
	}
}

func TestParseExtHandshakeRefuses(t *testing.T) {
	for _, body := range []string{"", "le", "i1e", "1:x", "d", "d1:m", strings.Repeat("l", 5000)} {
		var blame ProtocolError
		if _, err := ParseExtHandshake([]byte(body)); !errors.As(err, &blame) {
			t.Errorf("%.20q: error %v", body, err)
		}
	}
}

func TestMetadataGolden(t *testing.T) {
	for _, tt := range []struct {
		golden string
		want   MetadataMessage
	}{
		{"d8:msg_typei0e5:piecei0ee", MetadataMessage{Kind: MetadataRequest}},
		{"d8:msg_typei1e5:piecei0e10:total_sizei3425eexxxxxxxx",
			MetadataMessage{Kind: MetadataData, TotalSize: 3425, Data: []byte("xxxxxxxx")}},
		{"d8:msg_typei2e5:piecei7ee", MetadataMessage{Kind: MetadataReject, Piece: 7}},
	} {
		if id, body := extendedBody(t, AppendMetadata(nil, 3, tt.want)); id != 3 || string(body) != tt.golden {
			t.Errorf("appended id %d, %q, want %q", id, body, tt.golden)
		}
		got, err := ParseMetadata([]byte(tt.golden))
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%q: parsed %+v, %v", tt.golden, got, err)
		}
	}
}

func TestParseMetadata(t *testing.T) {
	block := strings.Repeat("x", MetadataBlock)
	tests := []struct {
		name, body string
		want       MetadataMessage
		ok         bool
	}{
		{"unknown type", "d8:msg_typei3e5:piecei0ee", MetadataMessage{Kind: MetadataUnknown}, true},
		{"unknown type without piece", "d8:msg_typei999ee", MetadataMessage{Kind: MetadataUnknown}, true},
		{"negative type", "d8:msg_typei-1ee", MetadataMessage{Kind: MetadataUnknown}, true},
		{"request with data", "d8:msg_typei0e5:piecei1eexx", MetadataMessage{Piece: 1}, true},
		{"data without total size", "d8:msg_typei1e5:piecei1eex",
			MetadataMessage{Kind: MetadataData, Piece: 1, Data: []byte("x")}, true},
		{"largest block", "d8:msg_typei1e5:piecei1ee" + block,
			MetadataMessage{Kind: MetadataData, Piece: 1, Data: []byte(block)}, true},
		{"block too large", "d8:msg_typei1e5:piecei1eex" + block, MetadataMessage{}, false},
		{"data without block", "d8:msg_typei1e5:piecei1ee", MetadataMessage{}, false},
		{"no type", "d5:piecei1ee", MetadataMessage{}, false},
		{"no piece", "d8:msg_typei0ee", MetadataMessage{}, false},
		{"negative piece", "d8:msg_typei0e5:piecei-1ee", MetadataMessage{}, false},
		{"piece beyond any size", "d8:msg_typei0e5:piecei1000000000000ee", MetadataMessage{}, false},
		{"no dictionary", "i1e", MetadataMessage{}, false},
		{"nothing", "", MetadataMessage{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseMetadata([]byte(tt.body))
			var blame ProtocolError
			if (err == nil) != tt.ok || err != nil && !errors.As(err, &blame) {
				t.Fatalf("error %v", err)
			}
			if tt.ok && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("parsed %+v", got)
			}
		})
	}
}

func FuzzParseExtHandshake(f *testing.F) {
	f.Add([]byte(goldenExtHandshake))
	f.Add([]byte("d1:md11:LT_metadatai1e6:ut_pexi2ee1:pi6881e1:v13:\xc2\xb5Torrent 1.2e"))
	f.Add([]byte("d1:mi1e1:ple1:vdee"))
	f.Add([]byte("de"))
	f.Fuzz(func(t *testing.T, body []byte) {
		h, err := ParseExtHandshake(body)
		if err != nil {
			return
		}
		if len(h.M) > maxExtensions || len(h.Version) > maxVersion || h.Reqq < 0 || h.MetadataSize < 0 {
			t.Errorf("out of bounds: %+v", h)
		}
		_, again := extendedBody(t, AppendExtHandshake(nil, h))
		if got, err := ParseExtHandshake(again); err != nil || !reflect.DeepEqual(got, h) {
			t.Errorf("parsed %+v, %v, want %+v", got, err, h)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte("d8:msg_typei0e5:piecei0ee"))
	f.Add([]byte("d8:msg_typei1e5:piecei0e10:total_sizei3425eexxxxxxxx"))
	f.Add([]byte("d8:msg_typei2e5:piecei7ee"))
	f.Add([]byte("d8:msg_typei9e5:piecei7ee"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ParseMetadata(body)
		if err != nil || m.Kind == MetadataUnknown {
			return
		}
		_, again := extendedBody(t, AppendMetadata(nil, 1, m))
		if got, err := ParseMetadata(again); err != nil || !reflect.DeepEqual(got, m) {
			t.Errorf("parsed %+v, %v, want %+v", got, err, m)
		}
		if !bytes.HasSuffix(body, m.Data) {
			t.Errorf("data is not the end of the message")
		}
	})
}
