package bittorrent

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
)

// TestMeet: whom a relay names is dialled over uTP alone.
func TestMeet(t *testing.T) {
	for name, there := range map[string]bool{"there": true, "nobody": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := makeSample(t, "v1", 16<<10, 100_000)
				w := netxtest.NewWorld(1)
				seed := newRig(t, w, "10.0.0.1", s, options{has: true, encryption: mse.Prefer})
				u := &utpTo{host: w.Host("10.0.0.3")}
				if there {
					u.to = seed.addr
				}
				r := newRig(t, w, "10.0.0.2", s, options{encryption: mse.Prefer, utp: u})
				r.shell.Meet(r.life, r.object, netip.MustParseAddrPort("203.0.113.9:9000"), 0)
				if there {
					r.fetched(s)
				} else {
					time.Sleep(time.Second) // virtual
				}
				if n := len(r.host.Dials()); n != 0 {
					t.Errorf("%d dials over TCP", n)
				}
				if n := u.dials.Load(); n != 1 {
					t.Errorf("%d dials over uTP", n)
				}
			})
		})
	}
}
