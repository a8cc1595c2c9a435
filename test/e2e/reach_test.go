package e2e

import (
	"regexp"
	"syscall"
	"testing"
	"time"

	"github.com/potluck-p2p/potluck/test/netns"
	"github.com/potluck-p2p/potluck/test/peers"
)

// neighbours is how many nodes are in the DHT of the test before anybody shares.
const neighbours = 6

// TestShareTellsWhetherOthersFindIt: in a DHT of nothing but potlucks, share says that others find what it shares, and they do;
// with nobody in the DHT it says why not.
func TestShareTellsWhetherOthersFindIt(t *testing.T) {
	t.Parallel()
	netns.Need(t)
	hosts := 0
	public := func(dht string) *node {
		hosts++
		n := newNode(t)
		n.addr, n.online, n.dht = peers.At(netns.Public(hosts)), true, dht
		return n
	}
	nobody := peers.At(netns.Public(netns.Publics)).String()
	door := public(nobody)
	nodes := []*node{door}
	for range neighbours - 1 {
		nodes = append(nodes, public(door.addr.String()))
	}
	for _, n := range nodes {
		n.start(t, "up", "--api", "127.0.0.1:0").waitFor(t, "potluck to be up", func(l line) bool { return l.Type == "status" })
	}
	for _, n := range nodes {
		peers.Wait(t, time.Minute, "a node to be in the DHT", func() (bool, any) {
			dht := n.ok(t, "status")[0].DHT
			in := dht != nil && len(dht.Nodes) == 1 && dht.Nodes[0].State == "joined" && dht.Nodes[0].Known >= neighbours/2
			if in && len(dht.Nodes[0].ID) != 40 {
				t.Errorf("%+v", dht)
			}
			return in, dht
		})
	}
	content := func(name string, seed uint64) string { return peers.WriteFile(t, t.TempDir()+"/"+name, seed, 100_000) }

	// Who finds nobody is patient before it says so.
	alone, aloneShared := public(nobody).share(t, []string{content("alone", 4)})

	t.Run("found", func(t *testing.T) {
		path := content("found", 1)
		sharer := public(door.addr.String())
		c, shared := sharer.share(t, []string{path})
		r := c.waitFor(t, "the reach", func(l line) bool { return l.Type == "reach" && l.Found })
		if r.ID != shared[0].ID || r.Network != "dht" || r.Address != sharer.addr.String() || r.Seconds <= 0 || r.Nodes < 2 || r.Why != "" {
			t.Errorf("%+v", r)
		}
		if ls := sharer.ok(t, "ls"); len(ls) != 1 || ls[0].Reach == nil || !ls[0].Reach.Found || ls[0].Reach.Address != sharer.addr.String() {
			t.Errorf("%+v", ls)
		}
		if info := sharer.ok(t, "info", shared[0].ID)[0]; info.Reach == nil || !info.Reach.Found {
			t.Errorf("%+v", info)
		}
		dir, _ := public(door.addr.String()).get(t, bare(shared[0].InfoHashV1))
		peers.Same(t, path, dir+"/found")
	})
	t.Run("for people", func(t *testing.T) {
		sharer := public(door.addr.String())
		c := sharer.startPlain(t, "share", content("people", 2))
		said := regexp.MustCompile(`(?m)^DHT: found by other nodes in \d+\.\d s$`)
		peers.Wait(t, time.Minute, "the reach to be told", func() (bool, any) { return said.MatchString(c.said(4000)), c.said(500) })
		c.Signal(syscall.SIGINT)
		c.wait(t, time.Minute)
		if c.ExitCode() != 0 || len(c.odd) != 1 || !regexp.MustCompile(`^magnet:\?`).MatchString(c.odd[0]) {
			t.Errorf("exit %d, said %q", c.ExitCode(), c.odd)
		}
	})
	t.Run("by a running node", func(t *testing.T) {
		n := nodes[1]
		shared := n.ok(t, "share", content("running", 3)) // it does not wait
		if len(shared) != 1 {
			t.Errorf("%+v", shared)
		}
		peers.Wait(t, time.Minute, "the reach in the list", func() (bool, any) {
			ls := n.ok(t, "ls")
			return ls[0].Reach != nil && ls[0].Reach.Found, ls
		})
	})
	t.Run("alone", func(t *testing.T) {
		r := alone.waitFor(t, "the reach", func(l line) bool { return l.Type == "reach" })
		if r.ID != aloneShared[0].ID || r.Found || r.Code != "dht-silent" || r.Why == "" || r.Hint == "" || r.Address != "" {
			t.Errorf("%+v", r)
		}
	})
}
