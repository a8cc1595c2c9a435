package node

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/wire/lsd"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// announces is how often a victim's address is told in an hour, at least.
const announces = 10_000

// slander tells a node again and again that a victim is a peer for an object.
type slander struct {
	world  *netxtest.World
	hash   [20]byte
	victim netip.AddrPort
	host   *netxtest.Host // the victim's: on the local network anyone can send under its address
	node   *Node
	said   atomic.Int64
}

// byTracker starts a tracker that knows nobody else, and returns its URL.
func (s *slander) byTracker(t *testing.T) string {
	const often = 1000 // in one answer
	host := s.world.Host("2600:6::6")
	l, err := host.ListenTCP(t.Context(), netip.AddrPortFrom(host.Addr(), 80))
	if err != nil {
		t.Fatal(err)
	}
	who := binary.BigEndian.AppendUint16(s.victim.Addr().AsSlice(), s.victim.Port())
	compact := strings.Repeat(string(who), often)
	srv := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.said.Add(often)
		fmt.Fprintf(rw, "d8:intervali60e6:peers6%d:%se", len(compact), compact)
	})}
	var running sync.WaitGroup
	running.Go(func() { _ = srv.Serve(l) })
	t.Cleanup(func() {
		srv.Close()
		running.Wait()
	})
	return "http://[2600:6::6]/announce"
}

// byExchange connects to the node from several hosts, each of which tells of the victim once a minute, as often as fits in.
func (s *slander) byExchange(t *testing.T) {
	var told wire.PEX
	for range wire.MaxPEX {
		told.Added = append(told.Added, wire.PEXPeer{Addr: s.victim, Flags: wire.PEXReachable})
	}
	at, err := netip.ParseAddrPort(peerOf(s.node))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		host := s.world.Host(fmt.Sprintf("2600:7:%d::7", i))
		conn, err := host.DialTCP(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		hello := wire.AppendHandshake(nil, wire.Handshake{
			Reserved: wire.MakeReserved(wire.FeatureExtended), InfoHash: s.hash, PeerID: [20]byte{'-', 'X', 'X', byte(i)},
		})
		hello = wire.AppendExtHandshake(hello, wire.ExtHandshake{M: map[string]uint8{wire.ExtPEX: 1}})
		if _, err := conn.Write(hello); err != nil {
			t.Fatal(err)
		}
		names := make(chan uint8, 1)
		var running sync.WaitGroup
		running.Go(func() { hearHello(conn, names) })
		running.Go(func() {
			message := wire.AppendPEX(nil, <-names, told)
			for {
				if _, err := conn.Write(message); err != nil {
					return
				}
				s.said.Add(wire.MaxPEX)
				time.Sleep(time.Minute) // virtual
			}
		})
		t.Cleanup(func() {
			conn.Close()
			running.Wait()
		})
	}
}

// hearHello reads until the connection ends, and passes on what number the other side gave to ut_pex; 0 if none.
func hearHello(conn net.Conn, names chan<- uint8) {
	defer close(names)
	if _, err := io.ReadFull(conn, make([]byte, wire.HandshakeSize)); err != nil {
		return
	}
	for head := make([]byte, 4); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(conn, body); err != nil {
			return
		}
		if len(body) < 2 || body[0] != byte(wire.Extended) || body[1] != wire.ExtHandshakeID {
			continue
		}
		if h, err := wire.ParseExtHandshake(body[2:]); err == nil && h.M[wire.ExtPEX] != 0 {
			select {
			case names <- h.M[wire.ExtPEX]:
			default: // it was said before
			}
		}
	}
}

// byMulticast sends announces to the local network under the victim's address.
func (s *slander) byMulticast(t *testing.T) {
	conn, err := s.host.ListenMulticast(t.Context(), lsd.Group6)
	if err != nil {
		t.Fatal(err)
	}
	a := lsd.Announce{Port: s.victim.Port(), Hashes: [][20]byte{s.hash}}
	message := a.Append(nil, lsd.Group6)
	var running sync.WaitGroup
	running.Go(func() {
		for conn.Send(message) == nil && t.Context().Err() == nil {
			s.said.Add(1)
			time.Sleep(time.Hour / announces) // virtual
		}
	})
	t.Cleanup(func() {
		conn.Close()
		running.Wait()
	})
}

// TestVictimIsLeftAlone: an address that is announced ten thousand times in an hour, by one way or by all, is dialled three
// times at most, whether nobody is there or somebody who does not speak our language.
func TestVictimIsLeftAlone(t *testing.T) {
	type ways struct{ tracker, exchange, multicast bool }
	for _, tt := range []struct {
		name  string
		by    ways
		there bool
	}{
		{"tracker", ways{tracker: true}, false},
		{"exchange", ways{exchange: true}, false},
		{"multicast", ways{multicast: true}, false},
		{"all", ways{true, true, true}, false},
		{"all and it hangs up", ways{true, true, true}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inHouse(t, "v1", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
				info, err := metainfo.Parse(h.torrent())
				if err != nil {
					t.Fatal(err)
				}
				// One address that all ways may name: public, and in the same network as ours.
				own, host := h.world.Host("2600:1::1"), h.world.Host("2600:1::9")
				h.world.LAN(own, host)
				s := &slander{
					world: h.world, hash: info.Info.Hash.Wire()[0], victim: netip.AddrPortFrom(host.Addr(), 8080), host: host,
				}
				if tt.there {
					s.hangUp(t)
				}
				s.node = start(t, own, h.home("node"), func(c *Config) { c.Offline = false })
				o := h.get(s.node, func(r *GetRequest) {
					r.Torrent, r.Peers = h.torrent(), nil
					if tt.by.tracker {
						r.Trackers = []string{s.byTracker(t)}
					}
				})
				untilState(t, s.node, o.ID, "fetching")
				if tt.by.exchange {
					s.byExchange(t)
				}
				if tt.by.multicast {
					s.byMulticast(t)
				}
				time.Sleep(time.Hour) // virtual
				dials := 0
				for _, a := range own.Dials() {
					if a == s.victim {
						dials++
					}
				}
				if said := s.said.Load(); dials < 1 || dials > 3 || said < announces {
					t.Errorf("dialled %d times, announced %d times", dials, said)
				}
				if now, err := s.node.Object(o.ID); err != nil || now.Err != nil {
					t.Error(now, err)
				}
			})
		})
	}
}

// hangUp lets the victim answer whoever connects, with what is no handshake.
func (s *slander) hangUp(t *testing.T) {
	l, err := s.host.ListenTCP(t.Context(), s.victim)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			conn.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
}
