package node

import (
	"net/netip"
	"slices"
	"testing"
)

// TestOwnAddress: what three seeds say is our address counts, for the whole node; who is asked for two objects has one vote.
func TestOwnAddress(t *testing.T) {
	inHouse(t, "v1", map[string]int{"a": 100_000}, func(t *testing.T, h *house) {
		own := netip.MustParseAddr("8.8.4.4")
		var seeds []string
		for _, ip := range []string{"1.1.1.1", "1.2.1.1", "1.3.1.1"} {
			n := start(t, h.world.Host(ip), h.home(ip))
			h.share(n)
			seeds = append(seeds, peerOf(n))
		}
		n := h.fetcher(own.String())
		for i, seed := range seeds {
			if got := n.External(); len(got) != 0 {
				t.Errorf("after %d votes: %v", i, got)
			}
			o := h.get(n, func(r *GetRequest) { r.Peers = []string{seed} })
			untilDone(t, n, o.ID)
			if i < len(seeds)-1 {
				if err := n.Remove(t.Context(), o.ID, true); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got := n.External(); !slices.Equal(got, []netip.Addr{own}) {
			t.Errorf("we are %v", got)
		}
	})
}
