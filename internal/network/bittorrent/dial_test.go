package bittorrent

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
	wire "github.com/potluck-p2p/potluck/internal/wire/peer"
)

// door is the only way out of a rig. While it is shut nothing goes out, and what was about to has failed.
type door struct {
	netx.Network
	mu   sync.Mutex
	shut context.Context // ends when it is shut
	end  context.CancelFunc
}

func newDoor() *door {
	d := &door{}
	d.open()
	return d
}

func (d *door) open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shut, d.end = context.WithCancel(context.Background())
}

func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end()
}

func (d *door) life() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.shut
}

func (d *door) Changed() <-chan struct{} { return nil }

func (d *door) Conditions() []netx.Condition {
	c := netx.Condition{Via: "wg0"}
	if d.life().Err() != nil {
		c.Problem = "is down"
	}
	return []netx.Condition{c}
}

func (d *door) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	life := d.life()
	defer context.AfterFunc(life, cancel)()
	conn, err := d.Network.DialTCP(ctx, remote)
	if life.Err() != nil {
		if err == nil {
			conn.Close()
		}
		return nil, netx.NoWay(d)
	}
	return conn, err
}

// TestNoWayOut: when our own way out closes, nobody whom we were dialling answers for that, however often it happens, and uTP is
// not tried instead.
func TestNoWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100_000)
		w := netxtest.NewWorld(1)
		u, d := &utpTo{host: w.Host("10.0.0.3")}, newDoor()
		r := newRig(t, w, "10.0.0.2", s, options{encryption: mse.Prefer, utp: u, door: d})
		there := netip.MustParseAddrPort("10.0.0.1:7000")
		r.object.Swarm.Found(swarm.FromDHT, there)
		time.Sleep(time.Second) // it is being dialled, and nobody answers
		d.close()
		time.Sleep(10 * time.Minute)
		if n := u.dials.Load(); n != 0 {
			t.Errorf("%d dials over uTP", n)
		}
		newRig(t, w, "10.0.0.1", s, options{has: true, encryption: mse.Prefer})
		d.open()
		begun := time.Now()
		r.fetched(s)
		if took := time.Since(begun); took > time.Minute {
			t.Errorf("it was dialled again after %v", took)
		}
	})
}

// TestNobodyIsAskedInVain: a relay is not asked for an address that our policy lets us dial in no way.
func TestNobodyIsAskedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := makeSample(t, "v1", 16<<10, 100_000)
		w := netxtest.NewWorld(1)
		u := &utpTo{host: w.Host("10.0.0.3")}
		r := newRig(t, w, "10.0.0.2", s, options{node: 1, encryption: mse.Prefer, utp: u})
		relay := r.connect(w.Host("10.0.0.4"))
		relay.greet(v1Name(s), "a relay", wire.FeatureExtended)
		synctest.Wait()
		r.shell.cfg.Encryption = mse.Authenticated // the relay is there already
		relay.send(wire.AppendExtHandshake(nil, wire.ExtHandshake{M: map[string]uint8{wire.ExtPEX: 1, wire.ExtHolepunch: 2}}))
		const ourPEX = 3
		target := netip.MustParseAddrPort("203.0.113.9:6881")
		relay.send(wire.AppendPEX(nil, ourPEX, wire.PEX{Added: []wire.PEXPeer{{Addr: target, Flags: wire.PEXHolepunch}}}))
		synctest.Wait()
		if !r.object.Swarm.CanMeet(target) {
			t.Fatal("the relay cannot be asked")
		}
		time.Sleep(90 * time.Second) // it is dialled more than once, as far as the swarm knows
		if !r.object.Swarm.CanMeet(target) {
			t.Error("the relay was asked")
		}
	})
}
