package netxtest_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
)

// pair is a connection between two new hosts.
func pair(t *testing.T, w *netxtest.World) (a, b *netxtest.Host, out, in net.Conn) {
	t.Helper()
	a, b = w.Host("1.1.1.1"), w.Host("2.2.2.2")
	l, err := b.ListenTCP(t.Context(), netip.MustParseAddrPort("0.0.0.0:6881"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	out, err = a.DialTCP(t.Context(), netip.MustParseAddrPort("2.2.2.2:6881"))
	if err != nil {
		t.Fatal(err)
	}
	in, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return a, b, out, in
}

func TestStreamCarriesBytesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Delay: 50 * time.Millisecond, Bandwidth: 1 << 20})
		_, _, out, in := pair(t, w)
		data := make([]byte, 2<<20) // more than the window, so the writer has to wait
		for i := range data {
			data[i] = byte(i * i >> 7)
		}
		start := time.Now()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, err := out.Write(data)
			if err != nil {
				t.Error(err)
			}
			_ = out.Close()
		})
		got, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(got, data) {
			t.Error(len(got), err)
		}
		wg.Wait()
		if took := time.Since(start); took < 2*time.Second || took > 3*time.Second {
			t.Errorf("2 MiB at 1 MiB/s took %v", took)
		}
		_ = in.Close()
	})
}

func TestStreamDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, out, in := pair(t, netxtest.NewWorld(1))
		defer out.Close()
		defer in.Close()
		start := time.Now()
		_ = in.SetReadDeadline(start.Add(time.Second))
		var ne net.Error
		if _, err := in.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
			t.Error(err)
		}
		_ = in.SetReadDeadline(time.Time{})
		_ = out.SetDeadline(start.Add(2 * time.Second))
		n, err := out.Write(make([]byte, 1<<20))
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 || n == 1<<20 {
			t.Error(n, err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Error(took)
		}
	})
}

func TestCloseWakesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, out, in := pair(t, netxtest.NewWorld(1))
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := in.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		})
		synctest.Wait()
		_ = in.Close()
		wg.Wait()
		if _, err := out.Read(make([]byte, 1)); err != io.EOF {
			t.Error(err)
		}
		if _, err := out.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Error(err)
		}
		if err := out.Close(); err != nil {
			t.Error(err)
		}
		if err := out.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestCutAndMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		a, b, out, in := pair(t, w)
		defer out.Close()
		defer in.Close()
		w.SetLink(a, b, netxtest.Link{Cut: true})
		if _, err := out.Write([]byte("late")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := a.DialTCP(ctx, netip.MustParseAddrPort("2.2.2.2:6881")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		time.AfterFunc(time.Minute, func() { w.SetLink(a, b, netxtest.Link{}) })
		p := make([]byte, 4)
		if _, err := io.ReadFull(in, p); err != nil || string(p) != "late" || time.Since(start) < time.Minute {
			t.Error(string(p), err, time.Since(start))
		}
		b.Reset()
		if _, err := out.Read(p); !errors.Is(err, syscall.ECONNRESET) {
			t.Error(err)
		}
	})
}

func TestDialErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		a, _ := w.Host("1.1.1.1"), w.Host("2.2.2.2", "2600::2")
		for to, want := range map[string]error{
			"2.2.2.2:1":   syscall.ECONNREFUSED,
			"[2600::2]:1": syscall.ENETUNREACH,
			"127.0.0.1:1": syscall.ECONNREFUSED,
			"3.3.3.3:1":   context.DeadlineExceeded,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := a.DialTCP(ctx, netip.MustParseAddrPort(to)); !errors.Is(err, want) {
				t.Error(to, err)
			}
			cancel()
		}
		if _, err := a.ListenTCP(t.Context(), netip.MustParseAddrPort("2.2.2.2:1")); !errors.Is(err, syscall.EADDRNOTAVAIL) {
			t.Error(err)
		}
	})
}

func TestDatagramsAreDelayedAndLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(7)
		a, b := w.Host("1.1.1.1"), w.Host("2.2.2.2")
		w.SetLink(a, b, netxtest.Link{Delay: time.Second, Loss: 0.5})
		from, err := a.ListenUDP(t.Context(), netip.MustParseAddrPort("[::]:0"))
		if err != nil {
			t.Fatal(err)
		}
		to, err := b.ListenUDP(t.Context(), netip.MustParseAddrPort("2.2.2.2:53"))
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 100 {
			if _, err := from.WriteTo([]byte("x"), to.LocalAddr()); err != nil {
				t.Fatal(err)
			}
		}
		_ = to.SetReadDeadline(start.Add(time.Hour))
		var n int
		p := make([]byte, 10)
		for {
			if _, _, err := to.ReadFrom(p); err != nil {
				break
			}
			if n++; n == 1 && time.Since(start) != time.Second {
				t.Error("arrived after", time.Since(start))
			}
		}
		if n < 30 || n > 70 {
			t.Errorf("%d of 100 arrived", n)
		}
		_ = from.Close()
		_ = to.Close()
	})
}
