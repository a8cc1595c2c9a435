package node

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// hello is how a node introduces itself to a peer of an object.
func hello(t *testing.T, conn net.Conn, name [20]byte) (wire.Handshake, wire.ExtHandshake) {
	t.Helper()
	b := wire.AppendHandshake(nil, wire.Handshake{Reserved: wire.MakeReserved(wire.FeatureExtended), InfoHash: name, PeerID: [20]byte{'-', 'X', 'X'}})
	if _, err := conn.Write(wire.AppendExtHandshake(b, wire.ExtHandshake{})); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, wire.HandshakeSize)
	if _, err := io.ReadFull(conn, first); err != nil {
		t.Fatal(err)
	}
	h, err := wire.ParseHandshake(first)
	if err != nil {
		t.Fatal(err)
	}
	for head := make([]byte, 4); ; {
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		body := make([]byte, binary.BigEndian.Uint32(head))
		if _, err := io.ReadFull(conn, body); err != nil {
			t.Fatal(err)
		}
		if len(body) < 2 || body[0] != byte(wire.Extended) || body[1] != wire.ExtHandshakeID {
			continue
		}
		ext, err := wire.ParseExtHandshake(body[2:])
		if err != nil {
			t.Fatal(err)
		}
		return h, ext
	}
}

// TestAnonymous: peers learn no name and no address of the node, and do not recognise it by another object.
func TestAnonymous(t *testing.T) {
	for _, anonymous := range []bool{false, true} {
		w := netxtest.NewWorld(1)
		dir := t.TempDir()
		writeTree(t, dir, map[string]int{"a": 1000, "b": 2000})
		n := start(t, w.Host("10.0.0.1"), filepath.Join(dir, "home"), func(c *Config) { c.Anonymous = anonymous })
		stranger := w.Host("10.0.0.9")
		at := netip.MustParseAddrPort(peerOf(n))
		ids := map[[20]byte]bool{}
		for _, name := range []string{"a", "b"} {
			o, err := n.Share(t.Context(), create.Request{Path: filepath.Join(dir, name), Format: "v1"}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := hex.DecodeString(o.InfoHashV1)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := stranger.DialTCP(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			h, ext := hello(t, conn, [20]byte(raw))
			conn.Close()
			ids[h.PeerID] = true
			if known := strings.HasPrefix(string(h.PeerID[:]), "-PK"); known == anonymous {
				t.Errorf("anonymous %v: the id %q", anonymous, h.PeerID)
			}
			if (ext.Version == "") != anonymous || ext.IPv4.IsValid() || ext.IPv6.IsValid() {
				t.Errorf("anonymous %v: %+v", anonymous, ext)
			}
			if strings.Contains(o.Link, "x.pe") || strings.Contains(o.Link, "x.pk") && anonymous {
				t.Error("the link tells where we are:", o.Link)
			}
		}
		if want := map[bool]int{false: 1, true: 2}[anonymous]; len(ids) != want {
			t.Errorf("anonymous %v: %d ids for two objects", anonymous, len(ids))
		}
		if n.lan != nil || n.dht != nil || n.names.Client() != map[bool]string{false: "potluck/test", true: ""}[anonymous] ||
			strings.Contains(n.names.Mapping(), "potluck") == anonymous {
			t.Errorf("anonymous %v: says more than it should", anonymous)
		}
	}
}

// TestAnonymousOnline: without a way of its own an anonymous node takes no part in the DHT, nor in the local network with one.
func TestAnonymousOnline(t *testing.T) {
	for _, c := range []struct {
		confined, dht bool
	}{{false, false}, {true, true}} {
		w := netxtest.NewWorld(1)
		var host = newConfined(w.Host("10.0.0.1"))
		cfg := config(t, host, filepath.Join(t.TempDir(), "home"), func(c *Config) { c.Offline, c.DHT, c.Anonymous = false, true, true })
		if !c.confined {
			cfg.Network = host.Network
		}
		n, err := Open(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if (n.dht != nil) != c.dht || n.lan != nil {
			t.Errorf("confined %v: DHT %v, LAN %v", c.confined, n.dht != nil, n.lan != nil)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	}
}
