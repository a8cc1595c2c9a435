package v1

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck"
)

// Router is a router before the node, which is asked to let others in at its port.
type Router struct {
	Address  string       `json:"address" doc:"in the node's network"`
	Source   string       `json:"source" doc:"the node's, to which it leads"`
	Protocol string       `json:"protocol,omitzero" enum:"PCP,NAT-PMP,UPnP" doc:"by which it maps; left out if it does not"`
	External string       `json:"external,omitzero" doc:"the address that it says it has on its other side"`
	Ports    []MappedPort `json:"ports,omitzero"`
	Why      string       `json:"why,omitzero" doc:"why it does not map everything"`
}

// MappedPort is a port of the node at a router.
type MappedPort struct {
	Transport string    `json:"transport" enum:"TCP,UDP"`
	Internal  uint16    `json:"internal"`
	External  string    `json:"external" doc:"HOST:PORT, or :PORT if the router does not say its address"`
	Since     time.Time `json:"since"`
	Expires   time.Time `json:"expires"`
}

func routersOf(list []potluck.Router) (routers []Router) {
	for _, r := range list {
		out := Router{Address: r.Address.String(), Source: r.Source.String(), Protocol: r.Protocol, Why: r.Why}
		if r.External.IsValid() {
			out.External = r.External.String()
		}
		for _, p := range r.Ports {
			out.Ports = append(out.Ports, MappedPort{p.Transport, p.Internal, portText(p.External), p.Since, p.Expires})
		}
		routers = append(routers, out)
	}
	return routers
}

// portText leaves out an address that is not known.
func portText(a netip.AddrPort) string {
	if a.Addr().IsValid() {
		return a.String()
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port()).String()[len("0.0.0.0"):]
}
