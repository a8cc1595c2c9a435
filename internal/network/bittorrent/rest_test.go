package bittorrent

import (
	"testing"
	"testing/synctest"

	"github.com/potluck-p2p/potluck/internal/network/bittorrent/line"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// A run of blocks comes as one message, cut anywhere: into memory and onto the disk, blocks that are wanted and one that is not.
func TestRunsCutAnywhere(t *testing.T) {
	for _, budget := range []int64{0, 1} {
		for _, cut := range []int{1, 13, 14, 5000, 16 << 10, 16<<10 + 13, 16<<10 + 14, 50_000, 100_000, 120_000} {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 128<<10, 128<<10-7)
				w := netxtest.NewWorld(1)
				r := newRig(t, w, "10.0.0.1", s, options{runs: true, budget: budget})
				p := r.connect(w.Host("10.0.0.2"))
				p.greet(anyName(s), "runs")
				p.seed(s)
				p.asked(s, 8)
				p.send(block(s, 0, 32<<10, 16<<10)) // in the run it will be of no use
				b := block(s, 0, 0, 128<<10-7)
				p.send(b[:cut])
				synctest.Wait()
				for rest := b[cut:]; len(rest) > 0; {
					n := min(len(rest), 30_000)
					p.send(rest[:n])
					rest = rest[n:]
					synctest.Wait()
				}
				r.fetched(s)
			})
		}
	}
}

// Who was not asked for runs may send none.
func TestRunsUnasked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 128<<10, 128<<10)
		w := netxtest.NewWorld(1)
		r := newRig(t, w, "10.0.0.1", s, options{})
		p := r.connect(w.Host("10.0.0.2"))
		p.greet(anyName(s), "runs")
		p.seed(s)
		p.asked(s, 1)
		p.send(wire.AppendPieceHeader(nil, 0, 0, 32<<10))
		p.hangup()
	})
}

// TestSpilledBlocksAreWrittenWhole: a block without a place in memory is one write, also where no large buffer is left.
func TestSpilledBlocksAreWrittenWhole(t *testing.T) {
	for _, cut := range []int{14, 5000, 16<<10 + 12} {
		synctest.Test(t, func(t *testing.T) {
			s := makeSample(t, "v1", 64<<10, 64<<10)
			w := netxtest.NewWorld(1)
			r := newRig(t, w, "10.0.0.1", s, options{budget: 1, buffers: line.BufferSize})
			buffer := r.shell.buffers.Lease()
			defer r.shell.buffers.GiveBack(buffer)
			p := r.connect(w.Host("10.0.0.2"))
			p.greet(anyName(s), "gives")
			p.seed(s)
			for range 4 {
				b := p.asked(s, 1)
				p.send(b[:cut])
				synctest.Wait()
				p.send(b[cut:])
			}
			r.fetched(s)
			if n := r.files.writes; n != 4 {
				t.Errorf("cut at %d: 4 blocks in %d writes", cut, n)
			}
		})
	}
}
