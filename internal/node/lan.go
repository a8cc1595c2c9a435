package node

import (
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/discovery/lan"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// openLAN begins to tell the local network what we are active with, and to hear who else is (BEP 14).
func (n *Node) openLAN() {
	if n.cfg.Silent || n.cfg.Offline || n.cfg.Anonymous || len(n.sockets.Listeners()) == 0 || n.cfg.Encryption == mse.Authenticated { // what is told there is told in clear
		return
	}
	n.lan = lan.New(lan.Config{
		Network: n.cfg.Network, Port: n.sockets.Port(), Rand: newRand(), Log: n.cfg.Log, Found: n.foundOnLAN, Panicked: n.panicked,
	})
	n.running.Go(func() { n.lan.Run(n.life) })
}

// foundOnLAN hands a peer on the local network to the swarm of its object. That of a private one takes none.
func (n *Node) foundOnLAN(infoHash [20]byte, peer netip.AddrPort) {
	if o := n.books.Find(infoHash); o != nil && !o.IsHidden() {
		o.Swarm.Found(swarm.FromLAN, peer)
	}
}

// tellLAN says what is active now.
func (n *Node) tellLAN(objects []*object.Object) {
	if n.lan == nil {
		return
	}
	var active []lan.Object
	for _, o := range objects {
		state, _ := o.Swarm.State()
		if o.IsHidden() || state != swarm.Resolving && state != swarm.Fetching && state != swarm.Seeding {
			continue
		}
		active = append(active, lan.Object{Hashes: o.InfoHash().Wire()})
	}
	n.lan.SetObjects(active)
}
