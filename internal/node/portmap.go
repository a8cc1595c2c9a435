package node

import (
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/netx"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/reach/portmap"
)

// openPortMap begins to ask the routers before us to let others in at our port.
func (n *Node) openPortMap() {
	if n.cfg.Silent || n.cfg.Offline || !n.cfg.PortMapping {
		return
	}
	n.portmap = portmap.New(portmap.Config{
		Network: n.cfg.Network, Port: n.sockets.PortAt, Description: "potluck", UserAgent: n.rooms.Client, Log: n.cfg.Log,
		Changed: n.mapped, Panicked: n.panicked,
	})
	n.running.Go(func() { n.portmap.Run(n.life) })
}

// Routers describes the routers before us and what they map; none if they are not asked.
func (n *Node) Routers() []protocol.Status {
	if n.portmap == nil {
		return nil
	}
	return n.portmap.Status()
}

// mapped takes what has become of the mappings. What others are told is one port for TCP and UDP, that of TCP, since peers are
// sought there first; of several routers it is that of the first, which is one of IPv4.
func (n *Node) mapped() {
	var port uint16
	var addrs []netip.Addr
	for _, st := range n.portmap.Status() {
		if netx.ScopeOf(st.Address) == netx.Global {
			addrs = append(addrs, st.Address)
		}
		for _, p := range st.Ports {
			if p.Transport == protocol.TCP && port == 0 {
				port = p.External.Port()
			}
		}
	}
	if n.rooms.Mapped(port, addrs) && n.dht != nil {
		n.dht.Moved()
	}
}
