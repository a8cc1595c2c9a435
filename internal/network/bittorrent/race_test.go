package bittorrent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// Who is slow over TCP is dialled over uTP beside it, and who is not, is not. In the end there is one connection.
func TestRace(t *testing.T) {
	for _, tt := range []struct {
		name    string
		far     time.Duration // over TCP, one way
		overUTP int32         // dials
		within  time.Duration // until there is a connection
	}{
		{"TCP is there at once", 20 * time.Millisecond, 0, time.Second},
		{"TCP is slower than uTP that comes later", 2500 * time.Millisecond, 1, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 16<<10, 100_000)
				w := netxtest.NewWorld(1)
				seed := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: mse.Off})
				u := &utpTo{host: w.Host("10.0.0.3"), to: seed.addr}
				r := newRig(t, w, "10.0.0.2", s, options{encryption: mse.Off, utp: u})
				w.SetLink(r.host, seed.host, netxtest.Link{Delay: tt.far})
				start := time.Now()
				r.object.Swarm.Found(swarm.FromDHT, seed.addr)
				r.fetched(s)
				if took := time.Since(start); took > tt.within {
					t.Errorf("it took %v", took)
				}
				if n := u.dials.Load(); n != tt.overUTP {
					t.Errorf("%d dials over uTP, want %d", n, tt.overUTP)
				}
				time.Sleep(time.Minute) // what is late has come
				if n := len(seed.object.Swarm.Peers(time.Now())); n > 1 {
					t.Errorf("%d connections", n)
				}
			})
		})
	}
}
