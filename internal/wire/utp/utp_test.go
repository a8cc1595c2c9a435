package utp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/utp"
)

// unhex reads hex with blanks in it.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var samples = []struct {
	name string
	hex  string
	want utp.Packet
}{
	{
		"syn", "41 00 3039 00000001 00000000 00100000 0001 0000",
		utp.Packet{Type: utp.Syn, ConnID: 12345, Timestamp: 1, Window: 1 << 20, Seq: 1, Payload: []byte{}},
	},
	{
		"data", "01 00 303a 0000ffff 00000fff 00000000 ffff fffe 68656c6c6f",
		utp.Packet{Type: utp.Data, ConnID: 12346, Timestamp: 65535, Delay: 4095, Seq: 65535, Ack: 65534, Payload: []byte("hello")},
	},
	{
		"state with a selective ack of ack+2 and ack+33", "21 01 0001 00000000 00000000 00000000 0000 0007 00 04 01000080",
		utp.Packet{Type: utp.State, ConnID: 1, Ack: 7, SelectiveAck: []byte{1, 0, 0, 0x80}, Payload: []byte{}},
	},
	{
		"a mask that is no multiple of 32 bits, as libtorrent sends", "21 01 0001 00000000 00000000 00000000 0000 0007 00 01 03",
		utp.Packet{Type: utp.State, ConnID: 1, Ack: 7, SelectiveAck: []byte{3}, Payload: []byte{}},
	},
	{
		"fin", "11 00 0001 00000000 00000000 00000000 0005 0007",
		utp.Packet{Type: utp.Fin, ConnID: 1, Seq: 5, Ack: 7, Payload: []byte{}},
	},
	{
		"padded data with a selective ack", "01 01 0001 00000000 00000000 00000000 0005 0007 f0 04 ff000000 00 03 000000 78",
		utp.Packet{Type: utp.Data, ConnID: 1, Seq: 5, Ack: 7, SelectiveAck: []byte{0xff, 0, 0, 0}, Padding: 5, Payload: []byte("x")},
	},
}

func TestPackets(t *testing.T) {
	for _, s := range samples {
		b := unhex(t, s.hex)
		var p utp.Packet
		if err := p.Parse(b); err != nil || !reflect.DeepEqual(p, s.want) {
			t.Errorf("%s: %+v, %v", s.name, p, err)
		}
		if got := s.want.Append(nil); !bytes.Equal(got, b) || len(got) != s.want.Size() {
			t.Errorf("%s: wrote %x, said it has %d bytes", s.name, got, s.want.Size())
		}
	}
}

func TestUnknownExtensionsAreSkipped(t *testing.T) {
	// Feature bits (2), a close reason (3), something of which nobody knows (77), an empty one.
	b := unhex(t, "01 02 0001 00000000 00000000 00000000 0005 0007 03 08 0000000000000000 4d 04 00000101 01 00 00 04 00000001 78")
	var p utp.Packet
	if err := p.Parse(b); err != nil || string(p.Payload) != "x" || len(p.SelectiveAck) != 4 || p.Padding != 0 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestRefuses(t *testing.T) {
	for reason, s := range map[string]string{
		"shorter than a header":    "41 00 3039 00000001 00000000 00100000 0001 00",
		"unknown version":          "42 00 3039 00000001 00000000 00100000 0001 0000",
		"unknown type":             "51 00 3039 00000001 00000000 00100000 0001 0000",
		"an extension is cut off":  "21 01 3039 00000001 00000000 00100000 0001 0000 00 04 000000",
		"extension is cut off":     "21 01 3039 00000001 00000000 00100000 0001 0000",
		"cut off":                  "21 09 3039 00000001 00000000 00100000 0001 0000 01",
		"not a uTP packet: an ext": "21 09 3039 00000001 00000000 00100000 0001 0000 01 00",
	} {
		var p utp.Packet
		var format utp.FormatError
		if err := p.Parse(unhex(t, s)); !errors.As(err, &format) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestPaddingHasAnySize(t *testing.T) {
	for n := range 1600 {
		if n == 1 {
			continue
		}
		p := utp.Packet{Padding: n, Payload: []byte("payload")}
		b := p.Append(nil)
		var got utp.Packet
		if err := got.Parse(b); err != nil || len(b) != utp.HeaderSize+n+7 || got.Padding != n || string(got.Payload) != "payload" {
			t.Fatalf("%d: %d bytes, %+v, %v", n, len(b), got, err)
		}
	}
}

func TestAcked(t *testing.T) {
	got := slices.Collect(utp.Acked([]byte{0b1000_0001, 0, 0, 0, 1}))
	if want := []uint16{2, 9, 34}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for range utp.Acked([]byte{255, 255}) {
		break
	}
}

func TestLooks(t *testing.T) {
	for _, c := range []struct {
		what string
		pkt  []byte
		want bool
	}{
		{"a packet", unhex(t, samples[0].hex), true},
		{"too short", unhex(t, "41003039"), false},
		{"a DHT query", []byte("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"), false},
		{"a tracker's announce response", unhex(t, "00000001 00000001 00000708 00000001 00000001 7f000001 1ae1"), false},
		{"a tracker's error", append(unhex(t, "00000003 00000001"), "unknown info-hash"...), false},
		{"local discovery", []byte("BT-SEARCH * HTTP/1.1\r\n"), false},
		{"version 2", unhex(t, "42 00 3039 00000001 00000000 00100000 0001 0000"), false},
		{"type 5", unhex(t, "51 00 3039 00000001 00000000 00100000 0001 0000"), false},
	} {
		if utp.Looks(c.pkt) != c.want {
			t.Error(c.what)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range samples {
		f.Add(unhex(f, s.hex))
	}
	f.Add((&utp.Packet{Padding: 900, Payload: []byte("x")}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p utp.Packet
		err := p.Parse(b)
		if err == nil && !utp.Looks(b) {
			t.Error("is a packet and does not look like one")
		}
		if err != nil {
			return
		}
		if len(p.SelectiveAck) == 0 {
			p.SelectiveAck = nil // an empty one is not written
		}
		for offset := range utp.Acked(p.SelectiveAck) {
			if offset < 2 || int(offset) > 1+8*len(p.SelectiveAck) {
				t.Error("acknowledges", offset)
			}
		}
		out := p.Append(nil)
		var again utp.Packet
		if err := again.Parse(out); err != nil || len(out) != p.Size() || len(out) > len(b) || !reflect.DeepEqual(p, again) {
			t.Errorf("%+v came back as %+v, %v", p, again, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	pkt := (&utp.Packet{Type: utp.Data, Payload: make([]byte, 1400)}).Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		var p utp.Packet
		if p.Parse(pkt) != nil {
			b.Fatal("refused")
		}
	}
}
