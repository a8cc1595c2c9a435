package dht_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/netxtest"
	core "github.com/potluck-p2p/potluck/internal/protocol/dht"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

const port = 6881

// town is a DHT of runners in one world.
type town struct {
	t     *testing.T
	world *netxtest.World
	ctx   context.Context
	nodes []*inhabitant
}

// inhabitant is a runner and what it has found.
type inhabitant struct {
	*dht.Runner
	addr netip.AddrPort
	stop context.CancelFunc
	gone chan struct{}

	mu    sync.Mutex
	cond  *sync.Cond
	found map[[20]byte][]netip.AddrPort
	taken []int // by as many nodes each announce was taken
}

// inTown runs a test in a bubble, and waits for all runners at its end.
func inTown(t *testing.T, test func(*town)) {
	synctest.Test(t, func(t *testing.T) {
		w := netxtest.NewWorld(1)
		w.SetLink(nil, nil, netxtest.Link{Delay: 20 * time.Millisecond})
		ctx, cancel := context.WithCancel(t.Context())
		tn := &town{t: t, world: w, ctx: ctx}
		test(tn)
		cancel()
		for _, n := range tn.nodes {
			<-n.gone
		}
	})
}

func address(i int) string { return fmt.Sprintf("%d.%d.%d.1", 20+i%7, i, 3*i%256) }

// enter adds a runner at the i-th address.
func (tn *town) enter(i int, change func(*dht.Config)) *inhabitant {
	tn.t.Helper()
	a := netip.AddrPortFrom(netip.MustParseAddr(address(i)), port)
	host := tn.world.Host(a.Addr().String())
	conn, err := host.ListenUDP(tn.ctx, a)
	if err != nil {
		tn.t.Fatal(err)
	}
	n := &inhabitant{addr: a, gone: make(chan struct{}), found: make(map[[20]byte][]netip.AddrPort)}
	n.cond = sync.NewCond(&n.mu)
	cfg := dht.Config{
		Sockets: []netx.PacketConn{conn}, Network: host, Port: func() uint16 { return port }, Seed: [32]byte{byte(i), byte(i >> 8)}, Log: slog.New(slog.DiscardHandler),
		Found: n.heard, Announced: n.over, Panicked: func(p any) { tn.t.Error("panic:", p) },
	}
	change(&cfg)
	n.Runner = dht.New(cfg)
	ctx, stop := context.WithCancel(tn.ctx)
	n.stop = stop
	go func() {
		defer close(n.gone)
		n.Run(ctx)
	}()
	tn.nodes = append(tn.nodes, n)
	return n
}

// leave ends a runner.
func (n *inhabitant) leave() {
	n.stop()
	<-n.gone
}

func (n *inhabitant) heard(hash [20]byte, peers []netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.found[hash] = append(n.found[hash], peers...)
	n.cond.Broadcast()
}

func (n *inhabitant) over(_ [20]byte, taken int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.taken = append(n.taken, taken)
}

func (n *inhabitant) announces() []int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.taken)
}

// await waits until a peer is found.
func (n *inhabitant) await(hash [20]byte, peer netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for !slices.Contains(n.found[hash], peer) {
		n.cond.Wait()
	}
}

func (n *inhabitant) state() core.SideStats { return n.Stats()[0].Sides[0] }

// settle lets virtual time pass.
func settle(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// people makes count runners that know the first one as a router.
func (tn *town) people(count int) {
	tn.world.Name("router.example", address(0))
	for i := range count {
		tn.enter(i, func(c *dht.Config) {
			if i > 0 {
				c.Routers = []string{fmt.Sprintf("router.example:%d", port)}
			}
		})
	}
	settle(time.Minute)
}

func object(hash byte, seed bool) []dht.Object {
	return []dht.Object{{Hashes: [][20]byte{{hash}}, Seed: seed}}
}

func TestAnnounceAndFind(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(20)
		sharer, getter := tn.nodes[3], tn.nodes[17]
		sharer.SetObjects(object(9, true))
		settle(10 * time.Second)
		getter.SetObjects(object(9, false))
		getter.await([20]byte{9}, sharer.addr)

		// Who comes later finds both, though the sharer has long announced again.
		settle(time.Hour)
		late := tn.enter(30, func(c *dht.Config) { c.Routers = []string{fmt.Sprintf("router.example:%d", port)} })
		late.SetObjects(object(9, false))
		late.await([20]byte{9}, sharer.addr)
		late.await([20]byte{9}, getter.addr)
	})
}

// When a router lets others in at another port, that one is announced at once.
func TestAnotherPort(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(20)
		var at atomic.Uint32
		at.Store(port)
		sharer := tn.enter(21, func(c *dht.Config) {
			c.Routers = []string{fmt.Sprintf("router.example:%d", port)}
			c.Port = func() uint16 { return uint16(at.Load()) }
		})
		settle(time.Minute)
		sharer.SetObjects(object(9, true))
		settle(10 * time.Second)
		at.Store(50881)
		sharer.Moved()
		settle(10 * time.Second)
		getter := tn.nodes[17]
		getter.SetObjects(object(9, false))
		getter.await([20]byte{9}, netip.AddrPortFrom(sharer.addr.Addr(), 50881))
	})
}

// Of more info-hashes than are looked up at a time the others wait, and the runner sleeps meanwhile: in the bubble no time would
// pass otherwise.
func TestManyObjects(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(12)
		var all []dht.Object
		for i := range byte(40) {
			all = append(all, object(i, true)...)
		}
		tn.nodes[2].SetObjects(all)
		settle(2 * time.Minute)
		taken := tn.nodes[2].announces()
		if len(taken) != len(all) || slices.Contains(taken, 0) {
			t.Errorf("%d of %d are announced: %v", len(taken), len(all), taken)
		}
	})
}

// An info-hash that was looked up in vain before we were in is looked up at once when we are.
func TestObjectsBeforeJoining(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(10)
		tn.nodes[1].SetObjects(object(7, true))
		settle(10 * time.Second)
		late := tn.enter(40, func(*dht.Config) {})
		late.SetObjects(object(7, false))
		settle(40 * time.Minute) // nobody is known; the look-ups back off
		began := time.Now()
		late.Contact(tn.nodes[5].addr)
		late.await([20]byte{7}, tn.nodes[1].addr)
		if took := time.Since(began); took > 10*time.Second {
			t.Error("found after", took)
		}
	})
}

// All routers are dead: the saved table is enough.
func TestSavedTable(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(15)
		n := tn.nodes[8]
		saved := n.Table()
		if len(saved) < 8 {
			t.Fatal("only", len(saved), "nodes in the table")
		}
		n.leave()
		tn.nodes[0].leave()
		tn.world.Name("router.example")
		again := tn.enter(50, func(c *dht.Config) {
			c.Saved, c.Routers = saved, []string{"router.example:6881", "not a router", "nowhere.example:1"}
		})
		settle(30 * time.Second)
		if st := again.state(); st.State != core.Joined || st.Good < 8 {
			t.Errorf("%+v", st)
		}
	})
}

// What a .torrent names is a way in, unless it leads to where a stranger must not have us go.
func TestIntroduced(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(10)
		tn.world.Name("friend.example", address(3))
		tn.world.Name("inside.example", "10.0.0.1")
		inside, err := tn.world.Host("10.0.0.1").ListenUDP(tn.ctx, netip.MustParseAddrPort("10.0.0.1:6881"))
		if err != nil {
			t.Fatal(err)
		}
		defer inside.Close()
		n := tn.enter(70, func(*dht.Config) {})
		n.Introduce(tn.ctx, []string{"10.0.0.1:6881", "inside.example:6881", address(2) + ":53", "nowhere.example:1", "no port", "\x1b[2J:1"})
		settle(time.Minute)
		if got := n.Stats()[0].Counts.Sent; got != 0 {
			t.Error("sent", got, "datagrams")
		}
		n.Introduce(tn.ctx, []string{fmt.Sprintf("friend.example:%d", port)})
		settle(time.Minute)
		if st := n.state(); st.State != core.Joined {
			t.Errorf("%+v", st)
		}
	})
}

func TestItems(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(12)
		_, owner, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		key := []byte(owner.Public().(ed25519.PublicKey))
		if _, err := tn.nodes[2].Get(tn.ctx, key, []byte("s")); !errors.Is(err, dht.ErrNotFound) {
			t.Error("nothing was put, and got", err)
		}
		for seq := range int64(3) {
			item, err := krpc.Sign(owner, []byte("s"), []byte("i7e"), seq)
			if err != nil {
				t.Fatal(err)
			}
			if taken, newer, err := tn.nodes[1].Put(tn.ctx, item); taken < 8 || newer != nil || err != nil {
				t.Error(taken, newer, err)
			}
			got, err := tn.nodes[2].Get(tn.ctx, key, []byte("s"))
			if err != nil || got.Seq != seq || string(got.Value) != "i7e" {
				t.Errorf("%+v, %v", got, err)
			}
		}
		old, _ := krpc.Sign(owner, []byte("s"), []byte("i8e"), 1)
		if _, newer, err := tn.nodes[3].Put(tn.ctx, old); newer == nil || newer.Seq != 2 || err != nil {
			t.Error("an older item:", newer, err)
		}
		forged := old
		forged.Value = []byte("i9e")
		if _, _, err := tn.nodes[3].Put(tn.ctx, forged); err == nil {
			t.Error("an item with a wrong signature was put")
		}
	})
}

func TestCheckTellsWhetherOthersFindUs(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(20)
		sharer := tn.nodes[4]
		before, err := sharer.Check(tn.ctx, [20]byte{5}, nil)
		if err != nil || before.Found || before.Nodes < 4 {
			t.Errorf("not announced: %+v, %v", before, err)
		}
		sharer.SetObjects(object(5, true))
		settle(10 * time.Second)
		after, err := sharer.Check(tn.ctx, [20]byte{5}, nil)
		if err != nil || !after.Found || after.As != sharer.addr || after.Took <= 0 || after.Took > 10*time.Second {
			t.Errorf("announced: %+v, %v", after, err)
		}
		if taken := sharer.announces(); len(taken) != 1 || taken[0] < 4 {
			t.Error("it was told of announces that were taken by", taken, "nodes")
		}
		alone := tn.enter(60, func(*dht.Config) {})
		alone.SetObjects(object(5, true))
		settle(10 * time.Second)
		if taken := alone.announces(); !slices.Equal(taken, []int{0}) {
			t.Error("nobody is there, and yet announces were taken by", taken, "nodes")
		}
		alone.SetObjects([]dht.Object{{Hashes: [][20]byte{{6}}, Unannounced: true}})
		settle(time.Minute)
		if taken := alone.announces(); len(taken) != 1 {
			t.Error("what was only looked up was announced:", taken)
		}
		if got, err := alone.Check(tn.ctx, [20]byte{5}, nil); err != nil || got.Found || got.Nodes != 0 {
			t.Errorf("alone: %+v, %v", got, err)
		}
	})
}

// As long as we do not know our own address, what has our port may be us, and no more is said.
func TestCheckDoesNotGuessWhoWeAre(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(2)
		sharer := tn.enter(30, func(c *dht.Config) {
			if err := c.Sockets[0].Close(); err != nil {
				t.Fatal(err)
			}
			conn, err := c.Network.ListenUDP(tn.ctx, netip.AddrPortFrom(netip.IPv4Unspecified(), port))
			if err != nil {
				t.Fatal(err)
			}
			c.Sockets, c.Routers = []netx.PacketConn{conn}, []string{fmt.Sprintf("router.example:%d", port)}
		})
		sharer.SetObjects(object(5, true))
		settle(time.Minute)
		if ext := sharer.state().External; ext.IsValid() {
			t.Fatal("two others are enough to know our address:", ext)
		}
		if got, err := sharer.Check(tn.ctx, [20]byte{5}, nil); err != nil || got.Found || got.Alike != sharer.addr || got.Peers != 1 {
			t.Errorf("%+v, %v", got, err)
		}
		if got, err := sharer.Check(tn.ctx, [20]byte{5}, []netip.AddrPort{sharer.addr}); err != nil || !got.Found || got.Alike.IsValid() {
			t.Errorf("told of our address: %+v, %v", got, err)
		}
		other := []netip.AddrPort{netip.MustParseAddrPort("99.1.1.1:6881")}
		if got, err := sharer.Check(tn.ctx, [20]byte{5}, other); err != nil || got.Found || got.Alike.IsValid() || got.Peers != 1 {
			t.Errorf("told of another address: %+v, %v", got, err)
		}
	})
}

// Whoever waits for something is let go when the runner ends, and when its own patience does.
func TestWaitingEnds(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(3)
		ctx, cancel := context.WithTimeout(tn.ctx, time.Millisecond)
		defer cancel()
		if _, err := tn.nodes[0].Get(ctx, make([]byte, 32), nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		over := make(chan error)
		go func() {
			_, err := tn.nodes[1].Get(tn.ctx, make([]byte, 32), nil)
			over <- err
		}()
		synctest.Wait()
		tn.nodes[1].leave()
		if err := <-over; err == nil {
			t.Error("it has ended, and yet found something")
		}
		if _, err := tn.nodes[1].Check(tn.ctx, [20]byte{}, nil); err == nil {
			t.Error("it has ended, and yet looked for something")
		}
	})
}

// A peer's word for where its node is makes us send one small datagram a second at most.
func TestGreetingsAreBounded(t *testing.T) {
	inTown(t, func(tn *town) {
		victim := tn.world.Host("99.1.1.1")
		conn, err := victim.ListenUDP(tn.ctx, netip.MustParseAddrPort("99.1.1.1:7000"))
		if err != nil {
			t.Fatal(err)
		}
		n := tn.enter(0, func(*dht.Config) {})
		for range 10000 {
			n.Greet(netip.MustParseAddrPort("99.1.1.1:7000"))
		}
		settle(30 * time.Second)
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		got := 0
		for buf := make([]byte, 2000); ; got++ {
			if _, _, err := conn.ReadFrom(buf); err != nil {
				break
			}
		}
		if got == 0 || got > 3 {
			t.Error("the victim got", got, "datagrams")
		}
		conn.Close()

		friend := tn.enter(1, func(*dht.Config) {})
		n.Greet(friend.addr)
		settle(time.Second)
		if st := n.state(); st.Nodes != 1 {
			t.Errorf("%+v", st)
		}
	})
}

// A panic in a turn costs that turn: the runner goes on, and looks up what is asked for later.
func TestPromise4_8_APanicCostsOneTurn(t *testing.T) {
	inTown(t, func(tn *town) {
		tn.people(8)
		tn.nodes[1].SetObjects(object(3, true))
		settle(10 * time.Second)
		panics := 0
		var heard func([20]byte, []netip.AddrPort)
		n := tn.enter(50, func(c *dht.Config) {
			c.Routers, heard = []string{fmt.Sprintf("router.example:%d", port)}, c.Found
			c.Panicked = func(any) { panics++ }
			c.Found = func(hash [20]byte, peers []netip.AddrPort) {
				if panics == 0 {
					panic("planted")
				}
				heard(hash, peers)
			}
		})
		n.SetObjects(object(3, false))
		settle(20 * time.Minute)
		n.SetObjects(object(3, true))
		n.await([20]byte{3}, tn.nodes[1].addr)
		if panics != 1 {
			t.Error(panics, "panics")
		}
	})
}
