// Package checkup is what the doctor is told of a node: the facts as its rooms know them, and a look at the folders that it needs.
package checkup

import (
	"net/url"
	"time"

	"github.com/potluck-p2p/potluck/internal/discovery/dht"
	"github.com/potluck-p2p/potluck/internal/network/bittorrent"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/node/object"
	protocol "github.com/potluck-p2p/potluck/internal/protocol/portmap"
	"github.com/potluck-p2p/potluck/internal/reach/doctor"
	"github.com/potluck-p2p/potluck/internal/wire/krpc"
)

// Sources are where the facts are.
type Sources struct {
	Rooms   *object.Rooms
	Shell   *bittorrent.Shell
	Routers []protocol.Status
	DHT     []dht.Stats

	// AsksRouters, UTP and TakesPart say what the node does by its configuration: asks routers, speaks uTP, takes part in the DHT.
	AsksRouters, UTP, TakesPart bool
	// OpenFiles and Peers are how many the node may have at once.
	OpenFiles int64
	Peers     int
	// Home is the folder of the state, DownloadDir where fetched objects go.
	Home, DownloadDir string
}

// Facts are what is known of a node.
func Facts(s Sources) doctor.Facts {
	rooms := s.Rooms
	f := doctor.Facts{
		Now: rooms.Now(), Offline: rooms.Offline, Proxied: netx.IsProxied(rooms.Network), Listen: rooms.Sockets.Addrs(), External: rooms.External(),
		Asks: s.AsksRouters, UTP: s.UTP, TakesPart: s.TakesPart, OpenFiles: s.OpenFiles, Peers: s.Peers, DHT: nodes(s.DHT),
	}
	for _, c := range netx.Conditions(rooms.Network) {
		f.Ways = append(f.Ways, doctor.Way{Via: c.Via, Problem: c.Problem, TCPOnly: c.Streams})
	}
	f.Local, _ = rooms.Network.Addrs()
	for _, st := range s.Routers {
		f.Routers = append(f.Routers, router(st))
	}
	for _, a := range s.Shell.Arrivals() {
		arrived := doctor.Arrivals{IPv6: a.IPv6, Transport: doctor.TCP, Count: a.Count, Last: a.Last}
		if a.UTP {
			arrived.Transport = doctor.UTP
		}
		f.Arrivals = append(f.Arrivals, arrived)
	}
	f.Trackers, f.Recorded = written(rooms.Books.All())
	f.Places = append(f.Places, place(rooms.Disk.FS, "home", s.Home))
	if dir := s.DownloadDir; dir != "" && dir != s.Home {
		f.Places = append(f.Places, place(rooms.Disk.FS, "downloads", dir))
	}
	return f
}

// written is what the objects know: how announces go, by the tracker, and the latest moment that was recorded.
func written(objects []*object.Object) (trackers []doctor.Tracker, recorded time.Time) {
	asked := make(map[string]int)
	for _, o := range objects {
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

// hostOf is what of a tracker's URL is no secret.
func hostOf(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return "a tracker"
}

func router(st protocol.Status) doctor.Router {
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

func nodes(list []dht.Stats) (known []doctor.Node) {
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
			known = append(known, d)
		}
	}
	return known
}
