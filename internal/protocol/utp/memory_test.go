package utp_test

import (
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
)

const megabyte = 1 << 20

// TestMemoryIsShared: peers that fill every window get no more than all connections may hold together, and once somebody reads, all
// of it arrives.
func TestMemoryIsShared(t *testing.T) {
	t.Parallel()
	memory := utp.NewMemory(megabyte)
	w := configured(t, 1, link{delay: 5 * ms, rate: 1e7, queue: time.Second}, link{delay: 5 * ms}, utp.Config{Memory: memory}, utp.Path{Control: utp.Scalable})
	const conns, each = 8, 800_000
	all := make([]*transfer, conns)
	for i := range all {
		all[i] = newTransfer(w.dial(), nil, each)
		all[i].pump(t)
		w.until(time.Minute, "connection", func() bool { return len(w.b.conns) == i+1 })
	}
	write := func() {
		for _, x := range all {
			x.pump(t)
		}
	}
	for limit := w.now.Add(20 * time.Second); w.step(limit); {
		write()
	}
	// Two chunks for certain are for what is written, what came ahead, and what can be read; a chunk once begun is filled.
	held, most := megabyte-utp.Left(memory), megabyte+conns*9*64<<10
	if t.Logf("%d KiB are held", held>>10); held > most {
		t.Errorf("%d bytes are held, more than %d", held, most)
	}
	for i, x := range all {
		x.to = w.b.conns[i]
	}
	w.until(5*time.Minute, "end of all", func() bool {
		write()
		for _, x := range all {
			if !x.ended {
				return false
			}
		}
		return true
	})
	for _, x := range all {
		if x.err != nil || x.got != each {
			t.Errorf("%d bytes, %v", x.got, x.err)
		}
		x.from.Close(w.now)
		x.to.Close(w.now)
	}
	w.until(5*time.Minute, "end of the connections", func() bool { return w.a.ep.Len() == 0 && w.b.ep.Len() == 0 })
	if left := utp.Left(memory); left != megabyte {
		t.Errorf("%d bytes are held for nobody", megabyte-left)
	}
}

// TestMemoryComesBack: however a connection ends, what it held is free again.
func TestMemoryComesBack(t *testing.T) {
	for name, end := range map[string]func(w *world, a, b *utp.Conn){
		"abort":            func(_ *world, a, _ *utp.Conn) { a.Abort() },
		"abort, unread":    func(_ *world, _, b *utp.Conn) { b.Abort() },
		"close, unread":    func(w *world, a, b *utp.Conn) { a.Close(w.now); b.Close(w.now) },
		"reset, and close": func(w *world, a, b *utp.Conn) { a.Abort(); w.run(time.Second); b.Close(w.now) },
	} {
		t.Run(name, func(t *testing.T) {
			memory := utp.NewMemory(megabyte)
			w := configured(t, 1, link{delay: 5 * ms, loss: 0.05}, link{delay: 5 * ms}, utp.Config{Memory: memory}, utp.Path{})
			a, b := w.pair()
			x := newTransfer(a, nil, 300_000)
			x.pump(t)
			w.run(200 * ms)
			if utp.Left(memory) == megabyte {
				t.Fatal("nothing is held")
			}
			end(w, a, b)
			w.run(3 * time.Minute)
			for _, c := range []*utp.Conn{a, b} {
				c.Close(w.now) // as whoever has it does in the end
			}
			if left := utp.Left(memory); left != megabyte {
				t.Errorf("%d bytes are held for nobody", megabyte-left)
			}
		})
	}
}
