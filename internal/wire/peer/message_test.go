package peer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"
)

var goldenRange = HashRequest{
	Root:      [32]byte{0: 0xf0, 31: 0x0f},
	BaseLayer: 2, Index: 512, Length: 2, ProofLayers: 3,
}

const goldenRangeHex = `
	f0 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00  # pieces root
	00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 0f
	00 00 00 02  # base layer
	00 00 02 00  # index
	00 00 00 02  # length
	00 00 00 03  # proof layers
`

// goldens are the messages as the specifications lay them out, one of each type.
var goldens = []struct {
	hex     string
	message Message
	append  func(b []byte) []byte
}{
	{"00 00 00 00", Message{Type: KeepAlive}, AppendKeepAlive},
	{"00 00 00 01 00", Message{Type: Choke}, AppendChoke},
	{"00 00 00 01 01", Message{Type: Unchoke}, AppendUnchoke},
	{"00 00 00 01 02", Message{Type: Interested}, AppendInterested},
	{"00 00 00 01 03", Message{Type: NotInterested}, AppendNotInterested},
	{"00 00 00 05 04 00 01 02 03", Message{Type: Have, Index: 0x010203},
		func(b []byte) []byte { return AppendHave(b, 0x010203) }},
	{"00 00 00 03 05 ff 80 # pieces 0 to 8", Message{Type: Bitfield, Payload: []byte{0xff, 0x80}},
		func(b []byte) []byte { return AppendBitfield(b, []byte{0xff, 0x80}) }},
	{"00 00 00 0d 06 00 00 00 07 00 00 80 00 00 00 40 00 # piece 7, from 32 KiB, 16 KiB",
		Message{Type: Request, Index: 7, Begin: 0x8000, Length: 0x4000},
		func(b []byte) []byte { return AppendRequest(b, 7, 0x8000, 0x4000) }},
	{"00 00 40 09 07 00 00 00 07 00 00 80 00 # the 16 KiB follow",
		Message{Type: Piece, Index: 7, Begin: 0x8000, Length: 0x4000},
		func(b []byte) []byte { return AppendPieceHeader(b, 7, 0x8000, 0x4000) }},
	{"00 00 00 0d 08 00 00 00 07 00 00 80 00 00 00 40 00", Message{Type: Cancel, Index: 7, Begin: 0x8000, Length: 0x4000},
		func(b []byte) []byte { return AppendCancel(b, 7, 0x8000, 0x4000) }},
	{"00 00 00 03 09 1a e1 # 6881", Message{Type: Port, Index: 6881},
		func(b []byte) []byte { return AppendPort(b, 6881) }},
	{"00 00 00 05 0d ff ff ff ff", Message{Type: Suggest, Index: 0xffffffff},
		func(b []byte) []byte { return AppendSuggest(b, 0xffffffff) }},
	{"00 00 00 01 0e", Message{Type: HaveAll}, AppendHaveAll},
	{"00 00 00 01 0f", Message{Type: HaveNone}, AppendHaveNone},
	{"00 00 00 0d 10 00 00 00 07 00 00 80 00 00 00 40 00", Message{Type: Reject, Index: 7, Begin: 0x8000, Length: 0x4000},
		func(b []byte) []byte { return AppendReject(b, 7, 0x8000, 0x4000) }},
	{"00 00 00 05 11 00 00 00 09", Message{Type: AllowedFast, Index: 9},
		func(b []byte) []byte { return AppendAllowedFast(b, 9) }},
	{"00 00 00 04 14 00 64 65 # id 0, an empty dictionary", Message{Type: Extended, Payload: []byte("\x00de")},
		func(b []byte) []byte { return AppendExtended(b, 0, []byte("de")) }},
	{"00 00 00 31 15" + goldenRangeHex, Message{Type: HashRequested, Hash: goldenRange},
		func(b []byte) []byte { return AppendHashRequest(b, goldenRange) }},
	{"00 00 00 71 16" + goldenRangeHex + strings.Repeat("11", 32) + strings.Repeat("22", 32),
		Message{Type: Hashes, Hash: goldenRange, Payload: append(bytes.Repeat([]byte{0x11}, 32), bytes.Repeat([]byte{0x22}, 32)...)},
		func(b []byte) []byte {
			return AppendHashes(b, goldenRange, [][32]byte{[32]byte(bytes.Repeat([]byte{0x11}, 32)), [32]byte(bytes.Repeat([]byte{0x22}, 32))})
		}},
	{"00 00 00 31 17" + goldenRangeHex, Message{Type: HashReject, Hash: goldenRange},
		func(b []byte) []byte { return AppendHashReject(b, goldenRange) }},
}

func TestGolden(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.message.Type.String(), func(t *testing.T) {
			golden := unhex(t, g.hex)
			if got := g.append([]byte("before")); !bytes.Equal(got, append([]byte("before"), golden...)) {
				t.Errorf("appended\n%x, want\n%x", got[6:], golden)
			}
			var p Parser
			m, n, err := p.Next(append(golden, "after"...))
			if err != nil || n != len(golden) || !reflect.DeepEqual(m, g.message) {
				t.Errorf("parsed %d bytes: %+v, %v", n, m, err)
			}
		})
	}
}

// TestByteByByte feeds all messages one byte more at a time: nothing may come too early, and Need has to tell a way to the
// end of every message.
func TestByteByByte(t *testing.T) {
	for _, g := range goldens {
		golden := unhex(t, g.hex)
		var p Parser
		for have := range len(golden) {
			m, n, err := p.Next(golden[:have])
			if n != 0 || err != nil || !reflect.DeepEqual(m, Message{}) {
				t.Fatalf("%v: after %d of %d bytes: %+v, %d, %v", g.message.Type, have, len(golden), m, n, err)
			}
			if need := p.Need(golden[:have]); need <= have || need > max(len(golden), frameHeader) {
				t.Errorf("%v: after %d of %d bytes needs %d", g.message.Type, have, len(golden), need)
			}
		}
		if need := p.Need(golden); need != len(golden) {
			t.Errorf("%v of %d bytes: needs %d", g.message.Type, len(golden), need)
		}
	}
}

// TestBoundsBeforeWaiting shows only the head of messages: what is too long has to be refused without its body, what is
// just short enough has to be waited for.
func TestBoundsBeforeWaiting(t *testing.T) {
	frame := func(length int, head ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(length)), head...)
	}
	small := Limits{Bitfield: 10, Block: 16384, Extended: 100}
	tests := []struct {
		name   string
		limits Limits
		frame  []byte
		ok     bool
	}{
		{"largest length", Limits{}, frame(0xffffffff), false},
		{"largest length, piece", Limits{}, frame(0xffffffff, 7), false},
		{"largest of any type", Limits{}, frame(1 + MaxExtended), true},
		{"above largest of any type", Limits{}, frame(2 + MaxExtended), false},
		{"choke with body", Limits{}, frame(2, 0), false},
		{"have too short", Limits{}, frame(4, 4), false},
		{"have too long", Limits{}, frame(6, 4), false},
		{"request too short", Limits{}, frame(12, 6), false},
		{"request too long", Limits{}, frame(14, 6), false},
		{"port too long", Limits{}, frame(5, 9), false},
		{"bitfield", Limits{}, frame(1+MaxBitfield, 5), true},
		{"bitfield too long", Limits{}, frame(2+MaxBitfield, 5), false},
		{"bitfield of the torrent", small, frame(11, 5), true},
		{"bitfield of another torrent", small, frame(12, 5), false},
		{"piece without room for its header", Limits{}, frame(8, 7), false},
		{"piece", Limits{}, frame(9+MaxBlock, 7), true},
		{"piece too long", Limits{}, frame(10+MaxBlock, 7), false},
		{"piece within limit", small, frame(9+16384, 7), true},
		{"piece above limit", small, frame(10+16384, 7), false},
		{"extended without id", Limits{}, frame(1, 20), false},
		{"extended", small, frame(101, 20), true},
		{"extended above limit", small, frame(102, 20), false},
		{"limits above ours", Limits{1 << 30, 1 << 30, 1 << 30}, frame(2+MaxExtended, 20), false},
		{"hash request too short", Limits{}, frame(48, 21), false},
		{"hash reject with a hash", Limits{}, frame(49+32, 23), false},
		{"hashes without range", Limits{}, frame(1+16, 22), false},
		{"hashes", Limits{}, frame(49+32*(MaxHashes+MaxProofLayers), 22), true},
		{"hashes with half a hash", Limits{}, frame(49+16, 22), false},
		{"too many hashes", Limits{}, frame(49+32*(MaxHashes+MaxProofLayers+1), 22), false},
		{"unknown", Limits{}, frame(1+maxUnknown, 77), true},
		{"unknown too long", Limits{}, frame(2+maxUnknown, 77), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := Parser{Limits: tt.limits}
			_, n, err := p.Next(tt.frame)
			var blame ProtocolError
			if n != 0 || (err == nil) != tt.ok || err != nil && !errors.As(err, &blame) {
				t.Errorf("n %d, error %v", n, err)
			}
		})
	}
}

func TestUnknownTypes(t *testing.T) {
	// 254 and 255 are names of our own for what is no message; on the wire they are unknown like any other.
	for _, wire := range []byte{10, 18, 19, 24, 254, 255} {
		var p Parser
		m, n, err := p.Next([]byte{0, 0, 0, 3, wire, 'h', 'i'})
		want := Message{Type: Unknown, Index: uint32(wire), Payload: []byte("hi")}
		if err != nil || n != 7 || !reflect.DeepEqual(m, want) {
			t.Errorf("type %d: %+v, %d, %v", wire, m, n, err)
		}
	}
}

func TestHashesBeyondTheirHeader(t *testing.T) {
	for _, tt := range []struct {
		name   string
		r      HashRequest
		hashes int
		ok     bool
	}{
		{"as many as allowed", HashRequest{Length: 2, ProofLayers: 3}, 5, true},
		{"one too many", HashRequest{Length: 2, ProofLayers: 3}, 6, false},
		{"length too large", HashRequest{Length: MaxHashes + 1}, 1, false},
		{"too many layers", HashRequest{Length: 2, ProofLayers: MaxProofLayers + 1}, 2, false},
		{"sum that wraps around", HashRequest{Length: 0xffffffff, ProofLayers: 2}, 2, false},
	} {
		var p Parser
		_, _, err := p.Next(AppendHashes(nil, tt.r, make([][32]byte, tt.hashes)))
		if (err == nil) != tt.ok {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
}

func TestPayloadCannotGrowIntoTheBuffer(t *testing.T) {
	var p Parser
	buf := AppendHave(AppendBitfield(nil, []byte{0xff}), 1)
	m, _, err := p.Next(buf)
	if err != nil || cap(m.Payload) != 1 {
		t.Errorf("payload has room for %d bytes, error %v", cap(m.Payload), err)
	}
}

func TestNoAllocation(t *testing.T) {
	var in []byte
	for _, g := range goldens {
		if g.message.Type != Piece {
			in = g.append(in)
		}
	}
	in = AppendPieceHeader(in, 1, 2, 3)
	out := make([]byte, 0, 1<<12)
	hashes := make([][32]byte, 5)
	if n := testing.AllocsPerRun(100, func() {
		p := Parser{Limits: Limits{Block: 16384}}
		for rest := in; len(rest) > 0; {
			_, n, err := p.Next(rest)
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			rest = rest[n:]
		}
		b := AppendRequest(out, 1, 2, 3)
		b = AppendPieceHeader(b, 1, 2, 3)
		b = AppendHave(b, 1)
		b = AppendHashes(b, goldenRange, hashes)
		AppendExtended(b, 1, in[:10])
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzNext(f *testing.F) {
	for _, g := range goldens {
		f.Add(unhex(f, g.hex), 0)
	}
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 7}, 0)
	f.Add([]byte{0, 0, 0, 3, 99, 1, 2}, 0)
	f.Add([]byte{0, 0, 0, 9, 7, 0, 0, 0, 1, 0, 0, 0, 0}, 5)
	f.Fuzz(func(t *testing.T, b []byte, limit int) {
		p := Parser{Limits: Limits{Bitfield: limit, Block: limit, Extended: limit}}
		m, n, err := p.Next(b)
		switch {
		case err != nil:
			var blame ProtocolError
			if n != 0 || !errors.As(err, &blame) {
				t.Errorf("n %d with error %v", n, err)
			}
		case n == 0:
			if need := p.Need(b); need <= len(b) || need > lengthSize+1+MaxExtended {
				t.Errorf("has %d bytes, needs %d", len(b), need)
			}
		default:
			if need := p.Need(b); need != n {
				t.Errorf("took %d bytes but needs %d", n, need)
			}
			if again := appendAgain(m); !bytes.Equal(again, b[:n]) {
				t.Errorf("parsed %x as %+v, appended %x", b[:n], m, again)
			}
		}
	})
}

// appendAgain appends a parsed message by the function for its type.
func appendAgain(m Message) []byte {
	switch m.Type {
	case KeepAlive:
		return AppendKeepAlive(nil)
	case Have, Suggest, AllowedFast:
		return appendIndex(nil, m.Type, m.Index)
	case Bitfield:
		return AppendBitfield(nil, m.Payload)
	case Request, Cancel, Reject:
		return appendBlock(nil, m.Type, m.Index, m.Begin, m.Length)
	case Piece:
		return AppendPieceHeader(nil, m.Index, m.Begin, m.Length)
	case Port:
		return AppendPort(nil, uint16(m.Index))
	case Extended:
		return AppendExtended(nil, m.Payload[0], m.Payload[1:])
	case HashRequested:
		return AppendHashRequest(nil, m.Hash)
	case HashReject:
		return AppendHashReject(nil, m.Hash)
	case Hashes:
		var hashes [][32]byte
		for i := 0; i < len(m.Payload); i += HashSize {
			hashes = append(hashes, [32]byte(m.Payload[i:i+HashSize]))
		}
		return AppendHashes(nil, m.Hash, hashes)
	case Unknown:
		return append(appendHeader(nil, Type(m.Index), len(m.Payload)), m.Payload...)
	default:
		return appendHeader(nil, m.Type, 0)
	}
}

func BenchmarkNextRequest(b *testing.B) {
	benchmarkNext(b, AppendRequest(nil, 1, 2, 3))
}

func BenchmarkNextPiece(b *testing.B) {
	benchmarkNext(b, AppendPieceHeader(nil, 1, 2, 16384))
}

func benchmarkNext(b *testing.B, frame []byte) {
	b.ReportAllocs()
	var p Parser
	var sum uint32
	for b.Loop() {
		m, _, err := p.Next(frame)
		if err != nil {
			b.Fatal(err)
		}
		sum += m.Length
	}
	_ = sum
}

func BenchmarkAppendRequest(b *testing.B) {
	b.ReportAllocs()
	buf := make([]byte, 0, 64)
	for b.Loop() {
		buf = AppendRequest(buf[:0], 1, 2, 3)
	}
}
