package krpc

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

func TestFitFillsWhatThereIs(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	v4, v6 := netip.MustParseAddrPort("1.2.3.4:5"), netip.MustParseAddrPort("[2a00::1]:5")
	whole := Response{Token: make([]byte, 8), Seeders: &Bloom{}, Leechers: &Bloom{}}
	for i := range 8 {
		whole.Nodes = append(whole.Nodes, Node{ID: ID{byte(i)}, Addr: v4})
		whole.Nodes6 = append(whole.Nodes6, Node{ID: ID{byte(i)}, Addr: v6})
	}
	for range 50 {
		whole.Peers = append(whole.Peers, v4)
	}
	seq := int64(7)
	long := Item{Value: append([]byte("995:"), make([]byte, 995)...), Key: make([]byte, 32), Sig: make([]byte, 64), Seq: seq}
	for range 3000 {
		r := Response{ID: ID{1}}
		// Some of all that may be in a reply.
		take := rng.IntN(64)
		if take&1 != 0 {
			r.Nodes, r.Lists = whole.Nodes[:rng.IntN(9)], IPv4
		}
		if take&2 != 0 {
			r.Nodes6, r.Lists = whole.Nodes6[:rng.IntN(9)], r.Lists|IPv6
		}
		if take&4 != 0 {
			r.Peers = whole.Peers[:rng.IntN(51)]
		}
		if take&8 != 0 {
			r.Seeders, r.Leechers, r.Token = whole.Seeders, whole.Leechers, whole.Token
		}
		if take&16 != 0 {
			r.Item, r.Seq = long, &seq
		}
		if take&32 != 0 {
			r.Samples = &Samples{Hashes: make([]ID, rng.IntN(21)), Total: 1000, Interval: 100}
		}
		limit := rng.IntN(1400)
		m := Message{Kind: KindResponse, Transaction: []byte("aa"), Version: "PK01", IP: v4, Response: r}
		want := m.Append(nil)
		packet, trimmed, ok := m.Fit(limit)
		bound := limit
		if r.Item.Value == nil {
			bound = min(limit, usualResponse)
		}
		switch {
		case !ok:
			if limit > 160 {
				t.Fatalf("nothing fits into %d bytes", limit)
			}
		case len(packet) > bound:
			t.Fatalf("%d bytes for a limit of %d", len(packet), bound)
		case trimmed == (string(packet) == string(want)):
			t.Fatalf("trimmed: %v, %d of %d bytes", trimmed, len(packet), len(want))
		case len(want) <= bound && trimmed:
			t.Fatalf("%d bytes trimmed to %d for a limit of %d", len(want), len(packet), bound)
		case trimmed && (take&24 == 0) && bound > 150 && bound-len(packet) > NodeSize6+listHead:
			t.Fatalf("%d bytes left unused of %d", bound-len(packet), bound)
		}
	}
}
