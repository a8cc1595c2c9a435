package node

import (
	"net/netip"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/catalog"
	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/store"
	"github.com/potluck-p2p/potluck/internal/swarm"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Object is what a user sees of an object at one moment.
type Object struct {
	ID, Name, Kind, State string
	Err                   *Error // why it stopped; nil if it did not
	Size                  int64  // of all files, in bytes; 0 while resolving
	BytesWanted           int64  // of the files selected
	BytesDone             int64  // verified, of the files selected
	Path                  string // where it lies; empty while resolving
	Link                  string // a magnet link
	InfoHashV1            string // hex; empty if there is none
	InfoHashV2            string
	Private               bool
	Queued                bool    // paused until it is its turn, not by the user
	DownRate, UpRate      float64 // bytes per second
	Downloaded, Uploaded  int64   // payload ever
	Peers, Sources        int
	ETA                   time.Duration // -1 if unknown
	Added, Done           time.Time     // Done is zero until the object is complete
	Listen                []netip.AddrPort
	Trackers              []Tracker
}

// File is one file of an object.
type File struct {
	Path      string
	Size      int64
	BytesDone int64
	Priority  string // "low", "normal", "high", or "skip" if it was not selected
}

// Peer is one connection of an object. Client is the peer's own word: escape it when shown.
type Peer struct {
	Address          string
	Client           string
	Network          string
	Direct           bool
	Have             float64
	DownRate, UpRate float64
}

// Objects lists all objects in the order they were added.
func (n *Node) Objects() []Object {
	var list []Object
	for _, o := range n.all() {
		list = append(list, n.describe(o))
	}
	return list
}

// Object describes the object that an id, a prefix of 4 or more of its digits, or an info-hash names.
func (n *Node) Object(ref string) (Object, error) {
	o, err := n.lookup(ref)
	if err != nil {
		return Object{}, err
	}
	return n.describe(o), nil
}

// lookup finds an object by what a user may type.
func (n *Node) lookup(ref string) (*object, error) {
	r, err := n.catalog.Get(n.life, ref)
	if err != nil {
		return nil, explain(err)
	}
	for _, o := range n.all() {
		if o.id == r.ID {
			return o, nil
		}
	}
	return nil, explain(catalog.ErrNotFound)
}

func (n *Node) describe(o *object) Object {
	s := o.swarm.Snapshot(n.cfg.Now())
	o.mu.Lock()
	r, b, waiting := o.record, o.body, o.turn.waiting
	o.mu.Unlock()
	d := Object{
		ID: o.id, Name: r.Name, Kind: string(r.Kind), State: string(s.State), Size: r.Size,
		BytesWanted: s.WantedBytes, BytesDone: s.VerifiedBytes, Private: r.Private,
		DownRate: s.DownRate, UpRate: s.UpRate,
		Downloaded: r.DownloadedBytes + s.DownBytes, Uploaded: r.UploadedBytes + s.UpBytes,
		Peers: s.Peers, Sources: s.Sources, ETA: -1, Added: r.AddedAt, Done: r.DoneAt,
		Listen: n.ListenAddrs(), Trackers: n.trackerStatus(o),
	}
	d.Queued = waiting && s.State == swarm.Paused && r.State != catalog.Paused
	if s.Err != nil {
		d.Err = explain(s.Err)
	}
	hash := r.InfoHash
	if b != nil {
		hash = b.info.Hash
		d.Name, d.Path = b.object.Name().String(), b.files.Path()
	} else if r.Kind == catalog.Shared {
		d.Path = r.Root
	} else if r.Name != "" {
		d.Path = filepath.Join(r.Root, r.Name)
	}
	if v1, ok := hash.V1(); ok {
		d.InfoHashV1 = v1.String()
	}
	if v2, ok := hash.V2(); ok {
		d.InfoHashV2 = v2.String()
	}
	if left := s.WantedBytes - s.VerifiedBytes; s.State == swarm.Fetching && s.DownRate > 0 {
		d.ETA = time.Duration(float64(left) / s.DownRate * float64(time.Second)).Round(time.Second)
	}
	d.Link = n.link(r, b, hash).Magnet()
	return d
}

// link is what the user passes on. It carries an address only if the user named one.
func (n *Node) link(r catalog.Record, b *body, hash metainfo.InfoHash) link.Link {
	l := link.Link{Kind: link.Magnet, InfoHash: hash, Name: r.Name, Length: r.Size, WebSeeds: r.WebSeeds}
	if b != nil {
		l.Name = b.info.RawName()
	}
	for _, tier := range r.Trackers {
		l.Trackers = append(l.Trackers, tier...)
	}
	if n.cfg.Announced {
		for _, a := range n.ListenAddrs() {
			l.Peers = append(l.Peers, a.String())
		}
	}
	return l
}

// Files lists the files of an object; none while it is resolving.
func (n *Node) Files(ref string) ([]File, error) {
	o, err := n.lookup(ref)
	if err != nil {
		return nil, err
	}
	b := o.theBody()
	if b == nil {
		return nil, nil
	}
	have := o.swarm.Have()
	list := make([]File, len(b.object.Files()))
	priorities := o.thePriorities()
	for i := range list {
		list[i] = b.fileStatus(i, priorities)
	}
	for piece := range have.All() {
		for _, e := range b.layout.Extents(piece) {
			if b.files.State(e.File) != store.Whole {
				list[e.File].BytesDone += e.Length
			}
		}
	}
	return list, nil
}

// Peers lists the connections of an object, or of all if ref is empty.
func (n *Node) Peers(ref string) ([]Peer, error) {
	objects := n.all()
	if ref != "" {
		o, err := n.lookup(ref)
		if err != nil {
			return nil, err
		}
		objects = []*object{o}
	}
	var list []Peer
	for _, o := range objects {
		for _, p := range o.swarm.Peers(n.cfg.Now()) {
			peer := Peer{
				Address: p.Addr.String(), Client: content.Printable(p.Client), Network: "bittorrent", Direct: true, Have: p.Have,
				DownRate: p.DownRate, UpRate: p.UpRate,
			}
			if p.Network != "" {
				peer.Address, peer.Network = p.Name, p.Network
			}
			list = append(list, peer)
		}
	}
	return list, nil
}

// Torrent is the .torrent file of an object. A v2 object has one only when all its piece layers are known.
func (n *Node) Torrent(ref string) ([]byte, error) {
	o, err := n.lookup(ref)
	if err != nil {
		return nil, err
	}
	r, b := o.theRecord(), o.theBody()
	if b == nil || !b.hashes.HasLayers() {
		return nil, &Error{"resolving", "the metadata is not complete yet", "wait until peers have sent it", ExitFailed, nil}
	}
	t := metainfo.Torrent{Info: b.info, PieceLayers: b.hashes.Layers(), Trackers: r.Trackers, WebSeeds: r.WebSeeds, Comment: r.Comment, CreatedBy: n.client()}
	return t.Append(nil), nil
}

// publish tells subscribers of an object. Without any it costs nothing.
func (n *Node) publish(kind EventKind, o *object, text string) {
	if !n.events.any() {
		return
	}
	n.events.publish(Event{Kind: kind, Object: n.describe(o), Text: text})
}
