package utp

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestFifo compares it with a slice, over some chunks.
func TestFifo(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	q := fifo{account: new(account)}
	var want []byte
	for range 300 {
		p := make([]byte, rng.IntN(100_000))
		for i := range p {
			p[i] = byte(rng.Uint32())
		}
		switch rng.IntN(3) {
		case 0:
			if len(want) < 1<<20 {
				q.write(p)
				want = append(want, p...)
			}
		case 1:
			n := q.read(p)
			if !bytes.Equal(p[:n], want[:n]) || n != min(len(p), len(want)) {
				t.Fatal("read something else")
			}
			want = want[n:]
		case 2:
			if len(want) > 0 {
				off := rng.IntN(len(want))
				p = p[:min(len(p), len(want)-off)]
				q.copyAt(p, q.start+uint64(off))
				if !bytes.Equal(p, want[off:off+len(p)]) {
					t.Fatal("copied something else")
				}
			}
		}
		if q.len() != len(want) || len(q.held) > len(want)/chunkSize+2 || len(want) == 0 && len(q.held) > 0 {
			t.Fatalf("%d bytes of %d in %d chunks", q.len(), len(want), len(q.held))
		}
	}
}
