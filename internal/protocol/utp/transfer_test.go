package utp_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/utp"
)

// TestTransfers moves bytes over all kinds of paths, with several seeds and both controllers, and checks that all arrive in order.
func TestTransfers(t *testing.T) {
	ms := time.Millisecond
	for name, l := range map[string]link{
		"perfect":        {delay: ms},
		"loss and delay": {delay: 50 * ms, loss: .05},
		"heavy loss":     {delay: 10 * ms, loss: .15},
		"reordered":      {delay: 20 * ms, jitter: 30 * ms},
		"duplicated":     {delay: 5 * ms, duplicate: .3},
		"narrow":         {delay: 20 * ms, mtu: 1000, noCut: true},
		"tiny queue":     {delay: 20 * ms, rate: 500_000, queue: 15 * ms},
		"all of it":      {delay: 30 * ms, jitter: 20 * ms, loss: .05, duplicate: .05, mtu: 1300, noCut: true, rate: 1_000_000, queue: 100 * ms},
	} {
		for seed := range uint64(3) {
			for _, control := range []utp.Control{utp.Background, utp.Scalable} {
				t.Run(fmt.Sprint(name, " ", control, " ", seed), func(t *testing.T) {
					t.Parallel()
					w := configured(t, seed, l, l, utp.Config{SynResends: 10}, utp.Path{Control: control})
					took := w.transfer(1<<20, 10*time.Minute)
					t.Logf("%.0f kB/s, %d packets, %d lost", float64(1<<20)/took.Seconds()/1000, w.a.out.sent, w.a.out.lost)
				})
			}
		}
	}
}

// BenchmarkControllers prints how fast the controllers are over paths of the Internet, in the time of the path.
func BenchmarkControllers(b *testing.B) {
	ms := time.Millisecond
	for _, l := range []struct {
		name string
		link link
	}{
		{"loss=5%/delay=100ms", link{delay: 50 * ms, loss: .05}},
		{"loss=1%/delay=100ms", link{delay: 50 * ms, loss: .01}},
		{"loss=0.1%/delay=20ms", link{delay: 10 * ms, loss: .001}},
		{"rate=1MB/delay=40ms/queue=400ms", link{delay: 20 * ms, rate: 1e6, queue: 400 * ms}},
		{"rate=10MB/delay=40ms/queue=50ms", link{delay: 20 * ms, rate: 1e7, queue: 50 * ms}},
	} {
		for _, control := range []utp.Control{utp.Background, utp.Scalable} {
			b.Run(fmt.Sprintf("%s/control=%d", l.name, control), func(b *testing.B) {
				const size = 8 << 20
				var took time.Duration
				n := uint64(0)
				for ; b.Loop(); n++ {
					w := configured(b, n, l.link, l.link, utp.Config{}, utp.Path{Control: control})
					took += w.transfer(size, time.Hour)
				}
				b.ReportMetric(float64(n)*size/1000/took.Seconds(), "kB/s")
			})
		}
	}
}
