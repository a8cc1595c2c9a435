package node

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// inTable switches the DHT on, with a way in.
func inTable(c *Config) {
	c.Offline, c.DHT, c.DHTRouters = false, true, []string{"router.example:7000"}
	c.Listen = []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:7000")}
}

// neighbours starts as many nodes that have nothing and make up a DHT; the first is the router.
func (h *house) neighbours(count int) (list []*Node) {
	h.world.Name("router.example", "20.0.0.1")
	for i := range count {
		list = append(list, h.fetcher(fmt.Sprintf("20.%d.0.1", i), inTable))
	}
	time.Sleep(time.Minute) // virtual
	return list
}

// By nothing but its info-hash an object is found, and the node that has it, though no tracker and no address is known.
func TestGetByInfoHashAlone(t *testing.T) {
	inHouse(t, "hybrid", uneven, func(t *testing.T, h *house) {
		h.neighbours(8)
		sharer := h.fetcher("21.1.0.1", inTable)
		o := h.share(sharer)
		time.Sleep(time.Minute) // virtual
		getter := h.fetcher("22.1.0.1", inTable)
		for _, hash := range []string{o.InfoHashV1, o.InfoHashV2} {
			if strings.Contains(hash, ":") {
				t.Fatal("no bare hash:", hash)
			}
			got, err := getter.Get(t.Context(), GetRequest{Link: hash})
			if err != nil {
				t.Fatal(err)
			}
			untilDone(t, getter, got.ID)
		}
	})
}

// What is private, or may turn out to be, is not announced.
func TestPrivateIsNotInTheDHT(t *testing.T) {
	inHouse(t, "v1", uneven, func(t *testing.T, h *house) {
		town := h.neighbours(8)
		sharer := h.fetcher("21.1.0.1", inTable)
		h.req.Private, h.req.Trackers = true, []string{"http://21.1.0.1:9/announce"}
		o := h.share(sharer)
		magnet := "magnet:?xt=urn:btih:" + strings.Repeat("7", 40) + "&tr=http://21.1.0.1:9/announce"
		if _, err := sharer.Get(t.Context(), GetRequest{Link: magnet}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute) // virtual
		for i, n := range town {
			for _, st := range n.dht.Stats() {
				if st.Hashes > 0 {
					t.Errorf("node %d knows %d info-hashes", i, st.Hashes)
				}
			}
		}
		if state := sharer.books.ByID(o.ID); state == nil {
			t.Error("the share is gone")
		}
	})
}

// The table survives a restart: a node whose routers are gone is in again at once.
func TestDHTTableAfterARestart(t *testing.T) {
	inHouse(t, "v2", uneven, func(t *testing.T, h *house) {
		h.neighbours(12)
		sharer := h.fetcher("21.1.0.1", inTable)
		o := h.share(sharer)
		host := h.world.Host("22.1.0.1")
		n := start(t, host, h.home("again"), inTable)
		time.Sleep(20 * time.Minute) // virtual
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		h.world.Name("router.example")
		n = start(t, host, h.home("again"), inTable)
		got, err := n.Get(t.Context(), GetRequest{Link: o.InfoHashV2})
		if err != nil {
			t.Fatal(err)
		}
		untilDone(t, n, got.ID)
	})
}
