package words

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/potluck-p2p/potluck/internal/api/v1"
)

// Status is how a node is, a line for each part of it; verbose is also what it refused.
func Status(st v1.Status, verbose bool) string {
	var b strings.Builder
	total := 0
	var states []string
	for _, state := range slices.Sorted(maps.Keys(st.Objects)) {
		total += st.Objects[state]
		states = append(states, fmt.Sprintf("%d %s", st.Objects[state], state))
	}
	fmt.Fprintf(&b, "Up %s  down %s  up %s  %s", Clock(time.Since(st.Started).Seconds()), Rate(st.DownRate), Rate(st.UpRate), Counted(total, "object"))
	if len(states) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(states, ", "))
	}
	fmt.Fprintf(&b, "  %s", Counted(st.Peers, "peer"))
	fmt.Fprintf(&b, "\nHome     %s", printable(st.Home))
	if len(st.Listen) > 0 {
		fmt.Fprintf(&b, "\nPeers at %s", strings.Join(st.Listen, " "))
	}
	if st.Key != "" {
		fmt.Fprintf(&b, "\nKey      %s", printable(st.Key))
	}
	if len(st.External) > 0 {
		fmt.Fprintf(&b, "\nKnown as %s", strings.Join(st.External, " "))
	}
	b.WriteString(network(st.Network))
	b.WriteString(routers(st.Routers))
	b.WriteString(dht(st, verbose))
	b.WriteString(limits(st.Limits, time.Now()))
	b.WriteString(blocking(st.Blocking))
	if st.API != "" {
		fmt.Fprintf(&b, "\nAPI      http://%s", st.API)
	}
	fmt.Fprintf(&b, "\nVersion  %s, process %d", st.Version, st.PID)
	if st.Offline {
		b.WriteString(", offline")
	}
	return b.String()
}

// dht is a line for each of the node's own nodes in the DHT, and what they refused if the user wants to know more.
func dht(st v1.Status, verbose bool) string {
	const name = "\nDHT      "
	if st.DHT == nil {
		if st.Offline {
			return ""
		}
		return name + "off"
	}
	var b strings.Builder
	for _, n := range st.DHT.Nodes {
		fmt.Fprintf(&b, "%s%s (%s), knows %s", name, n.State, n.Family, Counted(n.Known, "node"))
		if n.Network != nil {
			fmt.Fprintf(&b, " of about %d", *n.Network)
		}
		fmt.Fprintf(&b, ", id %s", n.ID)
		switch {
		case n.ReadOnly:
			b.WriteString(", read-only: nobody reaches us")
		case n.Standing == "unreached": // it tries again
			b.WriteString(", nobody reaches us")
		}
	}
	if st.DHT.Hint != "" {
		fmt.Fprintf(&b, "\nFix      %s", printable(st.DHT.Hint))
	}
	if verbose && len(st.DHT.Refused) > 0 {
		var list []string
		for _, why := range slices.Sorted(maps.Keys(st.DHT.Refused)) {
			list = append(list, fmt.Sprintf("%s %d", strings.ReplaceAll(why, "_", " "), st.DHT.Refused[why]))
		}
		fmt.Fprintf(&b, "\nRefused  %s", strings.Join(list, ", "))
	}
	return b.String()
}
