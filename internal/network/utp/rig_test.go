package utp_test

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/potluck-p2p/potluck/internal/network/utp"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/mux"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// end is one node with a shell.
type end struct {
	*utp.Shell
	at     netip.AddrPort
	mux    *mux.Mux
	panics chan any
	served chan error
}

// open makes a node that listens at an address of a network.
func open(t testing.TB, nw netx.Network, at string) *end {
	t.Helper()
	pc, err := nw.ListenUDP(t.Context(), netip.MustParseAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	e := &end{at: pc.LocalAddr(), mux: mux.New(pc), panics: make(chan any, 8), served: make(chan error, 1)}
	e.Shell = utp.Open(utp.Config{
		Muxes: []*mux.Mux{e.mux}, Now: time.Now, Seed: [32]byte{byte(e.at.Port())}, Panicked: func(r any) { e.panics <- r },
	})
	go func() { e.served <- e.mux.Serve() }()
	return e
}

// stop closes everything, and fails if there was a panic.
func (e *end) stop(t testing.TB) {
	t.Helper()
	_ = e.Shell.Close()
	_ = e.mux.Close()
	if err := <-e.served; err != nil {
		t.Error(err)
	}
	select {
	case r := <-e.panics:
		t.Error("panic:", r)
	default:
	}
}

// two makes two nodes of a world that are joined by a link.
func two(t testing.TB, link netxtest.Link) (w *netxtest.World, a, b *end) {
	w = netxtest.NewWorld(1)
	w.SetLink(nil, nil, link)
	return w, open(t, w.Host("1.1.1.1"), "1.1.1.1:1001"), open(t, w.Host("2.2.2.2"), "2.2.2.2:1002")
}

// pair connects two nodes. The peer has the connection with the first packet after the handshake, so a byte is sent.
func pair(t testing.TB, a, b *end) (ours, theirs net.Conn) {
	t.Helper()
	ours, err := a.Dial(t.Context(), b.at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Write([]byte{'!'}); err != nil {
		t.Fatal(err)
	}
	if theirs, err = b.Accept(); err != nil {
		t.Fatal(err)
	}
	if n, err := theirs.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	return ours, theirs
}
