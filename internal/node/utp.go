package node

import (
	cryptorand "crypto/rand"

	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/network/utp"
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
