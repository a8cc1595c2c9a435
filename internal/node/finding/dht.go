package finding

import (
	"context"
	cryptorand "crypto/rand"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const (
	// tableSetting is where the catalog keeps the table of the last run.
	tableSetting = "dht-table"
	// tableSaved is how often it is written.
	tableSaved = 10 * time.Minute
	// queue is how many datagrams may wait.
	queue = 1024
)

// DHTConfig is what a node takes part in the DHT with.
type DHTConfig struct {
	Rooms   *object.Rooms
	Running *sync.WaitGroup // knows what runs here
	// Routers are HOST:PORT of nodes that are asked for a way in when no other is known.
	Routers []string
	// Version is how we call ourselves to other nodes: two letters and two bytes, or nothing.
	Version string
}

// DHT is a node's part in the distributed hash table. A nil DHT takes no part.
type DHT struct {
	cfg    DHTConfig
	rooms  *object.Rooms
	runner *dht.Runner
	checks chan struct{} // holds one for each check of what others find
}

// NewDHT makes the part of a node that begins where its last run was. Nothing happens before Begin.
func NewDHT(ctx context.Context, cfg DHTConfig) (*DHT, error) {
	rooms := cfg.Rooms
	saved, _, err := rooms.Catalog.Setting(ctx, tableSetting)
	if err != nil {
		return nil, err
	}
	d := &DHT{cfg: cfg, rooms: rooms, checks: make(chan struct{}, reachChecks)}
	run := dht.Config{
		Sockets: rooms.Sockets.Routes(queue, func(b []byte, _ netip.AddrPort) bool { return krpc.Looks(b) }),
		Network: rooms.Network, Port: rooms.Sockets.PublicPort, Saved: dht.ParseTable(saved), Routers: cfg.Routers, Version: cfg.Version,
		Log: rooms.Log, Found: d.found, Announced: d.announced, Stands: d.stands, Panicked: rooms.Panicked,
	}
	cryptorand.Read(run.Seed[:]) // never fails
	d.runner = dht.New(run)
	return d, nil
}

// Begin takes part from now on, until the node ends.
func (d *DHT) Begin() {
	d.cfg.Running.Go(func() { d.runner.Run(d.rooms.Life) })
	d.cfg.Running.Go(d.keepTable)
}

// Items are what publishers keep there (BEP 44).
func (d *DHT) Items() *dht.Runner { return d.runner }

// Moved says that others reach us at another port from now on.
func (d *DHT) Moved() {
	if d != nil {
		d.runner.Moved()
	}
}

// Stats describe our nodes there, one for each socket.
func (d *DHT) Stats() []dht.Stats {
	if d == nil {
		return nil
	}
	return d.runner.Stats()
}

// keepTable writes down now and then, and at the end, which nodes the next run should begin with.
func (d *DHT) keepTable() {
	tick := time.NewTicker(tableSaved)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-d.rooms.Life.Done():
		}
		// With nobody known, those of the last run are still the better beginning.
		if table := d.runner.Table(); len(table) > 0 {
			if err := d.rooms.Catalog.SetSetting(context.Background(), tableSetting, dht.FormatTable(table)); err != nil {
				d.rooms.Log.Warn("cannot save the table of the DHT", "err", err)
			}
		}
		if d.rooms.Life.Err() != nil {
			return
		}
	}
}

// Greet tries the nodes of peers for the table (BEP 5).
func (d *DHT) Greet(nodes []netip.AddrPort) {
	if d == nil {
		return
	}
	for _, a := range nodes {
		d.runner.Greet(a)
	}
}

// Introduce asks the nodes that a .torrent names for a way into the DHT, with which a private one has nothing to do.
func (d *DHT) Introduce(t *metainfo.Torrent) {
	if d == nil || t == nil || t.Info.Private || len(t.Nodes) == 0 {
		return
	}
	var nodes []string
	for _, x := range t.Nodes {
		nodes = append(nodes, net.JoinHostPort(x.Host, strconv.Itoa(int(x.Port))))
	}
	d.cfg.Running.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				d.rooms.Panicked(r)
			}
		}()
		d.runner.Introduce(d.rooms.Life, nodes)
	})
}

// found hands peers to the swarm of their object, as far as strangers may name them. A private one takes none.
func (d *DHT) found(infoHash [20]byte, peers []netip.AddrPort) {
	o := d.rooms.Books.Find(infoHash)
	if o == nil || o.Record().Private {
		return
	}
	own := d.rooms.Sockets.Addrs()
	for _, p := range peers {
		if netx.AcceptPeer(netx.FromPublic, p, own) {
			o.Swarm.Found(swarm.FromDHT, p)
		}
	}
}

// Tell says what is to be found and announced now. A magnet link may turn out to be private: it is looked up, and announced
// once its metadata says that it may be.
func (d *DHT) Tell(now time.Time, objects []*object.Object) {
	if d == nil {
		return
	}
	var active []dht.Object
	for _, o := range objects {
		s := o.Standing(now)
		if s.Private || !s.Moving() {
			continue
		}
		active = append(active, dht.Object{
			Hashes: s.Hash.Wire(), Seed: s.Whole, Hungry: s.Hungry, Unannounced: s.Hidden || d.rooms.Sockets.Port() == 0,
		})
	}
	d.runner.SetObjects(active)
}
