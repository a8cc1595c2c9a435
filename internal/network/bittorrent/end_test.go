package bittorrent

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// The end waits for no connection, however far its beginning has come.
func TestEndInTheMiddleOfABeginning(t *testing.T) {
	const step = 250 * time.Millisecond // less than any part of a beginning takes
	hello := tlsHello(t)
	for _, c := range []struct {
		name  string
		last  time.Duration // by then it is over, or has long stalled
		begin func(t *testing.T, w *netxtest.World, r, other *rig)
	}{
		{"race", 9 * time.Second, func(t *testing.T, w *netxtest.World, r, other *rig) {
			w.SetLink(r.host, other.host, netxtest.Link{Delay: 1500 * time.Millisecond})
			r.object.Swarm.Found(swarm.FromUser, other.addr)
		}},
		{"TLS with a known key", 2 * time.Second, func(t *testing.T, w *netxtest.World, r, other *rig) {
			r.object.Swarm.FoundNode(swarm.FromUser, nodeOf(t, 1).Key(), other.addr)
		}},
		{"MSE, and then TLS beside it", 5 * time.Second, func(t *testing.T, w *netxtest.World, r, other *rig) {
			r.object.Swarm.Found(swarm.FromUser, other.addr)
		}},
		{"TLS by others", 2 * time.Second, func(t *testing.T, w *netxtest.World, r, other *rig) {
			other.object.Swarm.FoundNode(swarm.FromUser, nodeOf(t, 2).Key(), r.addr)
		}},
		{"TLS that stalls", step, func(t *testing.T, w *netxtest.World, r, other *rig) {
			from := w.Host("10.1.0.1")
			for i := range 20 {
				r.connect(from).send(hello[:len(hello)-i%2]) // some wait for our answer to be read, some for the rest of their word
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for after := time.Duration(0); after <= c.last; after += step {
				synctest.Test(t, func(t *testing.T) {
					s := makeSample(t, "v1", 16<<10, 100_000)
					w := netxtest.NewWorld(1)
					w.SetLink(nil, nil, netxtest.Link{Delay: 150 * time.Millisecond})
					other := newRig(t, w, "10.0.0.1", s, options{has: true, node: 1})
					r := newRig(t, w, "10.0.0.2", s, options{node: 2, utp: &utpTo{host: w.Host("10.0.0.3"), to: other.addr}})
					c.begin(t, w, r, other)
					time.Sleep(after)
					begun := time.Now()
					r.stop()
					if took := time.Since(begun); took > 0 {
						t.Errorf("%v after the beginning it takes %v", after, took)
					}
				})
			}
		})
	}
}
