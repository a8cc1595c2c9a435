package dht

import (
	"encoding/hex"
	"net/netip"
	"strings"

	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// maxSaved bounds the nodes that are kept for another run.
const maxSaved = 500

// FormatTable writes nodes for [ParseTable]: a line for each, of its ID in hex and its address.
func FormatTable(nodes []krpc.Node) string {
	var b strings.Builder
	for _, n := range nodes[:min(len(nodes), maxSaved)] {
		b.WriteString(n.ID.String() + " " + n.Addr.String() + "\n")
	}
	return b.String()
}

// ParseTable reads what FormatTable wrote. A line that makes no sense is left out.
func ParseTable(text string) (nodes []krpc.Node) {
	for line := range strings.Lines(text) {
		id, addr, _ := strings.Cut(strings.TrimSpace(line), " ")
		var n krpc.Node
		raw, err := hex.DecodeString(id)
		if err != nil || len(raw) != len(n.ID) {
			continue
		}
		copy(n.ID[:], raw)
		if n.Addr, err = netip.ParseAddrPort(addr); err == nil && len(nodes) < maxSaved {
			nodes = append(nodes, n)
		}
	}
	return nodes
}
