// Package potluck is a peer as a library: it shares files where they lie, and fetches by link from every network that has
// them. Open starts a node, which holds what was shared and fetched in a folder of state, its home:
//
//	n, err := potluck.Open(ctx, potluck.Options{Home: "/var/lib/mine"})
//	if err != nil { ... }
//	defer n.Close()
//	o, err := n.Share(ctx, potluck.ShareRequest{Path: "/srv/talk.mkv"})
//	fmt.Println(o.Link)
//
// One home has one node at a time. All errors are of type [*Error].
package potluck

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/host"
	"github.com/potluck-p2p/potluck/internal/node"
	"github.com/potluck-p2p/potluck/internal/protocol/mse"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// Version is the version of potluck.
const Version = "0.1.0"

// Options say how a node is to be. Home is required, the rest may be left out.
type Options struct {
	// Home is the folder of the node's state. It is made if it is not there.
	Home string
	// DownloadDir is where fetched objects go unless the request says otherwise; the current folder if empty.
	DownloadDir string
	// Listen is where peers are accepted, over TCP and UDP; port 0 is one that is free. If empty, peers are accepted at all
	// addresses, on a port that is chosen once and kept. With an address that is not a wildcard, what the node dials
	// leaves from there, and links carry it.
	Listen []netip.AddrPort
	// Bind is an interface of this machine, or an address of one, by which everything leaves and comes in, questions about names
	// included; NameServers are asked instead of the system's then. While the interface is gone, nothing is sent.
	Bind        string
	NameServers []netip.AddrPort
	// Proxy is socks5://[USER:PASSWORD@]HOST:PORT or http://..., by which everything leaves; names are looked up there. Nobody can
	// connect to the node then.
	Proxy string
	// Anonymous tells peers and trackers neither what program the node is nor what addresses it has, and is somebody else for each
	// object. It does not hide the address that what the node sends comes from: Proxy and Bind do.
	Anonymous bool
	// Offline keeps to addresses and trackers that are named explicitly.
	Offline bool
	// NoUTP speaks with peers over TCP only.
	NoUTP bool
	// NoPortMapping does not ask the router before us to let others in.
	NoPortMapping bool
	// NoLargeRequests asks other potlucks for 16 KiB at a time too.
	NoLargeRequests bool
	// NoHolePunching meets no peers whom nobody can connect to, and brings no others together. With a Proxy that is so anyway.
	NoHolePunching bool
	// NoDHT takes no part in the distributed hash table. DHTRouters are HOST:PORT of nodes that are asked for a way in when no
	// other is known; without them, and without a table of an earlier run, the way in is through peers.
	NoDHT      bool
	DHTRouters []string
	// FeedPoll is how often a feed that is followed is looked up; 0 is a good choice.
	FeedPoll time.Duration
	// Encryption of connections with peers: "prefer", the default, "require", "authenticated" or "off". With a potluck whose key is
	// known, from a link or by its own word, it is TLS; with others it is Message Stream Encryption, which hides what they are from those who
	// look for it, proves nobody's identity and keeps no secret from whoever knows the info-hash. "authenticated" allows TLS only:
	// nobody is dialled whose key is not known, and nothing is said of an object where others could hear it (DHT, local network,
	// trackers and web seeds without https).
	Encryption string
	// NoNetwork opens the state only: nothing is listened at and nobody is dialled.
	NoNetwork bool
	// Up and Down limit payload, in bytes per second; 0 is no limit.
	Up, Down int64
	// Schedule are limits for some hours of some days, by the local clock; of those that hold together the last counts.
	Schedule []Period
	// LimitLAN has the limits hold for peers on the local network too.
	LimitLAN bool
	// BlockLists are files of addresses that the node has nothing to do with, unless they are named: prefixes, PeerGuardian's
	// text or eMule's ipfilter.dat, perhaps gzipped. They are read again when they change.
	BlockLists []string
	// SuperSeeding gives each peer another part of what is shared, as long as nobody else has all of it (BEP 16): the node need send
	// it hardly more than once until there is another copy.
	SuperSeeding bool
	// Slots is how many peers are served at once to begin with, MaxPeers how many it has over all objects; 0 is what this machine
	// has room for.
	Slots, MaxPeers int
	// Ratio is how often an object that was fetched is given before it is paused, SeedTime how long; 0 is no end.
	Ratio    float64
	SeedTime time.Duration
	// ActiveFetches and ActiveSeeds bound the objects that are fetched and seeded at once; the others wait. 0 is no bound.
	ActiveFetches, ActiveSeeds int
	// Log gets what the node has to say to whoever runs it; nil discards that.
	Log *slog.Logger
}

// Node is a running node. It is safe for concurrent use.
type Node struct {
	n   *node.Node
	way *way
}

// Open starts a node. If another one holds the home, the error has the code [CodeLocked].
func Open(ctx context.Context, opt Options) (*Node, error) {
	if opt.Home == "" {
		return nil, &Error{Code: CodeUsage, Message: "a node needs a home", Hint: "set Options.Home", Exit: ExitUsage}
	}
	encryption, ok := mse.ParsePolicy(cmp.Or(opt.Encryption, mse.Prefer.String()))
	if !ok {
		return nil, &Error{Code: CodeUsage, Message: fmt.Sprintf("there is no policy %q of encryption", opt.Encryption),
			Hint: "set Options.Encryption to prefer, require, authenticated or off", Exit: ExitUsage}
	}
	log := opt.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if opt.Anonymous && encryption == mse.Authenticated {
		return nil, &Error{Code: CodeUsage, Message: "nobody can be anonymous and prove who he is",
			Hint: "set either net.anonymous or encryption = authenticated", Exit: ExitUsage}
	}
	w, err := opt.network()
	if err != nil {
		return nil, err
	}
	_, named := named(opt.Listen)
	n, err := node.Open(ctx, node.Config{
		Home: opt.Home, FS: vfs.OS(), Network: w.Network, Now: time.Now, Log: log,
		Listen: opt.Listen, Announced: named && opt.Proxy == "" && !opt.Anonymous, Anonymous: opt.Anonymous, Silent: opt.NoNetwork, Offline: opt.Offline || opt.NoNetwork, Encryption: encryption,
		PortMapping:   !opt.NoPortMapping,
		LargeRequests: !opt.NoLargeRequests,
		UTP:           !opt.NoUTP, HolePunching: !opt.NoHolePunching && opt.Proxy == "", DHT: !opt.NoDHT, DHTRouters: opt.DHTRouters, FeedPoll: opt.FeedPoll,
		Schedule: opt.Schedule, LimitLAN: opt.LimitLAN, BlockLists: opt.BlockLists, SuperSeeding: opt.SuperSeeding, Room: host.Room(vfs.OS()),
		Up: opt.Up, Down: opt.Down, DownloadDir: opt.DownloadDir, Version: Version, Slots: opt.Slots, MaxPeers: opt.MaxPeers,
		Ratio: opt.Ratio, SeedTime: opt.SeedTime, ActiveFetches: opt.ActiveFetches, ActiveSeeds: opt.ActiveSeeds,
	})
	if err != nil {
		w.close()
		return nil, errorOf(err)
	}
	return &Node{n, w}, nil
}

// named finds the address that the user named among those to listen at, if they named no wildcard.
func named(listen []netip.AddrPort) (netip.Addr, bool) {
	for _, a := range listen {
		if a.Addr().IsUnspecified() {
			return netip.Addr{}, false
		}
	}
	if len(listen) == 0 {
		return netip.Addr{}, false
	}
	return listen[0].Addr(), true
}

// Close ends the node: what is verified is made durable, trackers are told, everything is closed.
func (n *Node) Close() error {
	defer n.way.close()
	return errorOf(n.n.Close())
}

// Listen are the addresses at which peers reach the node.
func (n *Node) Listen() []netip.AddrPort { return n.n.ListenAddrs() }

// Key is the key that the node proves to others, as it stands in links and in KEY@HOST:PORT; empty if it proves none.
func (n *Node) Key() string { return n.n.Key() }

// External are the node's addresses as others on the internet see them, as far as they agree.
func (n *Node) External() []netip.Addr { return n.n.External() }

// DHT describes what we are in the distributed hash table.
func (n *Node) DHT() DHT { return dhtOf(n.n.DHT()) }

// Share adopts a file or folder where it lies, reads it once, and serves it from then on. The same path with the same
// content again is the same object.
func (n *Node) Share(ctx context.Context, req ShareRequest) (Object, error) {
	var o node.Object
	var err error
	if req.Feed != "" {
		o, err = n.n.Publish(ctx, req.create(req.Path), req.Feed, req.Progress, req.Note)
	} else {
		o, err = n.n.Share(ctx, req.create(req.Path), req.Progress, req.Note)
	}
	if err == nil && req.SuperSeed {
		err = n.n.SuperSeed(o.ID)
	}
	return objectOf(o), errorOf(err)
}

// Get begins to fetch a link and returns once that is accepted; [Node.Events] tells the rest. What the node has already it
// does not fetch again.
func (n *Node) Get(ctx context.Context, req GetRequest) (Object, error) {
	if path, ok := TorrentPath(req.Link); ok && req.Torrent == nil {
		b, err := ReadTorrent(path)
		if err != nil {
			return Object{}, err
		}
		req.Torrent = b
	}
	o, err := n.n.Get(ctx, node.GetRequest{
		Link: req.Link, Torrent: req.Torrent, Dir: req.Dir, Select: req.Select, Peers: req.Peers, Trackers: req.Trackers,
		Sequential: req.Sequential, Follow: req.Follow, Wait: req.Wait,
	})
	return objectOf(o), errorOf(err)
}

// Objects lists all objects in the order in which they were added.
func (n *Node) Objects() []Object {
	var list []Object
	for _, o := range n.n.Objects() {
		list = append(list, objectOf(o))
	}
	return list
}

// Object finds an object by its id, a prefix of four or more of its digits, or an info-hash.
func (n *Node) Object(id string) (Object, error) {
	o, err := n.n.Object(id)
	return objectOf(o), errorOf(err)
}

// Files lists the files of an object; none while they are not known.
func (n *Node) Files(id string) ([]File, error) {
	files, err := n.n.Files(id)
	var list []File
	for _, f := range files {
		list = append(list, File(f))
	}
	return list, errorOf(err)
}

// Peers lists whom an object is exchanged with, or everybody if id is empty.
func (n *Node) Peers(id string) ([]Peer, error) {
	peers, err := n.n.Peers(id)
	var list []Peer
	for _, p := range peers {
		list = append(list, peerOf(p))
	}
	return list, errorOf(err)
}

// Torrent is the .torrent file of an object.
func (n *Node) Torrent(id string) ([]byte, error) {
	b, err := n.n.Torrent(id)
	return b, errorOf(err)
}

// Info is what the torrent of an object says, or its link as long as there is no torrent.
func (n *Node) Info(id string) (Torrent, error) {
	o, err := n.n.Object(id)
	if err != nil {
		return Torrent{}, errorOf(err)
	}
	b, err := n.n.Torrent(o.ID)
	if err != nil {
		return Inspect(context.Background(), cmp.Or(o.VersionLink, o.Link))
	}
	t, err := ParseTorrent(b)
	t.Link, t.Feed = o.Link, objectOf(o).Feed
	return t, err
}

// Pause stops the exchange of an object until Resume, across restarts.
func (n *Node) Pause(id string) error { return errorOf(n.n.Pause(id)) }

// Resume takes a paused or failed object up again.
func (n *Node) Resume(id string) error { return errorOf(n.n.Resume(id)) }

// Limit limits the payload of one object, in bytes per second, besides the limits of the node and across restarts; 0 takes a
// limit away, and a negative one leaves it as it is.
func (n *Node) Limit(id string, up, down int64) error { return errorOf(n.n.Limit(id, up, down)) }

// SetPriorities says how much files of a fetched object are wanted, by their places in [Node.Files]: "low", "normal" or "high".
// Which files are fetched at all is decided by GetRequest.Select, once.
func (n *Node) SetPriorities(id string, priorities map[int]string) error {
	return errorOf(n.n.SetPriorities(id, priorities))
}

// Verify reads an object again and compares it with what it should be. What is wrong in a fetched object is fetched again;
// a share that has changed is not served any more. Progress may be nil.
func (n *Node) Verify(ctx context.Context, id string, progress func(done, total int64)) error {
	return errorOf(n.n.Verify(ctx, id, progress))
}

// Accept takes what lies at the place of a share now as its new version. It keeps its id; what has changed gets new info-hashes
// and another link. Progress may be nil.
func (n *Node) Accept(ctx context.Context, id string, progress func(done, total int64)) (Object, error) {
	o, err := n.n.Accept(ctx, id, progress)
	return objectOf(o), errorOf(err)
}

// Move moves the files of a fetched object to another folder, and goes on with them there, in the state it had. Nothing is
// overwritten; if it fails, or the context ends, everything is as it was. The files of a share are the user's and are not moved.
func (n *Node) Move(ctx context.Context, id, dir string) error {
	return errorOf(n.n.Move(ctx, id, dir, nil))
}

// Remove makes the node forget an object. With deleteFiles its files are deleted too, if they were fetched; those of a share
// are the user's, and asking for it is an error.
func (n *Node) Remove(ctx context.Context, id string, deleteFiles bool) error {
	return errorOf(n.n.Remove(ctx, id, deleteFiles))
}

// Events follows what happens from now on. The sequence ends when the context does or the node; to stop earlier, leave the
// loop. It can be ranged over once.
func (n *Node) Events(ctx context.Context) iter.Seq[Event] {
	ctx, stop := context.WithCancel(ctx)
	news := n.n.Subscribe(ctx)
	return func(yield func(Event) bool) {
		defer stop()
		for e := range news {
			if !yield(Event{Kind: EventKind(e.Kind), Object: objectOf(e.Object), Text: e.Text}) {
				return
			}
		}
	}
}
