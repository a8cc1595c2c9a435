package bittorrent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// seed makes the peer one that has everything, and waits for requests of the blocks wanted.
func (p *peer) seed(s *sample) {
	p.t.Helper()
	all := content.NewBitmap(s.layout.Pieces())
	all.SetAll()
	p.send(wire.AppendUnchoke(wire.AppendBitfield(nil, all.Bytes())))
}

// block is a Piece message.
func block(s *sample, piece, begin, length uint32) []byte {
	b := wire.AppendPieceHeader(nil, piece, begin, length)
	return append(b, s.wire(int(piece), int(begin), int(length))...)
}

// asked reads requests until the peer has been asked for n blocks, and answers them in one.
func (p *peer) asked(s *sample, n int) []byte {
	p.t.Helper()
	var b []byte
	for range n {
		m, _ := p.until(wire.Request)
		b = append(b, block(s, m.Index, m.Begin, m.Length)...)
	}
	return b
}

func TestBlocksCutAnywhere(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 40)
	size := wire.PieceHeaderSize + 40
	for at := range size {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{})
			p := r.connect(w.Host("10.0.0.2"))
			p.greet(anyName(s), "cuts")
			p.seed(s)
			b := p.asked(s, 1)
			p.send(b[:at])
			synctest.Wait()
			p.send(b[at:])
			r.fetched(s)
		})
	}
}

func TestBlocksByteByByte(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v2", 32<<10, 32<<10)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "drips", wire.FeatureV2)
		p.seed(s)
		for _, b := range p.asked(s, 2) {
			p.send([]byte{b})
			if b == 0 {
				synctest.Wait()
			}
		}
		r.fetched(s)
	})
}

func TestManyBlocksAtOnce(t *testing.T) {
	for name, budget := range map[string]int64{"in memory": 8 << 20, "spilled": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 64<<10, 300_000, 1, 0, 200_000)
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{budget: budget})
				p := r.connect(w.Host("10.0.0.2"))
				p.greet(anyName(s), "gushes")
				p.seed(s)
				// The first write ends in the middle of a block, and its rest comes with others behind it.
				b := p.asked(s, 31)
				p.send(b[:100_000])
				synctest.Wait()
				p.send(b[100_000:])
				r.fetched(s)
			})
		})
	}
}

func TestUnwantedBlocksAreThrownAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 32<<10, 64<<10)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "pushes")
		p.seed(s)
		b := p.asked(s, 4)
		// Of a strange length, at a strange place, of a piece that is not there, and twice the same.
		for _, stray := range [][3]uint32{{0, 0, 100}, {0, 5, 16 << 10}, {99, 0, 16 << 10}, {1, 1 << 31, 1}} {
			junk := append(wire.AppendPieceHeader(nil, stray[0], stray[1], stray[2]), make([]byte, stray[2])...)
			p.send(junk[:len(junk)/2])
			synctest.Wait()
			p.send(junk[len(junk)/2:])
		}
		p.send(b[:len(b)/2])
		p.send(b)
		r.fetched(s)
		p.alive()
	})
}

// An unwanted block takes no memory of its own, and may not drip for ever.
func TestUnwantedBlockIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 32<<10, 64<<10)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "drips")
		p.send(wire.AppendPieceHeader(nil, 0, 0, 16<<10))
		begun := time.Now()
		for time.Since(begun) < 2*payloadPatience {
			if _, err := p.Write([]byte{0}); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(begun); took > payloadPatience+2*time.Second {
			t.Errorf("dripped for %v", took)
		}
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers", n)
		}
	})
}

// A block that has begun keeps others from being asked for it, so it must go on.
func TestBlockThatStopsInTheMiddleIsAskedForElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 16<<10)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		slow, good := r.connect(w.Host("10.0.0.2")), r.connect(w.Host("10.0.0.3"))
		slow.greet(anyName(s), "slow")
		slow.seed(s)
		b := slow.asked(s, 1)
		slow.send(b[:8000])
		synctest.Wait()
		begun := time.Now()
		good.greet(anyName(s), "good")
		good.seed(s)
		var drip sync.WaitGroup
		drip.Go(func() {
			for _, x := range b[8000 : len(b)-1] {
				if _, err := slow.Write([]byte{x}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		good.send(good.asked(s, 1))
		r.fetched(s)
		if took := time.Since(begun); took > payloadPatience+time.Second {
			t.Errorf("held up for %v", took)
		}
		slow.hangup()
		drip.Wait()
	})
}

func frame(length uint32, body ...byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, length), body...)
}

func TestWhatBreaksTheProtocolEndsTheConnection(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 100_000)
	for name, b := range map[string][]byte{
		"a message of 4 GiB":             frame(1<<32 - 1),
		"a block of 4 GiB":               frame(1<<32-1, 7),
		"a block longer than asked for":  frame(9+16<<10+1, append([]byte{7}, make([]byte, 8)...)...),
		"a block shorter than its head":  frame(5, 7, 0, 0, 0, 0),
		"a bitfield too long":            frame(3, 5, 0xff, 0xff),
		"a bitfield with too many bits":  frame(2, 5, 0xff),
		"a have of no piece":             frame(5, 4, 0, 0, 0, 7),
		"a have of the wrong size":       frame(6, 4, 0, 0, 0, 0, 0),
		"a long extended message":        frame(1<<20, 20),
		"an extended message unasked":    frame(2, 20, 0),
		"hashes on a v1 connection":      wire.AppendHashRequest(nil, wire.HashRequest{Length: 2}),
		"a request of 1 MiB":             wire.AppendRequest(nil, 0, 0, 1<<20),
		"a request of no piece":          wire.AppendRequest(nil, 1<<31, 0, 16<<10),
		"random bytes":                   bytes.Repeat([]byte{0xb5, 0x3c, 0x07}, 100),
		"the other protocol's handshake": []byte("SSH-2.0-OpenSSH_9.9\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{has: true})
				p := r.connect(w.Host("10.0.0.2"))
				p.greet(anyName(s), "breaks")
				p.Write(b)
				if took := p.hangup(); took != 0 {
					t.Errorf("took %v", took)
				}
				synctest.Wait()
				if l := r.peers(); len(l) != 0 {
					t.Errorf("%+v", l)
				}
				if r.panics.Load() != 0 {
					t.Error("panicked")
				}
			})
		})
	}
}

func TestEveryWayToBreakOff(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 40)
	b := append(wire.AppendUnchoke(wire.AppendBitfield(nil, []byte{0x80})), block(s, 0, 0, 40)...)
	for at := range len(b) {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{})
			p := r.connect(w.Host("10.0.0.2"))
			p.greet(anyName(s), "leaves")
			p.send(b[:at])
			p.Close()
			synctest.Wait()
			if l := r.peers(); len(l) != 0 {
				t.Errorf("%+v", l)
			}
			// What it left is there for the next.
			q := r.connect(w.Host("10.0.0.3"))
			q.greet(anyName(s), "stays")
			q.seed(s)
			q.send(q.asked(s, 1))
			r.fetched(s)
		})
	}
}

// The shortest messages fill a large buffer by the thousand; that must not cost more than the buffer, and has an end.
func TestEndlessKeepAlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 40)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "bores")
		// A block nobody asked for makes payload flow, and the buffer large.
		p.send(append(wire.AppendPieceHeader(nil, 0, 0, 40), make([]byte, 40)...))
		p.send(make([]byte, 60<<10))
		p.alive()
		time.Sleep(2 * lull)
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers", n)
		}
		p.send(make([]byte, 60<<10))
		p.hangup()
		synctest.Wait()
		if l := r.peers(); len(l) != 0 {
			t.Errorf("%+v", l)
		}
	})
}

func TestAParsedBatchIsBounded(t *testing.T) {
	in := newInbound()
	in.buf = make([]byte, line.BufferSize)
	in.end = line.BufferSize // keep-alives only
	n, batches := 0, 0
	for more := true; more; batches++ {
		var err error
		if _, more, err = in.parse(); err != nil {
			t.Fatal(err)
		}
		if cap(in.msgs) > 2*maxBatch {
			t.Fatalf("room for %d messages", cap(in.msgs))
		}
		n += len(in.msgs)
	}
	if n != line.BufferSize/4 || in.at != in.end {
		t.Errorf("%d keep-alives in %d batches", n, batches)
	}
}

// "An idle peer holds no large buffer (wait on 4 KiB, lease 256 KiB while payload flows)."
func TestIdleConnectionHoldsTheSmallBufferOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 64<<10, 512<<10)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true})
		r := newRig(t, w, "10.0.0.2", s, options{})
		p := seed.connect(w.Host("10.0.0.3"))
		p.greet(anyName(s), "asks")
		p.send(wire.AppendInterested(nil))
		p.until(wire.Unchoke)

		q := r.connect(w.Host("10.0.0.4"))
		q.greet(anyName(s), "gives")
		q.seed(s)
		q.send(q.asked(s, 8))
		synctest.Wait()
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 1 {
			t.Errorf("%d large buffers while payload flows", n)
		}
		p.send(wire.AppendRequest(nil, 0, 0, 16<<10))
		p.until(wire.Piece)
		time.Sleep(2 * lull)
		synctest.Wait()
		synctest.Wait()
		if n := r.shell.buffers.Leased() + seed.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers while nothing flows", n)
		}
		q.alive()
		p.alive()
		// And it goes on from the small buffer.
		q.send(q.asked(s, 24))
		r.fetched(s)
	})
}

// What is only announced takes no memory.
func TestAnnouncedLengthTakesNoBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{magnet: true})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "boasts", wire.FeatureExtended)
		b := frame(60_000, append([]byte{20}, make([]byte, 3000)...)...)
		p.send(b)
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers", n)
		}
		p.send(make([]byte, 10_000))
		synctest.Wait()
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 1 {
			t.Errorf("%d large buffers for 13,000 bytes of a message", n)
		}
	})
}

// The longest message there is fits the large buffer.
func TestLongestBitfieldBeforeTheMetadata(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{magnet: true})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "long")
		b := wire.AppendBitfield(nil, make([]byte, wire.MaxBitfield))
		for len(b) > 0 {
			n := min(len(b), 60_000)
			p.send(b[:n])
			b = b[n:]
			synctest.Wait()
		}
		p.send(wire.AppendHave(nil, 1))
		p.alive()
		time.Sleep(2 * lull)
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers", n)
		}
	})
}

func TestDiskThatFailsIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 32<<10, 64<<10)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{budget: 1})
		full := errors.New("full")
		r.files.failing = full
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "gives")
		p.seed(s)
		p.Write(p.asked(s, 4))
		if err := <-r.failed; err != full {
			t.Error(err)
		}
		p.hangup()
	})
}

// TestLongMessagesHaveTheirOwnTime: each that needs the large buffer has all of payloadPatience, whatever came before it.
func TestLongMessagesHaveTheirOwnTime(t *testing.T) {
	long := frame(10_001, append([]byte{99}, make([]byte, 10_000)...)...)
	first, rest := long[:6000], long[6000:]
	connect := func(t *testing.T) (*sample, *rig, *peer) {
		s := makeSample(t, "v1", 16<<10, 4<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "lengthy")
		p.seed(s)
		p.send(p.asked(s, 1))
		synctest.Wait()
		return s, r, p
	}
	t.Run("with payload between", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s, r, p := connect(t)
			split := func() {
				t.Helper()
				p.send(first)
				p.alive()
				p.send(append(bytes.Clone(rest), p.asked(s, 1)...))
				p.alive()
			}
			split()
			for begun := time.Now(); time.Since(begun) <= payloadPatience; time.Sleep(lull / 2) {
				p.send(p.asked(s, 1))
			}
			if n := r.shell.buffers.Leased(); n != 1 {
				t.Errorf("%d large buffers while payload flows", n)
			}
			split()
		})
	})
	t.Run("one behind the other", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, _, p := connect(t)
			p.send(first)
			for range 3 {
				time.Sleep(payloadPatience * 2 / 3)
				p.send(append(bytes.Clone(rest), first...))
				p.alive()
			}
			if took := p.hangup(); took > payloadPatience+time.Second {
				t.Errorf("the last one is waited for %v", took)
			}
		})
	})
}

// TestEmptyBlocksEndTheConnection: nobody has asked for one, and they are as good for nothing as any others.
func TestEmptyBlocksEndTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "empty")
		p.send(wire.AppendPieceHeader(nil, 0, 0, 0))
		p.alive()
		var b []byte
		for range 300 {
			b = wire.AppendPieceHeader(b, 0, 0, 0)
		}
		p.send(b)
		if took := p.hangup(); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}
