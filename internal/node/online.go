package node

import (
	"context"
	cryptorand "crypto/rand"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/network/utp"
	"github.com/potluck-p2p/potluck/internal/node/finding"
	"github.com/potluck-p2p/potluck/internal/node/routers"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/portmap"
)

// openUTP speaks uTP on the UDP sockets.
func (n *Node) openUTP() {
	if n.cfg.Silent || !n.cfg.UTP {
		return
	}
	cfg := utp.Config{Muxes: n.sockets.Muxes(), Now: n.cfg.Now, Panicked: n.panicked}
	cryptorand.Read(cfg.Seed[:]) // never fails
	n.utp = utp.Open(cfg)
}

// punchesHoles reports whether we take part in hole punching, which makes us dial whom peers name, and needs uTP.
func (n *Node) punchesHoles() bool { return n.cfg.HolePunching && n.utp != nil && !n.cfg.Offline }

// dialUTP is how peers are reached over uTP; nil if they are not.
func (n *Node) dialUTP() bittorrent.Dialer {
	if n.utp == nil {
		return nil
	}
	return n.utp
}

// openLAN tells the local network of us, in clear.
func (n *Node) openLAN() {
	if n.cfg.Silent || n.cfg.Offline || n.cfg.Anonymous || len(n.sockets.Listeners()) == 0 || n.cfg.Encryption == mse.Authenticated {
		return
	}
	n.lan = finding.OpenLAN(n.rooms, &n.running)
}

// openDHT takes part in the distributed hash table.
func (n *Node) openDHT(ctx context.Context) (err error) {
	if n.cfg.Silent || n.cfg.Offline || !n.cfg.DHT {
		return nil
	}
	n.dht, err = finding.NewDHT(ctx, finding.DHTConfig{Rooms: n.rooms, Running: &n.running, Routers: n.cfg.DHTRouters, Version: n.names.DHT()})
	if err == nil {
		n.dht.Begin()
	}
	return err
}

// DHT describes our nodes in the DHT, one for each socket; none if we take no part in it.
func (n *Node) DHT() []dht.Stats { return n.dht.Stats() }

// openRouters asks the routers before us to let others in at our port.
func (n *Node) openRouters(ctx context.Context) (err error) {
	if n.cfg.Silent || n.cfg.Offline || !n.cfg.PortMapping {
		return nil
	}
	n.routers, err = routers.New(ctx, routers.Config{Rooms: n.rooms, Running: &n.running, Name: n.names.Mapping(), Moved: n.dht.Moved})
	if err == nil {
		n.routers.Begin()
	}
	return err
}

// Routers describes the routers before us and what they map; none if they are not asked.
func (n *Node) Routers() []protocol.Status { return n.routers.Status() }
