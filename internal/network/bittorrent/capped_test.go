package bittorrent

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// Payload goes both ways at once between nodes with one large buffer each, plainly and enciphered, in blocks and in runs, to
// memory and to the disk: who gets no buffer is served all the same, and no more than one is ever leased.
func TestOneBufferForAll(t *testing.T) {
	for _, c := range []struct {
		how  string
		by   mse.Policy
		node byte
		runs bool
	}{{"plain", mse.Off, 0, false}, {"RC4", mse.Require, 0, true}, {"TLS", mse.Prefer, 1, false}, {"runs", mse.Off, 0, true}} {
		t.Run(c.how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 256<<10, 3<<20+7)
				w := netxtest.NewWorld(1)
				opt := func(node byte) options {
					o := options{encryption: c.by, runs: c.runs, buffers: line.BufferSize}
					if c.node > 0 {
						o.node = node
					}
					return o
				}
				first := opt(1)
				first.has = true
				seed := newRig(t, w, "10.0.0.1", s, first)
				var rigs []*rig
				for i := range byte(4) {
					o := opt(2 + i)
					if i == 3 {
						o.budget = 100_000 // spills
					}
					rigs = append(rigs, newRig(t, w, fmt.Sprintf("10.0.0.%d", 2+i), s, o))
				}
				for i, r := range rigs {
					r.object.Swarm.Found(swarm.FromUser, seed.addr)
					r.object.Swarm.Found(swarm.FromUser, rigs[(i+1)%len(rigs)].addr)
				}
				for _, r := range rigs {
					r.fetched(s)
				}
				time.Sleep(2 * lull)
				for _, r := range append(rigs, seed) {
					if n := r.shell.buffers.Leased(); n != 0 {
						t.Errorf("%d buffers are leased when nothing flows", n)
					}
				}
			})
		})
	}
}

// Peers that ask for much and take nothing hold all large buffers there are. Another is served meanwhile.
func TestGreedyPeersHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 256<<10, 3<<20)
		w := netxtest.NewWorld(1)
		const most = 2
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, buffers: most * line.BufferSize})
		for i := range 6 {
			p := seed.connect(w.Host(fmt.Sprintf("10.1.0.%d", i+1)))
			p.greet(anyName(s), fmt.Sprint("greedy", i))
			p.send(wire.AppendInterested(nil))
			p.until(wire.Unchoke)
			var b []byte
			for k := range 100 {
				b = wire.AppendRequest(b, uint32(k%12), 0, 128<<10)
			}
			p.send(b)
		}
		synctest.Wait()
		if n := seed.shell.buffers.Leased(); n != most {
			t.Errorf("%d buffers are leased of %d", n, most)
		}
		begun := time.Now()
		r := newRig(t, w, "10.0.0.2", s, options{})
		r.object.Swarm.Found(swarm.FromUser, seed.addr)
		r.fetched(s)
		if took := time.Since(begun); took > writePatience/2 {
			t.Errorf("it had to wait for them: %v", took)
		}
	})
}

// A message for which there is no buffer is waited for, and who sends half of a long one and no more is sent away.
func TestLongMessagesWaitTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{magnet: true, buffers: line.BufferSize})
		long := frame(20_000, append([]byte{20}, make([]byte, 19_999)...)...)
		holds := r.connect(w.Host("10.0.0.2"))
		holds.greet(anyName(s), "holds", wire.FeatureExtended)
		holds.send(long[:10_000])
		synctest.Wait()
		waits := r.connect(w.Host("10.0.0.3"))
		waits.greet(anyName(s), "waits", wire.FeatureExtended)
		waits.send(long)
		synctest.Wait()
		if n := len(r.peers()); n != 2 || r.shell.buffers.Leased() != 1 {
			t.Errorf("%d peers, %d buffers", n, r.shell.buffers.Leased())
		}
		if took := holds.hangup(); took > payloadPatience+time.Second {
			t.Errorf("held for %v", took)
		}
		synctest.Wait()
		if n := r.shell.buffers.Leased(); n != 0 {
			t.Errorf("%d buffers when the other's turn is over", n)
		}
	})
}

// TestSlowReadersAndLongMessages: those who take next to nothing hold all large buffers but the reserve. Who needs one for a
// message gets it at once, and the slow ones must be worth theirs.
func TestSlowReadersAndLongMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v2", 1<<20, 3<<20)
		w := netxtest.NewWorld(1)
		const most, reserve = 16, 2
		seed := newRig(t, w, "10.0.0.1", s, options{has: true, buffers: most * line.BufferSize})
		var slow sync.WaitGroup
		for i := range most {
			p := seed.connect(w.Host(fmt.Sprintf("10.1.0.%d", i+1)))
			p.greet(anyName(s), fmt.Sprint("slow", i), wire.FeatureV2)
			p.send(wire.AppendInterested(nil))
			p.until(wire.Unchoke)
			var b []byte
			for k := range uint32(24) {
				b = wire.AppendRequest(b, k%3, k/3*(128<<10), 128<<10)
			}
			p.send(b)
			slow.Go(func() {
				for {
					time.Sleep(time.Second)
					if _, err := p.Read(make([]byte, 1<<10)); err != nil {
						return
					}
				}
			})
		}
		time.Sleep(2 * time.Second)
		if n := seed.shell.buffers.Leased(); n != most-reserve {
			t.Errorf("the slow ones hold %d buffers", n)
		}
		begun := time.Now()
		p := seed.client(w, s, anyName(s), wire.FeatureV2)
		long := frame(10_001, append([]byte{99}, make([]byte, 10_000)...)...)
		p.send(wire.AppendHashRequest(long, wire.HashRequest{Root: s.info.Files[0].Root, Length: 64}))
		p.until(wire.Hashes)
		if took := time.Since(begun); took > time.Second {
			t.Errorf("a long message, and hashes, took %v", took)
		}
		time.Sleep(4 * writePatience)
		if seed.shell.buffers.Scarce() {
			t.Errorf("the slow ones still hold %d buffers", seed.shell.buffers.Leased())
		}
		seed.end()
		slow.Wait()
	})
}

// TestScarceBuffersAreGivenBackSoon: who falls silent holds his large buffer for a lull, and for a short one while few are left.
func TestScarceBuffersAreGivenBackSoon(t *testing.T) {
	for most, held := range map[int64]int{1: 0, 2: 1} {
		synctest.Test(t, func(t *testing.T) {
			s := makeSample(t, "v1", 64<<10, 512<<10)
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{buffers: most * line.BufferSize})
			p := r.connect(w.Host("10.0.0.2"))
			p.greet(anyName(s), "pauses")
			p.seed(s)
			p.send(p.asked(s, 1))
			synctest.Wait()
			if n := r.shell.buffers.Leased(); n != 1 {
				t.Errorf("of %d: %d are leased while payload flows", most, n)
			}
			time.Sleep(2 * shortLull)
			synctest.Wait()
			if n := r.shell.buffers.Leased(); n != held {
				t.Errorf("of %d: %d are leased soon after", most, n)
			}
			p.alive()
		})
	}
}
