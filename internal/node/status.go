package node

import (
	"context"
	"net/netip"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/node/checkup"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/reach/doctor"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Subscribe returns all news from now on, until the context or the node ends.
func (n *Node) Subscribe(ctx context.Context) <-chan Event {
	return n.feed.Subscribe(ctx, n.life, &n.running)
}

// ListenAddrs are the real addresses at which peers are accepted: a wildcard stands for each address of this machine.
func (n *Node) ListenAddrs() []netip.AddrPort { return n.sockets.Addrs() }

// External are the node's addresses as others on the internet see them, as far as they agree.
func (n *Node) External() []netip.Addr { return n.rooms.External() }

// Objects lists all objects in the order they were added.
func (n *Node) Objects() []Object {
	var list []Object
	for _, o := range n.books.All() {
		list = append(list, o.Describe())
	}
	return list
}

// Object describes the object that an id, a prefix of 4 or more of its digits, or an info-hash names.
func (n *Node) Object(ref string) (Object, error) {
	o, err := n.lookup(ref)
	if err != nil {
		return Object{}, err
	}
	return o.Describe(), nil
}

// lookup finds an object by what a user may type.
func (n *Node) lookup(ref string) (*object.Object, error) {
	r, err := n.catalog.Get(n.life, ref)
	if err != nil {
		return nil, fault.Explain(err)
	}
	if o := n.books.ByID(r.ID); o != nil {
		return o, nil
	}
	return nil, fault.Explain(catalog.ErrNotFound)
}

// Files lists the files of an object; none while it is resolving.
func (n *Node) Files(ref string) ([]File, error) {
	o, err := n.lookup(ref)
	if err != nil {
		return nil, err
	}
	return o.Files(), nil
}

// Peers lists the connections of an object, or of all if ref is empty.
func (n *Node) Peers(ref string) ([]Peer, error) {
	objects := n.books.All()
	if ref != "" {
		o, err := n.lookup(ref)
		if err != nil {
			return nil, err
		}
		objects = []*object.Object{o}
	}
	var list []Peer
	for _, o := range objects {
		list = append(list, o.Peers()...)
	}
	return list, nil
}

// Torrent is the .torrent file of an object. A v2 object has one only when all its piece layers are known.
func (n *Node) Torrent(ref string) ([]byte, error) {
	o, err := n.lookup(ref)
	if err != nil {
		return nil, err
	}
	r, b := o.Record(), o.Body()
	if b == nil || !b.Hashes.HasLayers() {
		return nil, fault.New(fault.ExitFailed, "resolving", "the metadata is not complete yet", "wait until peers have sent it", nil)
	}
	t := metainfo.Torrent{Info: b.Info, PieceLayers: b.Hashes.Layers(), Trackers: r.Trackers, WebSeeds: r.WebSeeds, Comment: r.Comment, CreatedBy: n.rooms.Client}
	return t.Append(nil), nil
}

// Examine says what of the node others can reach, what not, and why.
func (n *Node) Examine() ([]doctor.Finding, doctor.Reach) { return doctor.Examine(n.facts()) }

// facts are what is known of the node.
func (n *Node) facts() doctor.Facts {
	return checkup.Facts(checkup.Sources{
		Rooms: n.rooms, Shell: n.shell, Routers: n.Routers(), DHT: n.DHT(),
		AsksRouters: n.routers != nil, UTP: n.utp != nil, TakesPart: n.cfg.DHT,
		OpenFiles: n.cfg.Room.Files, Peers: n.cfg.MaxPeers, Home: n.cfg.Home, DownloadDir: n.cfg.DownloadDir,
	})
}
