package node

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/netx"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/reach/doctor"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Examine says what of the node others can reach, what not, and why.
func (n *Node) Examine() ([]doctor.Finding, doctor.Reach) { return doctor.Examine(n.facts()) }

// facts are what is known of the node.
func (n *Node) facts() doctor.Facts {
	f := doctor.Facts{
		Now: n.cfg.Now(), Offline: n.cfg.Offline, Proxied: netx.IsProxied(n.cfg.Network), Listen: n.sockets.Addrs(), External: n.rooms.External(),
		Asks: n.portmap != nil, UTP: n.utp != nil, TakesPart: n.cfg.DHT, OpenFiles: n.cfg.Room.Files, Peers: n.cfg.MaxPeers,
	}
	for _, c := range n.Conditions() {
		f.Ways = append(f.Ways, doctor.Way{Via: c.Via, Problem: c.Problem, TCPOnly: c.Streams})
	}
	f.Local, _ = n.cfg.Network.Addrs()
	for _, st := range n.Routers() {
		f.Routers = append(f.Routers, routerFact(st))
	}
	for _, a := range n.shell.Arrivals() {
		arrived := doctor.Arrivals{IPv6: a.IPv6, Transport: doctor.TCP, Count: a.Count, Last: a.Last}
		if a.UTP {
			arrived.Transport = doctor.UTP
		}
		f.Arrivals = append(f.Arrivals, arrived)
	}
	if n.dht != nil {
		f.DHT = nodeFacts(n.dht.Stats())
	}
	f.Trackers, f.Recorded = n.written()
	f.Places = append(f.Places, n.place("home", n.cfg.Home))
	if dir := n.cfg.DownloadDir; dir != "" && dir != n.cfg.Home {
		f.Places = append(f.Places, n.place("downloads", dir))
	}
	return f
}

// written is what the objects know: how announces go, by the tracker, and the latest moment that was recorded.
func (n *Node) written() (trackers []doctor.Tracker, recorded time.Time) {
	asked := make(map[string]int)
	for _, o := range n.books.All() {
		for _, t := range o.Describe().Trackers {
			host := hostOf(t.URL)
			i, known := asked[host]
			if !known {
				i = len(trackers)
				asked[host] = i
				trackers = append(trackers, doctor.Tracker{URL: host})
			}
			trackers[i].Answered = trackers[i].Answered || !t.Announced.IsZero() && t.Error == ""
			if t.Error != "" {
				trackers[i].Error = t.Error
			}
		}
		r := o.Record()
		for _, at := range []time.Time{r.AddedAt, r.DoneAt} {
			if at.After(recorded) {
				recorded = at
			}
		}
	}
	return trackers, recorded
}

func routerFact(st protocol.Status) doctor.Router {
	r := doctor.Router{Addr: st.Router, Source: st.Source, External: st.Address}
	if len(st.Ports) > 0 {
		r.Protocol = st.Protocol.String()
	}
	for _, p := range st.Ports {
		if p.Transport == protocol.TCP {
			r.TCP = p.External.Port()
		} else {
			r.UDP = p.External.Port()
		}
		if !r.External.IsValid() {
			r.External = p.External.Addr()
		}
	}
	if st.Err != nil {
		r.Why = st.Err.Error()
	}
	return r
}

func nodeFacts(list []dht.Stats) (nodes []doctor.Node) {
	for _, st := range list {
		for i, side := range st.Sides {
			at := st.Reachability[i]
			d := doctor.Node{IPv6: side.Family == krpc.IPv6, State: side.State.String(), Known: side.Nodes, At: at.At}
			switch at.Standing {
			case dht.Reached:
				d.Standing = doctor.Asked
			case dht.Unreached:
				d.Standing = doctor.NotAsked
			}
			nodes = append(nodes, d)
		}
	}
	return nodes
}

// hostOf is what of a tracker's URL is no secret.
func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return "a tracker"
}

// trial is a file that is made to see whether one can be.
const trial = ".potluck-trial"

// place looks whether a folder can be written to; of one that is not there yet, the one it would be in.
func (n *Node) place(name, dir string) doctor.Place {
	disk := n.cfg.FS
	for {
		if _, err := disk.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	p := doctor.Place{Name: name, Path: dir, Free: -1}
	if free, err := disk.Free(dir); err == nil {
		p.Free = free
	}
	if err := tryToWrite(disk, dir); err != nil {
		var where *fs.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		p.Problem = err.Error()
	}
	return p
}

func tryToWrite(disk vfs.FS, dir string) error {
	root, err := disk.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(trial, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), root.Remove(trial))
}
