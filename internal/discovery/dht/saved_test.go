package dht

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

func TestTableIsReadAsWritten(t *testing.T) {
	nodes := []krpc.Node{
		{ID: krpc.ID{1, 0xfe}, Addr: netip.MustParseAddrPort("192.0.2.1:6881")},
		{ID: krpc.ID{2}, Addr: netip.MustParseAddrPort("[2001:db8::1]:1")},
	}
	if got := ParseTable(FormatTable(nodes)); !slices.Equal(got, nodes) {
		t.Error(got)
	}
	const id = "0102030405060708090a0b0c0d0e0f1011121314"
	for _, text := range []string{"", "\n\n", "x", id, id + " ", id + " 192.0.2.1", id[2:] + " 192.0.2.1:1", "zz" + id[2:] + " 192.0.2.1:1"} {
		if got := ParseTable(text + "\n" + FormatTable(nodes)); !slices.Equal(got, nodes) {
			t.Errorf("%q: %v", text, got)
		}
	}
	if got := ParseTable(FormatTable(make([]krpc.Node, 10_000))); len(got) > maxSaved {
		t.Error(len(got))
	}
}
