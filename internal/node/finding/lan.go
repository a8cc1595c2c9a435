package finding

import (
	"net/netip"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/lan"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
)

// LAN is a node's part in local service discovery (BEP 14). A nil LAN takes no part.
type LAN struct {
	rooms  *object.Rooms
	runner *lan.Runner
}

// OpenLAN begins to tell the local network what we are active with, and to hear who else is, until the node ends; running knows it.
func OpenLAN(rooms *object.Rooms, running *sync.WaitGroup) *LAN {
	l := &LAN{rooms: rooms}
	l.runner = lan.New(lan.Config{
		Network: rooms.Network, Port: rooms.Sockets.Port(), Rand: rooms.Rand(), Log: rooms.Log, Found: l.found, Panicked: rooms.Panicked,
	})
	running.Go(func() { l.runner.Run(rooms.Life) })
	return l
}

// found hands a peer on the local network to the swarm of its object. That of a private one takes none.
func (l *LAN) found(infoHash [20]byte, peer netip.AddrPort) {
	if o := l.rooms.Books.Find(infoHash); o != nil && !o.IsHidden() {
		o.Swarm.Found(swarm.FromLAN, peer)
	}
}

// Tell says what is active now.
func (l *LAN) Tell(now time.Time, objects []*object.Object) {
	if l == nil {
		return
	}
	var active []lan.Object
	for _, o := range objects {
		if s := o.Standing(now); !s.Hidden && s.Moving() {
			active = append(active, lan.Object{Hashes: s.Hash.Wire()})
		}
	}
	l.runner.SetObjects(active)
}
