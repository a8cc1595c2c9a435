package utp_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// say writes all of s.
func say(t *testing.T, c *utp.Conn, s string) {
	t.Helper()
	if n, err := c.Write([]byte(s)); err != nil || n != len(s) {
		t.Fatalf("wrote %d bytes, %v", n, err)
	}
}

// hear reads what is there.
func hear(t *testing.T, c *utp.Conn) (s string, err error) {
	t.Helper()
	b := make([]byte, 1<<10)
	for {
		n, err := c.Read(b)
		if s += string(b[:n]); n == 0 || err != nil {
			return s, err
		}
	}
}

func TestHalfClose(t *testing.T) {
	w := newWorld(t, 1, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, b := w.pair()
	say(t, a, "question")
	a.CloseWrite()
	if _, err := a.Write([]byte("more")); !errors.Is(err, utp.ErrClosed) {
		t.Errorf("wrote after the end: %v", err)
	}
	w.run(time.Second)
	if s, err := hear(t, b); s != "question" || !errors.Is(err, io.EOF) {
		t.Errorf("%q, %v", s, err)
	}
	answer := strings.Repeat("answer", 10_000)
	say(t, b, answer)
	b.Close(w.now)
	got := ""
	w.until(10*time.Second, "answer", func() bool {
		s, err := hear(t, a)
		got += s
		return errors.Is(err, io.EOF)
	})
	if got != answer {
		t.Errorf("%d bytes", len(got))
	}
	a.Close(w.now)
	w.until(5*time.Second, "end", func() bool { return w.a.ep.Len()+w.b.ep.Len() == 0 })
	if a.Err() != nil || b.Err() != nil {
		t.Error(a.Err(), b.Err())
	}
}

func TestCloseDeliversWhatIsWritten(t *testing.T) {
	w := newWorld(t, 2, link{delay: 10 * ms, loss: .2}, link{delay: 10 * ms})
	a, b := w.pair()
	text := strings.Repeat("x", 200_000)
	say(t, a, text)
	a.Close(w.now)
	got := 0
	w.until(time.Minute, "end", func() bool {
		s, err := hear(t, b)
		got += len(s)
		return errors.Is(err, io.EOF)
	})
	if got != len(text) {
		t.Errorf("%d bytes of %d", got, len(text))
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, utp.ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
}

// A peer that goes on sending after we closed is heard out, a minute long, and told then that we are gone.
func TestCloseDropsWhatArrives(t *testing.T) {
	w := newWorld(t, 3, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, b := w.pair()
	x := newTransfer(b, nil, 1<<40)
	x.pump(t)
	w.run(time.Second)
	a.Close(w.now)
	began := w.now
	w.until(2*time.Minute, "reset", func() bool { x.pump(t); return x.err != nil })
	if !errors.Is(x.err, utp.ErrReset) || w.now.Sub(began) > time.Minute+time.Second || w.a.ep.Len() != 0 {
		t.Errorf("%v after %v", x.err, w.now.Sub(began))
	}
}

func TestAbortResets(t *testing.T) {
	w := newWorld(t, 4, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, b := w.pair()
	say(t, a, "last words")
	w.run(100 * ms)
	a.Abort()
	w.run(100 * ms)
	if s, err := hear(t, b); s != "last words" || !errors.Is(err, utp.ErrReset) || !b.Done() || !a.Done() {
		t.Errorf("%q, %v", s, err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, utp.ErrClosed) {
		t.Error(err)
	}
}

func TestPeerThatVanishes(t *testing.T) {
	w := newWorld(t, 5, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, _ := w.pair()
	w.a.out.loss = 1
	say(t, a, "anyone?")
	began := w.now
	w.until(5*time.Minute, "timeout", a.Done)
	if d := w.now.Sub(began); !errors.Is(a.Err(), utp.ErrTimeout) || d < 20*time.Second || d > 90*time.Second {
		t.Errorf("%v after %v", a.Err(), d)
	}
}

func TestNobodyAnswers(t *testing.T) {
	w := newWorld(t, 6, link{loss: 1}, link{})
	a := w.dial()
	w.until(time.Minute, "timeout", a.Done)
	if !errors.Is(a.Err(), utp.ErrTimeout) || w.a.out.sent != 4 || w.now.Sub(epoch) != 15*time.Second {
		t.Errorf("%v after %d SYNs and %v", a.Err(), w.a.out.sent, w.now.Sub(epoch))
	}
	if _, err := a.Write([]byte("x")); !errors.Is(err, utp.ErrTimeout) {
		t.Error(err)
	}
}

// A peer that restarted knows nothing of the connection, and says so.
func TestPeerThatRestarted(t *testing.T) {
	w := newWorld(t, 7, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, b := w.pair()
	w.b.ep.Remove(b)
	w.b.conns = nil
	say(t, a, "still there?")
	w.run(time.Second)
	if !errors.Is(a.Err(), utp.ErrReset) || !a.Done() {
		t.Error(a.Err())
	}
}

func TestKeepAlive(t *testing.T) {
	w := newWorld(t, 8, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, _ := w.pair()
	w.run(time.Second)
	sent := w.a.out.sent + w.b.out.sent
	w.run(10 * time.Minute)
	if n := w.a.out.sent + w.b.out.sent - sent; n < 20 || n > 45 {
		t.Errorf("%d packets in ten minutes of silence", n)
	}
	say(t, a, "good morning")
	w.run(time.Second)
	if s, _ := hear(t, w.b.conns[0]); s != "good morning" {
		t.Errorf("%q", s)
	}
}

func TestPeerThatDoesNotRead(t *testing.T) {
	w := newWorld(t, 9, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, b := w.pair()
	x := newTransfer(a, nil, 10<<20)
	x.pump(t)
	w.drive(10*time.Second, bulk{x})
	sent := w.a.out.sent
	w.drive(10*time.Minute, bulk{x})
	if n := w.a.out.sent - sent; n < 20 || n > 200 || a.Done() {
		t.Errorf("%d packets in ten minutes to a peer that does not read, %v", n, a.Err())
	}
	x.to = b
	w.until(time.Minute, "rest", func() bool { x.pump(t); return x.ended })
	if x.got != 10<<20 {
		t.Errorf("%d bytes", x.got)
	}
}

func TestNagle(t *testing.T) {
	for _, noDelay := range []bool{false, true} {
		w := configured(t, 10, link{delay: 50 * ms}, link{delay: 50 * ms}, utp.Config{NoDelay: noDelay}, utp.Path{})
		a, b := w.pair()
		w.run(time.Second)
		sent := w.a.out.sent
		for range 50 {
			say(t, a, "have")
			w.run(ms)
		}
		w.run(time.Second)
		if s, _ := hear(t, b); len(s) != 200 {
			t.Errorf("%d bytes", len(s))
		}
		if n := w.a.out.sent - sent; noDelay && n != 50 || !noDelay && n > 3 {
			t.Errorf("NoDelay %v: %d packets", noDelay, n)
		}
	}
}

func TestAcknowledgementsAreDelayed(t *testing.T) {
	w := newWorld(t, 11, link{delay: 10 * ms}, link{delay: 10 * ms})
	a, _ := w.pair()
	w.run(time.Second)
	acked := w.b.out.sent
	say(t, a, "one packet")
	w.run(30 * ms)
	if w.b.out.sent != acked {
		t.Error("acknowledged at once")
	}
	w.run(30 * ms)
	if w.b.out.sent != acked+1 || a.Unacked() != 0 {
		t.Error("not acknowledged")
	}
}
