package words

import (
	"fmt"
	"slices"
	"strings"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// network is a line for each part of the only way by which the node sends.
func network(parts []v1.Network) string {
	var b strings.Builder
	for _, n := range parts {
		fmt.Fprintf(&b, "\nNetwork  %s", printable(n.Via))
		switch {
		case n.Problem != "":
			fmt.Fprintf(&b, " %s; nothing is sent", printable(n.Problem))
		case n.TCPOnly != "":
			fmt.Fprintf(&b, ", TCP only: %s", printable(n.TCPOnly))
		default:
			b.WriteString(", and no other way")
		}
	}
	return b.String()
}

// routers is a line for each router before the node: what it maps, or why it does not.
func routers(routers []v1.Router) string {
	var b strings.Builder
	for _, r := range routers {
		for _, line := range routerLines(r) {
			fmt.Fprintf(&b, "\nRouter   %s", printable(line))
		}
	}
	return b.String()
}

func routerLines(r v1.Router) (lines []string) {
	var at []string
	transports := map[string][]string{}
	for _, p := range r.Ports {
		if !slices.Contains(at, p.External) {
			at = append(at, p.External)
		}
		transports[p.External] = append(transports[p.External], p.Transport)
	}
	for _, external := range at {
		lines = append(lines, fmt.Sprintf("%s maps %s (%s)", r.Protocol, external, strings.Join(transports[external], ", ")))
	}
	switch {
	case r.Why != "":
		lines = append(lines, r.Why)
	case len(lines) == 0:
		lines = append(lines, r.Address+" is being asked to let others in")
	}
	return lines
}
