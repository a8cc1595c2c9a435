package node

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// GetRequest says what to fetch, and how.
type GetRequest struct {
	// Link is a magnet link, an info-hash or the http(s) URL of a .torrent. Torrent is the content of a .torrent file, if
	// the caller has one; Link is then ignored.
	Link    string
	Torrent []byte
	// Dir is where the object goes; the node's download folder if empty.
	Dir string
	// Select are patterns of the files wanted; none is all.
	Select []string
	// Peers are addresses (HOST:PORT) to ask, Trackers more trackers.
	Peers    []string
	Trackers []string
	// Sequential fetches in order.
	Sequential bool
	// Wait is how long to go on without any source before it fails; 0 is for ever.
	Wait time.Duration
}

// Get accepts a link to fetch and returns at once. Getting what is held already returns that object.
func (n *Node) Get(ctx context.Context, req GetRequest) (Object, error) {
	ctx, leave, err := n.enter(ctx)
	if err != nil {
		return Object{}, err
	}
	defer leave()
	o, err := n.get(ctx, req)
	if err != nil {
		return Object{}, explain(err)
	}
	return n.describe(o), nil
}

// wanted is a link or a .torrent in one form.
type wanted struct {
	hash     metainfo.InfoHash
	name     string
	torrent  *metainfo.Torrent // nil if the metadata must come from peers
	trackers [][]string
	webSeeds []string
	peers    []string
	selected []string
}

func (n *Node) get(ctx context.Context, req GetRequest) (*object, error) {
	if _, err := parseSelection(req.Select); err != nil {
		return nil, err
	}
	w, err := n.understand(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := checkTrackers(req.Trackers); err != nil {
		return nil, err
	}
	w.trackers = append(w.trackers, tiers(req.Trackers)...)
	typed, err := n.resolvePeers(ctx, req.Peers)
	if err != nil {
		return nil, err
	}
	dir := req.Dir
	if dir == "" {
		dir = n.cfg.DownloadDir
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	n.adding.Lock()
	if o := n.holding(w.hash); o != nil {
		n.adding.Unlock() // the object may be in use for long
		return n.again(ctx, o, req, w, typed)
	}
	defer n.adding.Unlock()
	r := catalog.Record{
		Kind: catalog.Fetched, State: catalog.State(swarm.Resolving), Root: dir, InfoHash: w.hash,
		Trackers: w.trackers, WebSeeds: w.webSeeds, Peers: slices.Concat(w.peers, req.Peers), Selected: w.selected,
		Sequential: req.Sequential, AddedAt: n.cfg.Now(),
	}
	if w.torrent != nil {
		r.Info, r.Private, r.Comment = w.torrent.Info.Raw, w.torrent.Info.Private, w.torrent.Comment
	}
	if r.ID, err = n.catalog.Add(ctx, r); err != nil {
		return nil, err
	}
	o := n.newObject(r, req.Wait)
	if w.torrent != nil {
		o.swarm.Stop(swarm.Checking, nil)
	}
	n.hear(o, typed)
	n.publish(EventAdded, o, "") // before any other news of it
	n.book(o, nil)
	n.linked(o)
	if w.torrent != nil {
		n.run(o, func() { n.openFetched(o, w.torrent.Info, w.torrent.PieceLayers, fresh) })
	} else {
		n.discover(o)
	}
	return o, nil
}

// hear makes an object's swarm know the addresses that the user typed.
func (n *Node) hear(o *object, typed []netip.AddrPort) {
	o.mu.Lock()
	o.named = append(o.named, typed...)
	o.mu.Unlock()
	o.swarm.Found(swarm.FromUser, typed...)
}

// again is Get for an object that is held already: new sources help it, what stopped it is tried once more, and files that
// were not selected the first time can be added.
func (n *Node) again(ctx context.Context, o *object, req GetRequest, w *wanted, typed []netip.AddrPort) (*object, error) {
	o, done, err := n.manage(o)
	if err != nil {
		return nil, err
	}
	defer done()
	n.hear(o, typed)
	o.mu.Lock()
	o.patience, o.seen = req.Wait, n.cfg.Now()
	o.mu.Unlock()
	if err := n.addPeers(ctx, o, slices.Concat(w.peers, req.Peers)); err != nil {
		return nil, err
	}
	n.linked(o)
	if err := n.addTrackers(ctx, o, slices.Concat(w.trackers...)); err != nil {
		return nil, err
	}
	if err := n.addServers(ctx, o, w.webSeeds); err != nil {
		return nil, err
	}
	if o, err = n.wantAgain(ctx, o, req, w); err != nil {
		return nil, err
	}
	return n.resume(ctx, o)
}

// addPeers adds those of hosts to the record that it does not have yet.
func (n *Node) addPeers(ctx context.Context, o *object, hosts []string) error {
	known := o.theRecord().Peers
	fresh := slices.DeleteFunc(slices.Clone(hosts), func(h string) bool { return slices.Contains(known, h) })
	if len(fresh) == 0 {
		return nil
	}
	return n.update(ctx, o, func(r *catalog.Record) { r.Peers = append(slices.Clone(r.Peers), fresh...) })
}

// understand reads what the user gave.
func (n *Node) understand(ctx context.Context, req GetRequest) (*wanted, error) {
	if req.Torrent != nil {
		return fromTorrent(req.Torrent, req.Select)
	}
	l, err := link.Parse(req.Link)
	if err != nil {
		return nil, err
	}
	switch l.Kind {
	case link.TorrentURL:
		b, err := fetchTorrent(ctx, n.fetcher, l.Source)
		if err != nil {
			return nil, err
		}
		return fromTorrent(b, req.Select)
	case link.TorrentFile:
		return nil, &Error{"usage", "the content of the .torrent file is missing", "", ExitUsage, nil}
	}
	w := &wanted{hash: l.InfoHash, name: l.Name, trackers: tiers(l.Trackers), webSeeds: l.WebSeeds, peers: l.Peers, selected: req.Select}
	if len(w.selected) == 0 && len(l.Select) > 0 {
		w.selected = []string{indexPrefix + l.Select.String()}
	}
	return w, nil
}

// maxTorrent bounds a .torrent file, in bytes.
const maxTorrent = 32 << 20

func fromTorrent(b []byte, selected []string) (*wanted, error) {
	if len(b) > maxTorrent {
		return nil, &Error{"damaged-torrent", "this .torrent file is over 32 MiB", "", ExitFailed, nil}
	}
	t, err := metainfo.Parse(b)
	if err != nil {
		return nil, err
	}
	return &wanted{hash: t.Info.Hash, name: t.Info.Name.String(), torrent: t, trackers: t.Trackers, webSeeds: t.WebSeeds, selected: selected}, nil
}

// linked makes an object's swarm know the addresses that its link carries, as far as they resolve.
func (n *Node) linked(o *object) {
	peers := o.theRecord().Peers
	if len(peers) == 0 {
		return
	}
	n.run(o, func() {
		for _, h := range peers {
			addrs, err := n.resolvePeer(o.life, h)
			if err != nil {
				continue
			}
			o.swarm.Found(swarm.FromLink, slices.DeleteFunc(addrs, func(a netip.AddrPort) bool {
				return !netx.AcceptPeer(netx.FromLink, a, nil)
			})...)
		}
	})
}

// resolvePeers turns what the user typed as HOST:PORT into addresses.
func (n *Node) resolvePeers(ctx context.Context, typed []string) ([]netip.AddrPort, error) {
	var list []netip.AddrPort
	for _, h := range typed {
		addrs, err := n.resolvePeer(ctx, h)
		if err != nil {
			return nil, &Error{"usage", fmt.Sprintf("cannot understand the peer %s: %v", h, err), "give HOST:PORT", ExitUsage, err}
		}
		list = append(list, addrs...)
	}
	return list, nil
}

func (n *Node) resolvePeer(ctx context.Context, hostPort string) ([]netip.AddrPort, error) {
	if a, err := netip.ParseAddrPort(hostPort); err == nil {
		if a.Port() == 0 {
			return nil, errors.New("there is no port 0")
		}
		return []netip.AddrPort{a}, nil
	}
	i := strings.LastIndexByte(hostPort, ':')
	if i < 1 {
		return nil, errors.New("there is no port")
	}
	port, err := netip.ParseAddrPort("0.0.0.0" + hostPort[i:])
	if err != nil || port.Port() == 0 {
		return nil, errors.New("the port is no number from 1 to 65535")
	}
	ips, err := n.cfg.Network.LookupHost(ctx, hostPort[:i])
	if err != nil {
		return nil, err
	}
	var list []netip.AddrPort
	for _, ip := range ips {
		list = append(list, netip.AddrPortFrom(ip, port.Port()))
	}
	return list, nil
}
