package utp_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
	wire "github.com/potluck-p2p/potluck/internal/wire/utp"
)

// FuzzEndpoint lets a peer that knows all the numbers send what it likes, with time passing between: two bytes of wait, two bytes
// of length, a datagram, and so on. Its connection id, sequence and acknowledgement count from what is right, so that most of what
// it sends is heeded.
func FuzzEndpoint(f *testing.F) {
	script := func(pkts ...wire.Packet) []byte {
		var b []byte
		for _, p := range pkts {
			pkt := p.Append(nil)
			b = binary.BigEndian.AppendUint16(b, 10)
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(pkt))), pkt...)
		}
		return b
	}
	text := []byte("some payload")
	f.Add(script(wire.Packet{Type: wire.Data, Payload: text}, wire.Packet{Type: wire.Data, Seq: 1, Payload: text}))
	f.Add(script(wire.Packet{Type: wire.Data, Seq: 2, Payload: text}, wire.Packet{Type: wire.Data, Payload: text}, wire.Packet{Type: wire.Fin, Seq: 1, Payload: text}))
	f.Add(script(wire.Packet{Type: wire.Fin, Seq: 3}, wire.Packet{Type: wire.Data, Seq: 4, Payload: text}, wire.Packet{Type: wire.State, Ack: 3, Window: 5000}))
	f.Add(script(wire.Packet{Type: wire.State, Ack: 1, SelectiveAck: []byte{255, 255, 255, 255}, Window: 1 << 30}, wire.Packet{Type: wire.State, Ack: 2, Window: 0}))
	f.Add(script(wire.Packet{Type: wire.State}, wire.Packet{Type: wire.State}, wire.Packet{Type: wire.State}, wire.Packet{Type: wire.State}, wire.Packet{Type: wire.Reset}))
	f.Add(script(wire.Packet{Type: wire.State, Window: 1, Ack: 1, Delay: 1 << 31, Timestamp: 1 << 31}, wire.Packet{Type: wire.Syn}))
	f.Fuzz(func(t *testing.T, b []byte) {
		v := newVictim(t, utp.Config{ReceiveBuffer: 200 << 10, SendBuffer: 200 << 10})
		from := spoofed(1)
		c, answer := v.connect(from, 10)
		if _, err := c.Write(make([]byte, 100<<10)); err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(uint64(len(b)), 2))
		buf, read := make([]byte, 4096), make([]byte, 1500)
		for len(b) > 4 {
			wait, n := int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
			b = b[4:]
			n = min(n, len(b))
			var p wire.Packet
			err := p.Parse(b[:n])
			b = b[n:]
			if err == nil {
				p.ConnID += 11
				p.Seq += 3
				p.Ack += answer.Seq - 1
				pkt := p.Append(nil)
				r := v.ep.Route(v.now, from, pkt, nil, utp.Path{})
				if len(r.Reply) > len(pkt) {
					t.Fatal("answers with more than it got")
				}
				if r.Conn != nil {
					r.Conn.Receive(v.now, pkt)
				}
			}
			v.now = v.now.Add(time.Duration(wait) * time.Millisecond)
			for range 1000 {
				out := c.Send(v.now, buf)
				if out.Packets == 0 {
					break
				}
				checkBatch(t, out)
				for rest := buf[:out.Bytes]; len(rest) > 0; rest = rest[min(len(rest), out.Size):] {
					var p wire.Packet
					if err := p.Parse(rest[:min(len(rest), out.Size)]); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := c.Check(); err != nil {
				t.Fatal(err)
			}
			if next := c.Next(); !next.IsZero() && !next.After(v.now) {
				t.Fatalf("is never content: %v, %v", next, v.now)
			}
			if s := c.Stats(); s.InFlight < 0 || s.Window < 1 {
				t.Fatalf("%+v", s)
			}
			if rng.IntN(2) == 0 {
				if n, _ := c.Read(read); n < 0 {
					t.Fatal(n)
				}
			}
			if rng.IntN(30) == 0 {
				c.Close(v.now)
			}
		}
		v.ep.Remove(c)
	})
}
