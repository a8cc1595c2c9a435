package potluck

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/protocol/portmap"
)

// Router is a router before us, which is asked to let others in at our port.
type Router struct {
	Address netip.Addr // in our network
	Source  netip.Addr // ours, to which it leads
	// Protocol is by which it maps: "PCP", "NAT-PMP" or "UPnP"; empty if it does not.
	Protocol string
	// External is the address that it says it has on its other side; the zero address if it does not say. It may stand behind
	// another router, and that is not asked.
	External netip.Addr
	Ports    []MappedPort
	// Why says why it does not map everything; empty if it does, or is still being asked.
	Why string
}

// MappedPort is a port of ours at a router. A hole in a firewall is one, too: there the addresses are the same.
type MappedPort struct {
	Transport      string // "TCP" or "UDP"
	Internal       uint16
	External       netip.AddrPort // its address is the zero address if the router does not say
	Since, Expires time.Time
}

// Routers describes the routers before us; none if they are not asked, or there are none.
func (n *Node) Routers() []Router { return routersOf(n.n.Routers()) }

func routersOf(list []portmap.Status) (routers []Router) {
	for _, st := range list {
		r := Router{Address: st.Router, Source: st.Source, Protocol: st.Protocol.String(), External: st.Address}
		for _, p := range st.Ports {
			r.Ports = append(r.Ports, MappedPort{p.Transport.String(), p.Internal, p.External, p.Since, p.Expires})
		}
		if st.Err != nil {
			r.Why = st.Err.Error()
		}
		routers = append(routers, r)
	}
	return routers
}
