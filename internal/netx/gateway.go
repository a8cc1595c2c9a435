package netx

import (
	"net"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/netx/routes"
)

// Gateway is a router through which this machine reaches the internet.
type Gateway struct {
	// Addr is the router's address in our network; a link-local one names the interface.
	Addr netip.Addr
	// Source is ours: what we send to the internet leaves from there.
	Source netip.Addr
	// Guessed says that the system does not tell, and routers are mostly at this address.
	Guessed bool
}

// Gatewayer is a [Network] that leaves by routers of which it knows. A way through a proxy is none.
type Gatewayer interface {
	Gateways() ([]Gateway, error)
}

// Gateways lists the routers by which nw leaves, at most one for each family. Without a way to the internet, and if nw is no
// [Gatewayer], there are none.
func Gateways(nw Network) ([]Gateway, error) {
	if g, ok := capable[Gatewayer](nw); ok {
		return g.Gateways()
	}
	return nil, nil
}

// far are addresses on the internet, to ask the system which way leads there: nothing is sent to them.
var far = []netip.AddrPort{
	netip.MustParseAddrPort("198.41.0.4:53"),
	netip.MustParseAddrPort("[2001:503:ba3e::2:30]:53"),
}

// Gateways finds the routers behind the interfaces from which packets to the internet leave. An interface that leads to one
// other machine, as of a VPN, has none.
func (s *system) Gateways() ([]Gateway, error) {
	var list []Gateway
	var last error
	for _, to := range far {
		source := s.towards(to)
		if !source.IsValid() {
			continue // no way of that family
		}
		ifi, subnet := interfaceOf(source)
		if ifi == nil {
			continue
		}
		via, guessed, err := routes.Gateway(*ifi, subnet)
		if err != nil {
			last = err
			continue
		}
		if via.IsValid() {
			list = append(list, Gateway{Addr: via, Source: source, Guessed: guessed})
		}
	}
	if len(list) > 0 {
		last = nil
	}
	return list, last
}

// towards is our address on the way to another; the zero address if there is no way, or it is not that of the bound source.
func (s *system) towards(to netip.AddrPort) netip.Addr {
	if source, err := s.from(to.Addr()); err != nil || source.IsValid() {
		return source
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to)) // which only asks the system for a way
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	return AddrPort(conn.LocalAddr()).Addr().WithZone("")
}
