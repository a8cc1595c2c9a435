package node

import (
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/discovery/lan"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// openLAN begins to tell the local network what we are active with, and to hear who else is (BEP 14).
func (n *Node) openLAN() {
	if n.cfg.Silent || n.cfg.Offline {
		return
	}
	n.lan = lan.New(lan.Config{
		Network: n.cfg.Network, Port: n.port(), Rand: newRand(), Log: n.cfg.Log, Found: n.foundOnLAN, Panicked: n.panicked,
	})
	n.running.Go(func() { n.lan.Run(n.life) })
}

// foundOnLAN hands a peer on the local network to the swarm of its object. That of a private one takes none.
func (n *Node) foundOnLAN(infoHash [20]byte, peer netip.AddrPort) {
	n.mu.Lock()
	o := n.byHash[infoHash]
	n.mu.Unlock()
	if o != nil && !o.hidden() {
		o.swarm.Found(swarm.FromLAN, peer)
	}
}

// tellLAN says what is active now.
func (n *Node) tellLAN(objects []*object) {
	if n.lan == nil {
		return
	}
	var active []lan.Object
	for _, o := range objects {
		state, _ := o.swarm.State()
		if o.hidden() || state != swarm.Resolving && state != swarm.Fetching && state != swarm.Seeding {
			continue
		}
		hash := o.theRecord().InfoHash
		if b := o.theBody(); b != nil {
			hash = b.info.Hash
		}
		active = append(active, lan.Object{Hashes: hash.Wire()})
	}
	n.lan.SetObjects(active)
}

// hidden reports whether an object must not be spoken of but to its trackers: it is private, or may turn out to be once
// its metadata is known.
func (o *object) hidden() bool {
	r := o.theRecord()
	return r.Private || r.Info == nil && len(r.Trackers) > 0
}
