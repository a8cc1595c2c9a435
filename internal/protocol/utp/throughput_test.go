package utp_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// BenchmarkThroughput is what both ends of a connection cost together, without a system below: bytes written, put into packets,
// routed, received, acknowledged and read.
func BenchmarkThroughput(b *testing.B) {
	now := epoch
	addrs := [2]netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")}
	var ends [2]*utp.Endpoint
	for i := range ends {
		ends[i] = utp.NewEndpoint(now, utp.Config{}, rand.New(rand.NewPCG(1, uint64(i))))
	}
	path := utp.Path{Control: utp.Scalable}
	var conns [2]*utp.Conn
	conns[0], _ = ends[0].Dial(now, addrs[1], path)
	batch, payload, reply := make([]byte, 64<<10), make([]byte, 256<<10), make([]byte, 0, 64)
	send := func(from int) (sent bool) {
		for conns[from] != nil {
			out := conns[from].Send(now, batch)
			if out.Packets == 0 {
				break
			}
			sent = true
			for rest := batch[:out.Bytes]; len(rest) > 0; {
				n := min(out.Size, len(rest))
				r := ends[1-from].Route(now, addrs[from], rest[:n], reply, path)
				if r.Accepted {
					conns[1-from] = r.Conn
				}
				if r.Conn != nil {
					r.Conn.Receive(now, rest[:n])
				}
				if r.Reply != nil {
					again := ends[from].Route(now, addrs[1-from], r.Reply, nil, path)
					again.Conn.Receive(now, r.Reply)
				}
				rest = rest[n:]
			}
			if c := conns[1-from]; c != nil {
				for {
					if n, err := c.Read(payload); n == 0 || err != nil {
						break
					}
				}
			}
		}
		return sent
	}
	b.SetBytes(64 << 10)
	b.ReportAllocs()
	for b.Loop() {
		for left := 64 << 10; left > 0; {
			n, err := conns[0].Write(payload[:left])
			if err != nil {
				b.Fatal(err)
			}
			left -= n
			for send(0) || send(1) {
			}
			now = now.Add(50 * time.Microsecond)
		}
	}
	b.ReportMetric(float64(conns[0].Stats().Datagram), "B/packet")
}
