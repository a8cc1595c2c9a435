package utp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/network/utp"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/utp"
)

func random(n int) []byte {
	p := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(n)}).Read(p)
	return p
}

// closeWriter is a half of a connection that can be closed by itself.
type closeWriter interface{ CloseWrite() error }

func TestTransfers(t *testing.T) {
	for name, tt := range map[string]struct {
		link netxtest.Link
		size int
	}{
		"at once":           {netxtest.Link{}, 4 << 20},
		"far":               {netxtest.Link{Delay: 50 * time.Millisecond}, 4 << 20},
		"far and lossy":     {netxtest.Link{Delay: 50 * time.Millisecond, Loss: 0.05}, 1 << 20},
		"slow":              {netxtest.Link{Delay: 10 * time.Millisecond, Bandwidth: 1 << 20}, 4 << 20},
		"narrow":            {netxtest.Link{Delay: 10 * time.Millisecond, MaxDatagram: 1200}, 1 << 20},
		"narrow, and lossy": {netxtest.Link{Delay: 10 * time.Millisecond, MaxDatagram: 700, Loss: 0.02}, 256 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, a, b := two(t, tt.link)
				defer a.stop(t)
				defer b.stop(t)
				ours, theirs := pair(t, a, b)
				there, back := random(tt.size), random(tt.size/2)
				var both sync.WaitGroup
				for _, d := range []struct {
					from, to net.Conn
					what     []byte
				}{{ours, theirs, there}, {theirs, ours, back}} {
					both.Go(func() {
						if n, err := d.from.Write(d.what); n != len(d.what) || err != nil {
							t.Error(n, err)
						}
						if err := d.from.(closeWriter).CloseWrite(); err != nil {
							t.Error(err)
						}
					})
					both.Go(func() {
						got, err := io.ReadAll(d.to)
						if err != nil || !bytes.Equal(got, d.what) {
							t.Errorf("%d bytes of %d, %v", len(got), len(d.what), err)
						}
					})
				}
				began := time.Now()
				both.Wait()
				t.Logf("%d bytes in %v", tt.size, time.Since(began))
				_, _ = ours.Close(), theirs.Close()
				time.Sleep(2 * time.Minute)
				if a.Conns() != 0 || b.Conns() != 0 {
					t.Errorf("%d and %d connections are left", a.Conns(), b.Conns())
				}
			})
		})
	}
}

// A writer waits for its reader, and goes on where it was.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, netxtest.Link{Delay: time.Millisecond})
		defer a.stop(t)
		defer b.stop(t)
		ours, theirs := pair(t, a, b)
		what := random(20 << 20)
		left := slices.Collect(slices.Chunk(what, 300_001))
		left = slices.Insert(left, 1, nil)
		to := ours.(interface {
			WriteBuffers(*net.Buffers) (int64, error)
		})
		if err := ours.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		n, err := to.WriteBuffers((*net.Buffers)(&left))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n < 1<<20 || n > 16<<20 {
			t.Fatalf("%d bytes were taken, %v", n, err)
		}
		if err := ours.SetWriteDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		var rest sync.WaitGroup
		rest.Go(func() {
			if m, err := to.WriteBuffers((*net.Buffers)(&left)); n+m != int64(len(what)) || err != nil {
				t.Error(n, m, err)
			}
			_ = ours.Close()
		})
		got, err := io.ReadAll(theirs)
		if err != nil || !bytes.Equal(got, what) {
			t.Errorf("%d bytes of %d, %v", len(got), len(what), err)
		}
		_ = theirs.Close()
		rest.Wait()
	})
}

func TestErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, a, b := two(t, netxtest.Link{Delay: time.Millisecond})
		defer a.stop(t)
		began := time.Now()
		if _, err := a.Dial(t.Context(), netip.MustParseAddrPort("3.3.3.3:3")); !errors.Is(err, protocol.ErrTimeout) {
			t.Error("nobody there:", err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Error("gave up after", took)
		}
		if _, err := a.Dial(t.Context(), netip.MustParseAddrPort("[2600::1]:3")); !errors.Is(err, netx.ErrFamily) {
			t.Error("other family:", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := a.Dial(ctx, netip.MustParseAddrPort("3.3.3.3:3")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("cancelled:", err)
		}
		cancel()

		silent, _ := pair(t, a, b)
		reset, _ := pair(t, a, b)
		closed, theirs := pair(t, a, b)
		_ = closed.Close()
		if err := closed.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error("closed twice:", err)
		}
		for op, f := range map[string]func([]byte) (int, error){"read": closed.Read, "write": closed.Write} {
			_, err := f(make([]byte, 1))
			var oe *net.OpError
			if !errors.Is(err, net.ErrClosed) || !errors.As(err, &oe) || oe.Op != op || oe.Addr.String() != b.at.String() {
				t.Errorf("%s after Close: %v", op, err)
			}
		}
		if n, err := theirs.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			t.Error("the peer closed:", n, err)
		}
		if err := silent.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := silent.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("deadline:", err)
		}
		if err := silent.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}

		waits := make(chan error, 1)
		go func() {
			_, err := reset.Read(make([]byte, 1))
			waits <- err
		}()
		b.stop(t)
		if err := <-waits; !errors.Is(err, protocol.ErrReset) {
			t.Error("the peer's node ended:", err)
		}
		if _, err := b.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Error("accept after Close:", err)
		}
		if _, err := b.Dial(t.Context(), a.at); !errors.Is(err, net.ErrClosed) {
			t.Error("dial after Close:", err)
		}

		c := open(t, w.Host("4.4.4.4"), "4.4.4.4:4")
		defer c.stop(t)
		ours, _ := pair(t, a, c)
		w.SetLink(nil, nil, netxtest.Link{Cut: true})
		if _, err := ours.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, protocol.ErrTimeout) {
			t.Error("link cut:", err)
		}
	})
}

// Nobody accepts: what waits is bounded, and whoever is too many is told.
func TestBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, netxtest.Link{Delay: time.Millisecond})
		defer a.stop(t)
		defer b.stop(t)
		var conns []net.Conn
		for range 200 {
			c, err := a.Dial(t.Context(), b.at)
			if err != nil {
				break
			}
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		synctest.Wait()
		if n := b.Conns(); n == 0 || n > 128 {
			t.Errorf("%d connections wait", n)
		}
		if _, err := conns[len(conns)-1].Read(make([]byte, 1)); !errors.Is(err, protocol.ErrReset) {
			t.Error("one too many:", err)
		}
	})
}

// Other protocols on the same port go on, and so do other connections when one breaks (promise 4.8).
func TestPromise4_8_PanicsAreContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b := two(t, netxtest.Link{Delay: time.Millisecond})
		defer b.stop(t)
		other := a.mux.Route(4, func(p []byte, _ netip.AddrPort) bool { return len(p) > 0 && p[0] == 'd' })
		bad, _ := pair(t, a, b)
		good, theirs := pair(t, a, b)
		utp.Within(bad, func() { panic("planted") })
		if r := <-a.panics; r != "planted" {
			t.Error(r)
		}
		if _, err := bad.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) {
			t.Error("the broken one:", err)
		}
		_ = bad.Close()
		if _, err := good.Write([]byte("on")); err != nil {
			t.Error(err)
		}
		got := make([]byte, 2)
		if _, err := io.ReadFull(theirs, got); err != nil || string(got) != "on" {
			t.Error(string(got), err)
		}
		if a.Conns() != 1 {
			t.Errorf("%d connections", a.Conns())
		}
		a.stop(t)
		if _, _, err := other.ReadFrom(got); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}
