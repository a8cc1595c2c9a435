package e2e

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
	"github.com/potluck-p2p/potluck/test/lab"
)

// services are a name server, trackers, a web seed and a node of the DHT on one host of a lab, all of which answer in this process.
type services struct {
	addr netip.Addr
	// peer is whom the UDP tracker names. The HTTP tracker names nobody.
	peer netip.AddrPort
	// What was asked for.
	names, announces, datagrams, files, lookups atomic.Int64
}

// The names that the name server knows, all of them those of the services.
const (
	trackerName = "tracker.example"
	seedName    = "seed.example"
	routerName  = "router.example"
)

// serve starts the services. Files are those of a folder.
func serve(t *testing.T, host *lab.Host, addr netip.Addr, folder string, peer netip.AddrPort) *services {
	t.Helper()
	s := &services{addr: addr, peer: peer}
	for port, answer := range map[string]func([]byte) []byte{"53": s.name, "6969": s.datagram, "6881": s.router} {
		conn, err := host.ListenPacket("udp", net.JoinHostPort(addr.String(), port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		go func() {
			b := make([]byte, 2000)
			for {
				n, from, err := conn.ReadFrom(b)
				if err != nil {
					return
				}
				if a := answer(b[:n]); a != nil {
					_, _ = conn.WriteTo(a, from)
				}
			}
		}()
	}
	l, err := host.Listen("tcp", net.JoinHostPort(addr.String(), "80"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/announce", func(w http.ResponseWriter, r *http.Request) {
		s.announces.Add(1)
		fmt.Fprint(w, "d8:intervali1800e5:peers0:e")
	})
	files := http.FileServer(http.Dir(folder))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.files.Add(1)
		files.ServeHTTP(w, r)
	})
	server := &http.Server{Handler: mux}
	t.Cleanup(func() { server.Close() })
	go server.Serve(l)
	return s
}

// torrent makes a .torrent file of what the folder holds, with trackers and a web seed by name.
func (s *services) torrent(t *testing.T, path string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "named.torrent")
	newNode(t).ok(t, "create", path, "-o", file, "--format", "v1", "--web-seed", "http://"+seedName+"/",
		"--tracker", "http://"+trackerName+"/announce", "--tracker", "udp://"+trackerName+":6969/announce")
	return file
}

// name answers a question about a name (RFC 1035): ours have one address each and no IPv6.
func (s *services) name(q []byte) []byte {
	const header = 12
	end := header
	var name []byte
	for end < len(q) && q[end] != 0 {
		next := end + 1 + int(q[end])
		if next > len(q) {
			return nil
		}
		name = append(append(name, q[end+1:next]...), '.')
		end = next
	}
	if end += 5; end > len(q) {
		return nil
	}
	s.names.Add(1)
	a := append([]byte(nil), q[:end]...)
	binary.BigEndian.PutUint16(a[2:], 0x8180) // an answer, of one that asks others if need be
	binary.BigEndian.PutUint16(a[4:], 1)      // question
	clear(a[6:header])
	if !slices.Contains([]string{trackerName + ".", seedName + ".", routerName + "."}, string(name)) {
		a[3] |= 3 // there is no such name
		return a
	}
	if kind := binary.BigEndian.Uint16(q[end-4:]); kind != 1 {
		return a
	}
	binary.BigEndian.PutUint16(a[6:], 1)
	// The name of the question, an address, of the internet, for a minute, of four bytes.
	a = append(a, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
	return append(a, s.addr.AsSlice()...)
}

// datagram is the UDP tracker (BEP 15).
func (s *services) datagram(q []byte) []byte {
	if len(q) < 16 {
		return nil
	}
	transaction := q[12:16]
	switch action := binary.BigEndian.Uint32(q[8:]); action {
	case 0:
		return append(append(binary.BigEndian.AppendUint32(nil, action), transaction...), "connect!"...)
	case 1:
		s.datagrams.Add(1)
		a := append(binary.BigEndian.AppendUint32(nil, action), transaction...)
		for _, n := range []uint32{1800, 0, 1} { // interval, leechers, seeders
			a = binary.BigEndian.AppendUint32(a, n)
		}
		return binary.BigEndian.AppendUint16(append(a, s.peer.Addr().AsSlice()...), s.peer.Port())
	}
	return nil
}

// router is a node of the DHT that knows nobody.
func (s *services) router(q []byte) []byte {
	m, err := krpc.Parse(q)
	if err != nil || m.Kind != krpc.KindQuery {
		return nil
	}
	if m.Query.Method == krpc.FindNode {
		s.lookups.Add(1)
	}
	answer := krpc.Message{Kind: krpc.KindResponse, Transaction: m.Transaction, Response: krpc.Response{ID: krpc.ID{1}}}
	return answer.Append(nil)
}

// setNetwork writes the table [net] of a node's configuration.
func (n *node) setNetwork(t *testing.T, text string) {
	t.Helper()
	if err := os.MkdirAll(n.home, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.home, "config.toml"), []byte("[net]\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
}
