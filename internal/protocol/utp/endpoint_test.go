package utp_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

// victim is an endpoint to which a test sends datagrams by hand, and counts what it would send where.
type victim struct {
	t       testing.TB
	now     time.Time
	ep      *utp.Endpoint
	in, out map[netip.Addr]int // bytes
	conns   []*utp.Conn
}

func newVictim(t testing.TB, cfg utp.Config) *victim {
	return &victim{
		t: t, now: epoch, ep: utp.NewEndpoint(epoch, cfg, rand.New(rand.NewPCG(7, 7))),
		in: map[netip.Addr]int{}, out: map[netip.Addr]int{},
	}
}

// gets hands it a packet and returns its answer; nil for none. What a connection sends is counted too.
func (v *victim) gets(from netip.AddrPort, p wire.Packet) *wire.Packet {
	v.t.Helper()
	pkt := p.Append(nil)
	v.in[from.Addr()] += len(pkt)
	r := v.ep.Route(v.now, from, pkt, nil, utp.Path{})
	if r.Accepted {
		v.conns = append(v.conns, r.Conn)
	}
	if r.Conn != nil {
		r.Conn.Receive(v.now, pkt)
	}
	v.out[from.Addr()] += len(r.Reply)
	if r.Reply == nil {
		return nil
	}
	var answer wire.Packet
	if err := answer.Parse(r.Reply); err != nil {
		v.t.Fatal(err)
	}
	return &answer
}

// passes lets time pass, and connections send.
func (v *victim) passes(d time.Duration) {
	var buf [2048]byte
	for end := v.now.Add(d); !v.now.After(end); v.now = v.now.Add(100 * time.Millisecond) {
		for _, c := range v.conns {
			for b := c.Send(v.now, buf[:]); b.Packets > 0; b = c.Send(v.now, buf[:]) {
				v.out[c.Remote().Addr()] += b.Bytes
			}
		}
	}
}

// connect opens a connection from an address; the acknowledgement names the victim's number.
func (v *victim) connect(from netip.AddrPort, id uint16) (*utp.Conn, wire.Packet) {
	v.t.Helper()
	answer := v.gets(from, wire.Packet{Type: wire.Syn, ConnID: id, Seq: 1, Window: 1 << 20})
	if answer == nil || answer.Type != wire.State || answer.ConnID != id || answer.Ack != 1 {
		v.t.Fatalf("a SYN was answered by %+v", answer)
	}
	first := wire.Packet{Type: wire.Data, ConnID: id + 1, Seq: 2, Ack: answer.Seq - 1, Window: 1 << 20, Payload: []byte("hello")}
	n := len(v.conns)
	if v.gets(from, first); len(v.conns) != n+1 {
		v.t.Fatal("not accepted")
	}
	return v.conns[n], *answer
}

// spoofed is an address that does not know that it is sending.
func spoofed(n int) netip.AddrPort {
	var ip [4]byte
	binary.BigEndian.PutUint32(ip[:], 0x0b00_0000+uint32(n))
	return netip.AddrPortFrom(netip.AddrFrom4(ip), 6881)
}

// TestSynFlood: whoever did not prove its address is never sent more than came in its name, and costs no more than a few words.
func TestSynFlood(t *testing.T) {
	v := newVictim(t, utp.Config{MaxHalfOpen: 100, MaxHalfOpenPerAddr: 10})
	mine := netip.MustParseAddrPort("203.0.113.1:1")
	for i := range 10_000 {
		v.gets(spoofed(i), wire.Packet{Type: wire.Syn, ConnID: uint16(i), Seq: 1})
		if i%100 == 0 {
			v.passes(time.Second) // nothing is sent again by itself
		}
	}
	for _, size := range []int{0, 2, 1400} {
		for i := range 300 {
			v.gets(spoofed(0), wire.Packet{Type: wire.Syn, ConnID: uint16(i), Seq: 1, Padding: size})
			v.gets(spoofed(0), wire.Packet{Type: wire.Data, ConnID: uint16(i + 1), Seq: 2, Ack: uint16(i), Padding: size})
			v.gets(spoofed(0), wire.Packet{Type: wire.Fin, ConnID: uint16(i + 1), Seq: 2, Ack: uint16(i), Padding: size})
		}
	}
	v.passes(time.Minute)
	for addr, out := range v.out {
		if out > v.in[addr] {
			t.Errorf("%v sent %d bytes and got %d", addr, v.in[addr], out)
		}
	}
	if len(v.conns) > 0 || v.ep.Len() > 0 {
		t.Errorf("%d connections", v.ep.Len())
	}
	// One who is there gets through.
	if c, _ := v.connect(mine, 5); c == nil || v.ep.Len() != 1 {
		t.Error("nobody gets through")
	}
}

// TestSpoofedConnection: to open a connection in somebody's name takes a number that only he was told.
func TestSpoofedConnection(t *testing.T) {
	v := newVictim(t, utp.Config{})
	from := spoofed(1)
	answer := v.gets(from, wire.Packet{Type: wire.Syn, ConnID: 100, Seq: 1})
	for ack := range 1 << 16 {
		if uint16(ack) == answer.Seq-1 && ack < 10 {
			t.Skip("guessed at once; another seed would not")
		}
		v.gets(from, wire.Packet{Type: wire.Data, ConnID: 101, Seq: 2, Ack: uint16(ack), Payload: []byte("GET")})
	}
	if len(v.conns) > 0 {
		t.Error("2^16 guesses open a connection")
	}
	// Once it has expired, a new SYN begins anew.
	v.passes(11 * time.Second)
	v.connect(from, 200)
}

func TestOldestHalfOpenMakesRoom(t *testing.T) {
	v := newVictim(t, utp.Config{MaxHalfOpen: 4, MaxHalfOpenPerAddr: 2})
	proves := func(from netip.AddrPort, id uint16, answer *wire.Packet) bool {
		n := len(v.conns)
		v.gets(from, wire.Packet{Type: wire.State, ConnID: id + 1, Seq: 2, Ack: answer.Seq - 1})
		return len(v.conns) == n+1
	}
	syn := func(from netip.AddrPort, id uint16) *wire.Packet {
		return v.gets(from, wire.Packet{Type: wire.Syn, ConnID: id, Seq: 1})
	}
	// The third of an address drops its first, and nobody else's.
	other := syn(spoofed(9), 1)
	first, second, third := syn(spoofed(1), 10), syn(spoofed(1), 20), syn(spoofed(1), 30)
	if proves(spoofed(1), 10, first) || !proves(spoofed(1), 20, second) || !proves(spoofed(1), 30, third) || !proves(spoofed(9), 1, other) {
		t.Error("the wrong one was dropped for its address")
	}
	// The fifth of all drops the first.
	var answers []*wire.Packet
	for i := range 5 {
		answers = append(answers, syn(spoofed(100+i), 1))
	}
	for i, a := range answers {
		if proves(spoofed(100+i), 1, a) != (i > 0) {
			t.Errorf("number %d of 5", i)
		}
	}
	// The addresses of one IPv6 network are one.
	six := func(n byte) netip.AddrPort {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[15] = n
		return netip.AddrPortFrom(netip.AddrFrom16(a), 1)
	}
	a, b, c := syn(six(1), 1), syn(six(2), 1), syn(six(3), 1)
	if proves(six(1), 1, a) || !proves(six(2), 1, b) || !proves(six(3), 1, c) {
		t.Error("a /64 has more than its share")
	}
}

func TestSynAgainIsAnsweredAlike(t *testing.T) {
	v := newVictim(t, utp.Config{})
	from := spoofed(1)
	syn := wire.Packet{Type: wire.Syn, ConnID: 7, Seq: 1}
	one, two := v.gets(from, syn), v.gets(from, syn)
	if one.Seq != two.Seq {
		t.Error("another number")
	}
	syn.Seq = 2 // another attempt under the same id
	if three := v.gets(from, syn); three.Ack != 2 {
		t.Error("the new attempt is not answered")
	}
	// Once it is open, the SYN is acknowledged by the connection, and others are not heard.
	c, _ := v.connect(spoofed(2), 7)
	var buf [2048]byte
	c.Send(v.now, buf[:])
	v.gets(spoofed(2), wire.Packet{Type: wire.Syn, ConnID: 7, Seq: 99})
	if b := c.Send(v.now, buf[:]); b.Packets != 0 {
		t.Error("a stray SYN is answered")
	}
}

func TestUnknownIsReset(t *testing.T) {
	v := newVictim(t, utp.Config{})
	p := wire.Packet{Type: wire.Data, ConnID: 5, Seq: 77, Ack: 1, Payload: []byte("x")}
	if r := v.gets(spoofed(1), p); r == nil || r.Type != wire.Reset || r.ConnID != 5 || r.Ack != 77 {
		t.Errorf("%+v", r)
	}
	if r := v.gets(spoofed(1), wire.Packet{Type: wire.Reset, ConnID: 5}); r != nil {
		t.Errorf("a reset was answered by %+v", r)
	}
	n := 0
	for i := range 10_000 {
		v.now = v.now.Add(time.Millisecond)
		if v.gets(spoofed(i), p) != nil {
			n++
		}
	}
	if n < 500 || n > 700 {
		t.Errorf("%d resets in 10 s", n)
	}
}

// A RESET comes under the id that we receive with, from one that knows the connection, or the one we send with.
func TestResetUnderEitherID(t *testing.T) {
	for _, id := range []uint16{100, 101, 102} {
		for ack, want := range map[uint16]error{0: utp.ErrReset, 30_000: nil} {
			v := newVictim(t, utp.Config{})
			c, answer := v.connect(spoofed(1), 100)
			v.gets(spoofed(1), wire.Packet{Type: wire.Reset, ConnID: id, Ack: answer.Seq + ack})
			if id == 102 {
				want = nil
			}
			if !errors.Is(c.Err(), want) {
				t.Errorf("id %d, ack %+d: %v", id, ack, c.Err())
			}
		}
	}
	// And to one who dialled.
	for _, id := range []uint16{0, 1} {
		v := newVictim(t, utp.Config{})
		c, err := v.ep.Dial(v.now, spoofed(1), utp.Path{})
		if err != nil {
			t.Fatal(err)
		}
		var buf [2048]byte
		var syn wire.Packet
		if b := c.Send(v.now, buf[:]); b.Packets != 1 || syn.Parse(buf[:b.Bytes]) != nil || syn.Type != wire.Syn || b.Bytes != wire.HeaderSize {
			t.Fatalf("%+v", b)
		}
		v.gets(spoofed(1), wire.Packet{Type: wire.Reset, ConnID: syn.ConnID + id, Ack: syn.Seq + 1})
		if c.Err() != nil {
			t.Error("a reset of nothing we sent is heeded")
		}
		v.gets(spoofed(1), wire.Packet{Type: wire.Reset, ConnID: syn.ConnID + id, Ack: syn.Seq})
		if !errors.Is(c.Err(), utp.ErrRefused) || !c.Done() {
			t.Error(c.Err())
		}
	}
}

func TestLimitsOfConnections(t *testing.T) {
	v := newVictim(t, utp.Config{MaxConns: 2})
	v.connect(spoofed(1), 1)
	c, _ := v.connect(spoofed(1), 3)
	if v.gets(spoofed(1), wire.Packet{Type: wire.Syn, ConnID: 9, Seq: 1}) != nil {
		t.Error("a third is answered")
	}
	if _, err := v.ep.Dial(v.now, spoofed(2), utp.Path{}); !errors.Is(err, utp.ErrFull) {
		t.Error(err)
	}
	v.ep.Remove(c)
	if _, err := v.ep.Dial(v.now, spoofed(2), utp.Path{}); err != nil {
		t.Error(err)
	}
}

// What comes in a connection's name and cannot be of it changes nothing.
func TestPacketsThatCannotBeAreDropped(t *testing.T) {
	v := newVictim(t, utp.Config{})
	from := spoofed(1)
	c, answer := v.connect(from, 10)
	una := answer.Seq
	for name, p := range map[string]wire.Packet{
		"acknowledges what was not sent": {Type: wire.Data, ConnID: 11, Seq: 3, Ack: una + 5, Payload: []byte("evil")},
		"acknowledges what is long gone": {Type: wire.Data, ConnID: 11, Seq: 3, Ack: una - 5000, Payload: []byte("evil")},
		"under the other id":             {Type: wire.Data, ConnID: 10, Seq: 3, Ack: una - 1, Payload: []byte("evil")},
		"far ahead":                      {Type: wire.Data, ConnID: 11, Seq: 20_000, Ack: una - 1, Payload: []byte("evil")},
		"of the past":                    {Type: wire.Data, ConnID: 11, Seq: 2, Ack: una - 1, Payload: []byte("evil")},
	} {
		v.gets(from, p)
		if s, err := hear(t, c); err != nil || s != "hello" && s != "" {
			t.Errorf("%s: %q, %v", name, s, err)
		}
	}
	v.gets(from, wire.Packet{Type: wire.Data, ConnID: 11, Seq: 3, Ack: una - 1, Payload: []byte(" world")})
	if s, err := hear(t, c); err != nil || s != " world" {
		t.Errorf("%q, %v", s, err)
	}
}

// Delays that nobody measured: 0, and what uTorrent sends in its place.
func TestDelaysThatAreNone(t *testing.T) {
	v := newVictim(t, utp.Config{})
	c, answer := v.connect(spoofed(1), 10)
	for i, delay := range []uint32{50_000, 50_000, 50_000, 0, 1<<31 - 1, 0, 1<<31 - 1, 0} {
		v.gets(spoofed(1), wire.Packet{Type: wire.State, ConnID: 11, Seq: 3, Ack: answer.Seq - 1, Delay: delay})
		if d := c.Stats().Delay; d != 0 {
			t.Errorf("sample %d: %v", i, d)
		}
	}
}

// TestConnsAndEndpointShareNothing is for the race detector: an endpoint and two of its connections, at the same time.
func TestConnsAndEndpointShareNothing(t *testing.T) {
	v := newVictim(t, utp.Config{})
	one, _ := v.connect(spoofed(1), 1)
	two, _ := v.connect(spoofed(2), 1)
	var all sync.WaitGroup
	for _, c := range []*utp.Conn{one, two} {
		all.Go(func() {
			buf := make([]byte, 64<<10)
			for i := range 1000 {
				now := epoch.Add(time.Duration(i) * time.Millisecond)
				_, _ = c.Write(buf[:100])
				_, _ = c.Read(buf)
				c.Send(now, buf)
				c.Receive(now, (&wire.Packet{Type: wire.State, ConnID: 2, Seq: 3, Window: 1 << 20}).Append(nil))
				c.Next()
			}
		})
	}
	for i := range 1000 {
		now := epoch.Add(time.Duration(i) * time.Millisecond)
		for n := range 3 {
			pkt := (&wire.Packet{Type: wire.Type(i % 5), ConnID: uint16(n), Seq: uint16(i)}).Append(nil)
			v.ep.Route(now, spoofed(n), pkt, nil, utp.Path{})
		}
		if c, err := v.ep.Dial(now, spoofed(1), utp.Path{}); err == nil && i%2 == 0 {
			v.ep.Remove(c)
		}
	}
	all.Wait()
}
