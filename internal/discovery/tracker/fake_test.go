package tracker_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/discovery/tracker"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log of what trackers were told.
type told struct {
	mu   sync.Mutex
	list []string
}

func (l *told) add(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, fmt.Sprintf(format, args...))
}

func (l *told) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

// httpTracker serves at an address of the fake world.
func httpTracker(t *testing.T, h *netxtest.Host, at string, handler http.HandlerFunc) {
	t.Helper()
	l, err := h.ListenTCP(t.Context(), netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0)}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close(); <-done })
}

// udpTracker answers datagrams; reply returns what follows the header, and the action.
type udpTracker struct {
	conn netx.PacketConn
	// reply answers an announce, whose bytes it gets.
	reply func(announce []byte, from netip.AddrPort) (wire.Action, []byte)

	mu     sync.Mutex
	drop   int // how many of the next packets get lost
	seen   []wire.Action
	issued uint64 // the connection id that is valid
}

func newUDPTracker(t *testing.T, h *netxtest.Host, at string) *udpTracker {
	t.Helper()
	conn, err := h.ListenUDP(t.Context(), netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	u := &udpTracker{conn: conn, issued: 0xc0ffee}
	done := make(chan struct{})
	go func() { defer close(done); u.serve() }()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return u
}

func (u *udpTracker) serve() {
	p := make([]byte, 2048)
	for {
		n, from, err := u.conn.ReadFrom(p)
		if err != nil {
			return
		}
		if b := u.answer(p[:n], from); b != nil {
			_, _ = u.conn.WriteTo(b, from)
		}
	}
}

func (u *udpTracker) answer(b []byte, from netip.AddrPort) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	action := wire.Action(binary.BigEndian.Uint32(b[8:]))
	u.seen = append(u.seen, action)
	if u.drop > 0 {
		u.drop--
		return nil
	}
	header := func(a wire.Action) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(a)), b[12:16]...)
	}
	id := binary.BigEndian.Uint64(b)
	switch {
	case action == wire.ActionConnect && id == 0x41727101980:
		return binary.BigEndian.AppendUint64(header(action), u.issued)
	case id != u.issued:
		return append(header(wire.ActionError), "unknown connection"...)
	}
	action, rest := u.reply(b, from)
	return append(header(action), rest...)
}

func (u *udpTracker) packets() []wire.Action {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := u.seen
	u.seen = nil
	return seen
}

// newClient makes a client on the host, with a UDP socket for both families.
func newClient(t *testing.T, h *netxtest.Host) *tracker.Client {
	t.Helper()
	sock, err := h.ListenUDP(t.Context(), netip.MustParseAddrPort("[::]:6881"))
	if err != nil {
		t.Fatal(err)
	}
	return tracker.NewClient(tracker.ClientConfig{
		Network: h, UDP: []netx.PacketConn{sock}, UserAgent: "potluck/test", Rand: rand.New(rand.NewPCG(1, 2)),
	})
}
