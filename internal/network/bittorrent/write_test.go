package bittorrent

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/layout/torrent"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// client is a peer that has nothing and is unchoked.
func (r *rig) client(w *netxtest.World, s *sample, name [20]byte, features ...wire.Feature) *peer {
	r.t.Helper()
	p := r.connect(w.Host("10.9.9.9"))
	p.greet(name, "wants", features...)
	p.send(wire.AppendInterested(nil))
	p.until(wire.Unchoke)
	return p
}

func TestNeighbouringBlocksAreReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 512<<10)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.client(w, s, anyName(s))
		// 4 neighbours, one alone, 2 neighbours of another piece.
		want := [][3]uint32{{0, 0, 16384}, {0, 16384, 16384}, {0, 32768, 16384}, {0, 49152, 100}, {0, 100_000, 7}, {1, 0, 16384}, {1, 16384, 16384}}
		var b []byte
		for _, q := range want {
			b = wire.AppendRequest(b, q[0], q[1], q[2])
		}
		p.send(b)
		for _, q := range want {
			m, block := p.until(wire.Piece)
			if [3]uint32{m.Index, m.Begin, m.Length} != q {
				t.Errorf("%+v instead of %v", m, q)
			}
			if !bytes.Equal(block, s.wire(int(q[0]), int(q[1]), int(q[2]))) {
				t.Errorf("wrong bytes of %v", q)
			}
		}
		if r.files.reads != 3 {
			t.Errorf("%d reads", r.files.reads)
		}
	})
}

func TestServedBytesAreRight(t *testing.T) {
	for _, format := range []string{"v1", "v2", "hybrid"} {
		synctest.Test(t, func(t *testing.T) {
			s := makeSample(t, format, 32<<10, 70_000, 5, 32<<10, 0, 16<<10+1, 1000)
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{has: true})
			p := r.client(w, s, anyName(s), wire.FeatureV2, wire.FeatureFast)
			for piece := range s.layout.Pieces() {
				// All that may be asked for: with hybrids the padding too, which v1 peers hash.
				for begin, size := 0, s.layout.PieceSize(piece); begin < size; begin += 16 << 10 {
					n := min(16<<10, size-begin)
					p.send(wire.AppendRequest(nil, uint32(piece), uint32(begin), uint32(n)))
					m, block := p.until(wire.Piece)
					if int(m.Index) != piece || int(m.Begin) != begin || !bytes.Equal(block, s.wire(piece, begin, n)) {
						t.Errorf("%s: wrong bytes of piece %d at %d", format, piece, begin)
					}
				}
			}
		})
	}
}

// A v1 peer asks for the padding of a hybrid, and gets zeros that no file holds.
func TestPaddingReadsAsZeros(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "hybrid", 32<<10, 10, 20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.client(w, s, v1Name(s))
		p.send(wire.AppendRequest(wire.AppendRequest(nil, 0, 0, 16<<10), 0, 16<<10, 16<<10))
		_, first := p.until(wire.Piece)
		_, second := p.until(wire.Piece)
		got := append(first, second...)
		if !bytes.Equal(got[:10], s.files[0]) || !bytes.Equal(got[10:], make([]byte, 32<<10-10)) {
			t.Error("not the file and zeros")
		}
	})
}

func TestChokeInTheMiddle(t *testing.T) {
	for _, fast := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := makeSample(t, "v1", 256<<10, 8<<20)
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{has: true, up: 64 << 10})
			var features []wire.Feature
			if fast {
				features = append(features, wire.FeatureFast)
			}
			p := r.client(w, s, anyName(s), features...)
			// Piece by piece from the end, for the first ones may be had while choked.
			const asked = 100
			var b []byte
			for i := range uint32(asked) {
				b = wire.AppendRequest(b, 31-i/16, i%16<<14, 16<<10)
			}
			p.send(b)
			for range 4 {
				p.until(wire.Piece)
			}
			r.choke.Store(true)
			r.object.Swarm.Grant(time.Now(), func(swarm.PeerID) bool { return false })
			blocks, rejects, choked := 4, 0, false
			p.SetReadDeadline(time.Now().Add(time.Minute))
			for {
				m, _, err := p.next()
				if err != nil {
					break
				}
				switch m.Type {
				case wire.Choke:
					choked = true
				case wire.Piece:
					blocks++
				case wire.Reject:
					rejects++
				}
			}
			// BEP 6: every request is answered, by the block or by a reject.
			if !choked || blocks > 8 && !fast || fast && blocks+rejects != asked {
				t.Errorf("choked %v, %d blocks, %d rejects", choked, blocks, rejects)
			}
		})
	}
}

func TestPeerThatTakesNothingIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 4<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.client(w, s, anyName(s))
		var b []byte
		for i := range uint32(256) {
			b = wire.AppendRequest(b, i/16, i%16<<14, 16<<10)
		}
		p.send(b)
		begun := time.Now()
		for len(r.peers()) > 0 && time.Since(begun) < time.Hour {
			time.Sleep(time.Second)
		}
		// The system's buffers take the first bytes.
		if took := time.Since(begun); took < writePatience || took > 2*writePatience+2*time.Second {
			t.Errorf("dropped after %v", took)
		}
	})
}

func TestSlowPeerIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 4<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.client(w, s, anyName(s))
		var b []byte
		for i := range uint32(64) {
			b = wire.AppendRequest(b, i/16, i%16<<14, 16<<10)
		}
		p.send(b)
		// A kilobyte a second: much slower than a buffer in writePatience.
		got := 0
		for got < 64*(16<<10+wire.PieceHeaderSize) {
			time.Sleep(20 * time.Second)
			n, err := p.Read(make([]byte, 20<<10))
			got += n
			if err != nil {
				t.Fatalf("after %d bytes: %v", got, err)
			}
		}
	})
}

func TestUploadLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 1<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true, up: 64 << 10})
		begun := time.Now()
		p := r.client(w, s, anyName(s))
		var b []byte
		for i := range uint32(64) {
			b = wire.AppendRequest(b, i/16, i%16<<14, 16<<10)
		}
		p.send(b)
		for range 64 {
			p.until(wire.Piece)
		}
		if took := time.Since(begun); took < 14*time.Second || took > 18*time.Second {
			t.Errorf("1 MiB at 64 KiB/s took %v", took)
		}
	})
}

// Requests, haves and chokes are not payload: a limit on uploads must not slow down downloads.
func TestUploadLimitDoesNotHoldUpFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 1<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true, up: 1 << 10})
		p := r.client(w, s, anyName(s), wire.FeatureFast)
		p.send(wire.AppendRequest(wire.AppendRequest(wire.AppendRequest(nil, 3, 0, 16<<10), 3, 16<<10, 16<<10), 3, 32<<10, 16<<10))
		p.until(wire.Piece)
		synctest.Wait() // the second block waits for 16 s
		begun := time.Now()
		p.send(wire.AppendRequest(nil, 3, 5, 1<<17)) // refused by a frame
		p.send(wire.AppendCancel(nil, 3, 32<<10, 16<<10))
		if m, _, err := p.next(); err != nil || m.Type != wire.Piece && m.Type != wire.Reject {
			t.Fatal(m, err)
		} else if m.Type != wire.Reject || time.Since(begun) > time.Second {
			t.Errorf("%v after %v", m.Type, time.Since(begun))
		}
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers while it waits", n)
		}
	})
}

func TestDownloadLimit(t *testing.T) {
	for rate, within := range map[int64][2]time.Duration{
		8 << 10:   {120 * time.Second, 140 * time.Second},
		256 << 10: {3 * time.Second, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := makeSample(t, "v1", 256<<10, 1<<20)
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{down: rate})
			p := r.connect(w.Host("10.0.0.2"))
			p.greet(anyName(s), "gives", wire.FeatureFast)
			p.seed(s)
			go func() {
				for {
					m, _, err := p.next()
					if err != nil {
						return
					}
					if m.Type == wire.Request {
						if _, err := p.Write(block(s, m.Index, m.Begin, m.Length)); err != nil {
							return
						}
					}
				}
			}()
			begun := time.Now()
			r.fetched(s)
			if took := time.Since(begun); took < within[0] || took > within[1] {
				t.Errorf("1 MiB at %d bytes/s took %v", rate, took)
			}
			p.Close()
			synctest.Wait()
		})
	}
}

// Leaves below the piece layer are made anew, of pieces larger than any buffer too.
func TestLeavesAreServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v2", 1<<20, 3<<20+5)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		p := r.client(w, s, anyName(s), wire.FeatureV2, wire.FeatureFast)
		q := wire.HashRequest{Root: s.info.Files[0].Root, BaseLayer: 0, Index: 64, Length: 64, ProofLayers: 0}
		p.send(wire.AppendHashRequest(nil, q))
		m, _ := p.until(wire.Hashes)
		var want []byte
		for _, h := range torrent.AppendLeafHashes(nil, s.files[0][1<<20:2<<20]) {
			want = append(want, h[:]...)
		}
		if !bytes.Equal(m.Payload, want) {
			t.Errorf("%d bytes of hashes, not the leaves", len(m.Payload))
		}
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d large buffers", n)
		}
	})
}

func TestBrokenFilesAreReportedAndNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 1<<20)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		gone := errors.New("gone")
		r.object.Content.Store(&Content{Hash: s.info.Hash, Layout: s.layout, Files: broken{gone}})
		p := r.client(w, s, anyName(s))
		p.send(wire.AppendRequest(nil, 0, 0, 16<<10))
		if err := <-r.failed; err != gone {
			t.Error(err)
		}
		for {
			m, _, err := p.next()
			if err != nil {
				break
			}
			if m.Type == wire.Piece {
				t.Error("served all the same")
			}
		}
	})
}

type broken struct{ err error }

func (b broken) ReadAt([]byte, int, int64) error { return b.err }

// A write that is cut by its deadline goes on where it was, however the system splits it, and is enciphered once.
func TestFlushGoesOnAfterADeadline(t *testing.T) {
	for _, m := range []mse.Methods{mse.Plaintext, mse.RC4} {
		synctest.Test(t, func(t *testing.T) {
			out, in := agreed(t, m)
			a, b := pair(t)
			c := &connection{sh: New(Config{Now: time.Now}), conn: line.Enciphered(a, out), o: &Object{Swarm: nobodys()}}
			reader := line.Enciphered(b, in)
			want := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
			go func() {
				var v net.Buffers
				for rest := bytes.Clone(want); len(rest) > 0; {
					n := min(len(rest), 12_345)
					v = append(v, rest[:n])
					rest = rest[n:]
				}
				if err := c.flush(v); err != nil {
					t.Error(err)
				}
				a.Close()
			}()
			var got []byte
			for {
				time.Sleep(writePatience / 2)
				p := make([]byte, 24<<10)
				n, err := reader.Read(p)
				got = append(got, p[:n]...)
				if err != nil {
					break
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d of %d bytes, or others", len(got), len(want))
			}
		})
	}
}

// nobodys is a swarm that nobody has joined.
func nobodys() *swarm.Swarm {
	return swarm.New(time.Now(), swarm.Config{Rand: rand.New(rand.NewPCG(1, 1)), Wake: func() {}})
}

// pair is both ends of a connection.
func pair(t *testing.T) (dialled, accepted net.Conn) {
	t.Helper()
	w := netxtest.NewWorld(1)
	at := netip.MustParseAddrPort("10.0.0.1:9000")
	l, err := w.Host("10.0.0.1").ListenTCP(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialled, err = w.Host("10.0.0.2").DialTCP(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		dialled.Close()
		accepted.Close()
	})
	return dialled, accepted
}
