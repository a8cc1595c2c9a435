package node

import (
	"context"
	cryptorand "crypto/rand"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const (
	// dhtSetting is where the catalog keeps the table of the last run.
	dhtSetting = "dht-table"
	// dhtSaved is how often it is written.
	dhtSaved = 10 * time.Minute
	// dhtQueue is how many datagrams may wait.
	dhtQueue = 1024
)

// openDHT takes part in the distributed hash table, from where the last run was.
func (n *Node) openDHT(ctx context.Context) error {
	if n.cfg.Silent || n.cfg.Offline || !n.cfg.DHT {
		return nil
	}
	saved, _, err := n.catalog.Setting(ctx, dhtSetting)
	if err != nil {
		return err
	}
	cfg := dht.Config{
		Sockets: n.sockets.Routes(dhtQueue, func(b []byte, _ netip.AddrPort) bool { return krpc.Looks(b) }),
		Network: n.cfg.Network, Port: n.sockets.PublicPort, Saved: dht.ParseTable(saved), Routers: n.cfg.DHTRouters, Version: n.dhtVersion(),
		Log: n.cfg.Log, Found: n.foundInDHT, Announced: n.announcedInDHT, Stands: n.standsInDHT, Panicked: n.panicked,
	}
	cryptorand.Read(cfg.Seed[:])
	n.dht = dht.New(cfg)
	n.running.Go(func() { n.dht.Run(n.life) })
	n.running.Go(n.keepTable)
	return nil
}

// keepTable writes down now and then, and at the end, which nodes the next run should begin with.
func (n *Node) keepTable() {
	tick := time.NewTicker(dhtSaved)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-n.life.Done():
		}
		// With nobody known, those of the last run are still the better beginning.
		if table := n.dht.Table(); len(table) > 0 {
			if err := n.catalog.SetSetting(context.Background(), dhtSetting, dht.FormatTable(table)); err != nil {
				n.cfg.Log.Warn("cannot save the table of the DHT", "err", err)
			}
		}
		if n.life.Err() != nil {
			return
		}
	}
}

// greet tries the nodes of peers for the table (BEP 5).
func (n *Node) greet(nodes []netip.AddrPort) {
	if n.dht == nil {
		return
	}
	for _, a := range nodes {
		n.dht.Greet(a)
	}
}

// introduce asks the nodes that a .torrent names for a way into the DHT, with which a private one has nothing to do.
func (n *Node) introduce(t *metainfo.Torrent) {
	if n.dht == nil || t == nil || t.Info.Private || len(t.Nodes) == 0 {
		return
	}
	var nodes []string
	for _, x := range t.Nodes {
		nodes = append(nodes, net.JoinHostPort(x.Host, strconv.Itoa(int(x.Port))))
	}
	n.running.Go(func() { n.contained(func() { n.dht.Introduce(n.life, nodes) }) })
}

// foundInDHT hands peers to the swarm of their object, as far as strangers may name them. A private one takes none.
func (n *Node) foundInDHT(infoHash [20]byte, peers []netip.AddrPort) {
	o := n.books.Find(infoHash)
	if o == nil || o.Record().Private {
		return
	}
	own := n.sockets.Addrs()
	for _, p := range peers {
		if netx.AcceptPeer(netx.FromPublic, p, own) {
			o.Swarm.Found(swarm.FromDHT, p)
		}
	}
}

// tellDHT says what is to be found and announced now. A magnet link may turn out to be private: it is looked up, and announced
// once its metadata says that it may be.
func (n *Node) tellDHT(now time.Time, objects []*object.Object) {
	if n.dht == nil {
		return
	}
	var active []dht.Object
	for _, o := range objects {
		s := o.Swarm.Snapshot(now)
		resolving := s.State == swarm.Resolving
		if o.Record().Private || !resolving && s.State != swarm.Fetching && s.State != swarm.Seeding {
			continue
		}
		active = append(active, dht.Object{
			Hashes: o.InfoHash().Wire(), Seed: s.State == swarm.Seeding && s.LeftBytes == 0,
			Hungry: s.State != swarm.Seeding && s.Sources == 0, Unannounced: o.IsHidden() || n.sockets.Port() == 0,
		})
	}
	n.dht.SetObjects(active)
}
