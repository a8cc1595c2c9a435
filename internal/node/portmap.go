package node

import (
	"context"
	cryptorand "crypto/rand"
	"encoding/hex"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/netx"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/reach/portmap"
)

// nonceSetting is where the catalog keeps what routers know us by: after a crash they let nobody else change what is mapped.
const nonceSetting = "portmap-nonce"

// openPortMap begins to ask the routers before us to let others in at our port.
func (n *Node) openPortMap(ctx context.Context) error {
	if n.cfg.Silent || n.cfg.Offline || !n.cfg.PortMapping {
		return nil
	}
	nonce, err := n.routerNonce(ctx)
	if err != nil {
		return err
	}
	n.portmap = portmap.New(portmap.Config{
		Network: n.cfg.Network, Port: n.sockets.PortAt, Nonce: nonce, Description: n.mappingName(), UserAgent: n.rooms.Client, Rand: newRand,
		Log: n.cfg.Log, Changed: n.mapped, Panicked: n.panicked,
	})
	n.running.Go(func() { n.portmap.Run(n.life) })
	return nil
}

// routerNonce is that of the last run, or drawn now.
func (n *Node) routerNonce(ctx context.Context) (nonce [12]byte, err error) {
	text, _, err := n.catalog.Setting(ctx, nonceSetting)
	if err != nil {
		return nonce, err
	}
	if saved, err := hex.DecodeString(text); err == nil && len(saved) == len(nonce) {
		return [12]byte(saved), nil
	}
	cryptorand.Read(nonce[:]) // never fails
	return nonce, n.catalog.SetSetting(ctx, nonceSetting, hex.EncodeToString(nonce[:]))
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
