package bittorrent

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

func TestPromise4_8_APanicEndsOneConnectionOnly(t *testing.T) {
	s := makeSample(t, "v1", 16<<10, 100_000)
	t.Run("in the handshake", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{has: true})
			good := r.client(w, s, anyName(s))
			r.find = func(h [20]byte) *Object {
				if h == anyName(s) {
					return r.object
				}
				panic("a mistake of ours")
			}
			for range 2 * maxWaiting {
				bad := r.connect(w.Host("10.0.0.3"))
				bad.send(wire.AppendHandshake(nil, wire.Handshake{InfoHash: [20]byte{1}}))
				bad.hangup()
			}
			if n := r.panics.Load(); n != 2*maxWaiting {
				t.Errorf("%d panics told", n)
			}
			good.send(wire.AppendRequest(nil, 0, 0, 100))
			good.until(wire.Piece)
			r.connect(w.Host("10.0.0.4")).greet(anyName(s), "later")
		})
	})
	t.Run("in the writer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{has: true})
			good := r.client(w, s, anyName(s))
			bad := r.connect(w.Host("10.0.0.3"))
			bad.greet(anyName(s), "bad")
			bad.send(wire.AppendInterested(nil))
			bad.until(wire.Unchoke)
			r.files.broken = func() { panic("a mistake of ours") }
			bad.send(wire.AppendRequest(nil, 0, 0, 100))
			bad.hangup()
			synctest.Wait()
			r.files.broken = nil
			if r.panics.Load() != 1 || len(r.peers()) != 1 {
				t.Errorf("%d panics, %d peers", r.panics.Load(), len(r.peers()))
			}
			good.send(wire.AppendRequest(nil, 0, 0, 100))
			good.until(wire.Piece)
		})
	})
	t.Run("in the reader", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{})
			bad, good := r.connect(w.Host("10.0.0.3")), r.connect(w.Host("10.0.0.4"))
			bad.greet(anyName(s), "bad")
			bad.seed(s)
			b := bad.asked(s, 1)
			was := r.object.Content.Load()
			r.object.Content.Store(&Content{Hash: was.Hash, Intake: was.Intake}) // without a layout
			bad.Write(b)
			bad.hangup()
			synctest.Wait()
			r.object.Content.Store(was)
			if r.panics.Load() != 1 {
				t.Errorf("%d panics", r.panics.Load())
			}
			good.greet(anyName(s), "good")
			good.seed(s)
			good.send(good.asked(s, 7))
			r.fetched(s)
		})
	})
}

// hostile is what a connection without good intentions does. It returns when it is sent away or knows no more.
func hostile(p *peer, rng *rand.Rand, name [20]byte) {
	junk := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	h := wire.Handshake{Reserved: wire.MakeReserved(wire.FeatureFast, wire.FeatureExtended, wire.FeatureV2), InfoHash: name}
	copy(h.PeerID[:], junk(20))
	greeting := wire.AppendHandshake(nil, h)
	kind := rng.IntN(10)
	switch kind {
	case 0: // noise
		p.Write(junk(1 + rng.IntN(100_000)))
		return
	case 1: // half a handshake
		p.Write(greeting[:rng.IntN(len(greeting))])
		return
	}
	if _, err := p.Write(greeting); err != nil {
		return
	}
	flood := func(b []byte, times int) {
		for range times {
			if _, err := p.Write(b); err != nil {
				return
			}
		}
	}
	switch kind {
	case 2: // noise behind a handshake
		flood(junk(50_000), 1)
	case 3: // a bitfield of the greatest length, never sent
		flood(frame(1+wire.MaxBitfield, 5), 1)
	case 4: // or sent
		flood(wire.AppendBitfield(nil, make([]byte, wire.MaxBitfield)), 1)
	case 5: // a long message that fills all but its last byte
		flood(append(frame(60_000, 20), make([]byte, 59_998)...), 1)
	case 6: // metadata asked for again and again, and never read
		flood(wire.AppendExtHandshake(nil, wire.ExtHandshake{M: map[string]uint8{"ut_metadata": 1}}), 1)
		flood(wire.AppendMetadata(nil, 1, wire.MetadataMessage{Kind: wire.MetadataRequest}), 20_000)
	case 7: // requests without number, and no reading
		flood(wire.AppendInterested(nil), 1)
		flood(wire.AppendRequest(nil, 0, 0, 16<<10), 20_000)
	case 8: // blocks that nobody asked for
		flood(append(wire.AppendPieceHeader(nil, 0, 0, 16<<10), junk(16<<10)...), 100)
	case 9: // the smallest messages there are, behind something that makes buffers large
		flood(append(wire.AppendPieceHeader(nil, 0, 0, 100), make([]byte, 100)...), 1)
		flood(make([]byte, 100_000), 20)
	}
}

func TestPromise4_4_HostileConnectionsTakeLittleAndKeepNobodyFromFinishing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 64<<10, 2<<20)
		w := netxtest.NewWorld(1)
		seed := newRig(t, w, "10.0.0.1", s, options{has: true})
		r := newRig(t, w, "10.0.0.2", s, options{})
		before := heap()
		rng := rand.New(rand.NewPCG(3, 4))
		var most uint64
		for i := range 500 {
			target := seed
			if i%2 == 1 {
				target = r
			}
			conn, err := w.Host("10.1.0."+string(rune('1'+i%9))).DialTCP(t.Context(), target.addr)
			if err != nil {
				continue // the backlog is full
			}
			t.Cleanup(func() { conn.Close() })
			own := rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64()))
			go hostile(&peer{Conn: conn, t: t}, own, anyName(s))
			if i%10 == 9 {
				synctest.Wait()
			}
			if i%50 == 49 {
				most = max(most, heap()-before)
			}
			if i == 250 {
				r.object.Swarm.Found(swarm.FromUser, seed.addr)
			}
		}
		r.fetched(s)
		most = max(most, heap()-before)
		// The test's own network keeps up to 512 KiB of every connection, as the system would.
		t.Logf("%d MiB more at most", most>>20)
		if most > 200<<20 {
			t.Errorf("the hostile take %d MiB", most>>20)
		}
		if n := r.panics.Load() + seed.panics.Load(); n != 0 {
			t.Errorf("%d panics", n)
		}
	})
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// What a peer that does not read may have us keep for it is bounded, whatever it asks.
func TestPromise4_4_AnswersToWhoDoesNotReadAreBounded(t *testing.T) {
	s := makeSample(t, "hybrid", 16<<10, 1<<20)
	root := s.info.Files[0].Root
	for name, ask := range map[string][]byte{
		"metadata": wire.AppendMetadata(nil, 1, wire.MetadataMessage{Kind: wire.MetadataRequest}),
		"hashes":   wire.AppendHashRequest(nil, wire.HashRequest{Root: root, BaseLayer: 0, Length: 64}),
		"layers":   wire.AppendHashRequest(nil, wire.HashRequest{Root: root, BaseLayer: 0, Index: 0, Length: 32, ProofLayers: 1}),
		"refusals": wire.AppendRequest(nil, 0, 1, 16<<10),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{has: true})
				p := r.connect(w.Host("10.0.0.2"))
				p.greet(v2Name(s), "deaf", wire.FeatureFast, wire.FeatureExtended, wire.FeatureV2)
				p.send(wire.AppendExtHandshake(nil, wire.ExtHandshake{M: map[string]uint8{"ut_metadata": 1}}))
				synctest.Wait()
				before := heap()
				go func() {
					for range 100_000 {
						if _, err := p.Write(ask); err != nil {
							return
						}
					}
				}()
				synctest.Wait()
				if grown := int64(heap()) - int64(before); grown > 16<<20 {
					t.Errorf("%d MiB are kept for it", grown>>20)
				}
			})
		})
	}
}

func TestContextEndsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 64<<10, 1<<20)
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Delay: 20 * time.Millisecond, Bandwidth: 100 << 10})
		seed := newRig(t, w, "10.0.0.1", s, options{has: true})
		r := newRig(t, w, "10.0.0.2", s, options{down: 50 << 10})
		r.object.Swarm.Found(swarm.FromUser, seed.addr)
		silent := r.connect(w.Host("10.0.0.3"))
		time.Sleep(2 * time.Second)
		begun := time.Now()
		r.stop()
		if took := time.Since(begun); took > 0 {
			t.Errorf("took %v", took)
		}
		silent.hangup()
		if n := len(r.peers()); n != 0 {
			t.Errorf("%d peers left", n)
		}
	})
}

func TestCloseOfAnObjectEndsItsConnectionsAndNoOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, other := makeSample(t, "v1", 64<<10, 1<<20), makeSample(t, "v1", 16<<10, 5, 6)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{has: true})
		second := &Object{Hash: other.info.Hash, Swarm: r.object.Swarm, Failed: r.object.Failed, Up: r.object.Up, Down: r.object.Down}
		second.Content.Store(r.object.Content.Load())
		r.find = func(h [20]byte) *Object {
			if h == anyName(other) {
				return second
			}
			return r.object
		}
		a, b := r.connect(w.Host("10.0.0.2")), r.connect(w.Host("10.0.0.3"))
		a.greet(anyName(s), "a")
		b.greet(anyName(other), "b")
		synctest.Wait()
		r.object.Close()
		if n := len(r.peers()); n != 1 {
			t.Errorf("%d peers left", n)
		}
		a.hangup()
		b.alive()
		late := r.connect(w.Host("10.0.0.4"))
		late.greet(anyName(s), "late")
		if took := late.hangup(); took != 0 {
			t.Errorf("who came too late was kept for %v", took)
		}
		second.Close()
		b.hangup()
		second.Close()
	})
}

// An object that is taken away in the middle leaves nothing behind that writes to its files.
func TestCloseInTheMiddleOfATransfer(t *testing.T) {
	for after := range 20 {
		synctest.Test(t, func(t *testing.T) {
			s := makeSample(t, "v1", 64<<10, 4<<20)
			w := netxtest.NewWorld(uint64(after))
			w.SetLink(nil, nil, netxtest.Link{Delay: time.Millisecond, Bandwidth: 4 << 20})
			seed := newRig(t, w, "10.0.0.1", s, options{has: true})
			r := newRig(t, w, "10.0.0.2", s, options{})
			r.object.Swarm.Found(swarm.FromUser, seed.addr)
			time.Sleep(time.Duration(after) * 17 * time.Millisecond)
			r.object.Close()
			if n := len(r.peers()); n != 0 {
				t.Errorf("%d peers left", n)
			}
		})
	}
}

// The whole way, in all formats, from a magnet link.
func TestFromMagnetToDone(t *testing.T) {
	for _, format := range []string{"v1", "v2", "hybrid"} {
		synctest.Test(t, func(t *testing.T) {
			s := makeSample(t, format, 32<<10, 500_000, 0, 1, 32<<10, 100_000)
			w := netxtest.NewWorld(1)
			w.SetLink(nil, nil, netxtest.Link{Delay: 10 * time.Millisecond})
			seed := newRig(t, w, "10.0.0.1", s, options{has: true})
			r := newRig(t, w, "10.0.0.2", s, options{magnet: true})
			r.object.Swarm.Found(swarm.FromUser, seed.addr)
			begun := time.Now()
			r.fetched(s)
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("%s took %v", format, took)
			}
		})
	}
}

// Two who fetch from one that has all, and from each other.
func TestPeersGiveToEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "hybrid", 64<<10, 2<<20)
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Delay: 10 * time.Millisecond, Bandwidth: 1 << 20})
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, up: 512 << 10})
		a := newRig(t, w, "10.0.0.2", s, options{})
		b := newRig(t, w, "10.0.0.3", s, options{})
		a.object.Swarm.Found(swarm.FromUser, seed.addr, b.addr)
		b.object.Swarm.Found(swarm.FromUser, seed.addr)
		a.fetched(s)
		b.fetched(s)
		if up := seed.object.Swarm.Snapshot(time.Now()).UpBytes; up > 7<<19 {
			t.Errorf("the seeder gave %d bytes of %d to two", up, 2<<20)
		}
	})
}
