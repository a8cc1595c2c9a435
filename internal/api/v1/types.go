package v1

import (
	"fmt"
	"time"

	"github.com/potluck-p2p/potluck"
)

// Object is an object as JSON. What is not known is left out.
type Object struct {
	ID           string     `json:"id" doc:"8 hex digits, kept for ever"`
	Name         string     `json:"name,omitzero" doc:"a stranger's word if it was fetched: escape it where shown"`
	Kind         string     `json:"kind" enum:"shared,fetched"`
	State        string     `json:"state" enum:"resolving,checking,fetching,seeding,paused,changed,missing,failed"`
	Queued       bool       `json:"queued,omitzero" doc:"paused only until it is its turn, not by the user"`
	Error        *Trouble   `json:"error,omitzero"`
	Size         *int64     `json:"size,omitzero" doc:"bytes of all files"`
	BytesDone    int64      `json:"bytes_done" doc:"verified bytes of the wanted files"`
	BytesWanted  *int64     `json:"bytes_wanted,omitzero"`
	Path         string     `json:"path,omitzero"`
	Link         string     `json:"link,omitzero"`
	VersionLink  string     `json:"version_link,omitzero" doc:"of a feed, whose link is that of the newest version: the link of this one"`
	Feed         *Feed      `json:"feed,omitzero" doc:"what it publishes or follows"`
	InfoHashV1   string     `json:"infohash_v1,omitzero"`
	InfoHashV2   string     `json:"infohash_v2,omitzero"`
	Private      bool       `json:"private"`
	Listen       []string   `json:"listen,omitzero"`
	DownRate     float64    `json:"down_rate" doc:"bytes per second"`
	UpRate       float64    `json:"up_rate" doc:"bytes per second"`
	Downloaded   int64      `json:"downloaded"`
	Uploaded     int64      `json:"uploaded"`
	Ratio        float64    `json:"ratio"`
	Peers        int        `json:"peers"`
	Sources      int        `json:"sources" doc:"peers that have something of it"`
	SuperSeeding bool       `json:"super_seeding,omitzero" doc:"each peer is given another part, since nobody else has all"`
	ETA          *float64   `json:"eta,omitzero" doc:"seconds"`
	Trackers     []Tracker  `json:"trackers,omitzero"`
	Reach        *Reach     `json:"reach,omitzero" doc:"of a share, once it is known"`
	Added        *time.Time `json:"added,omitzero"`
	Done         *time.Time `json:"done,omitzero"`
}

// Trouble is why an object is not well, in the terms of a [Problem].
type Trouble struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitzero"`
	Exit    int    `json:"exit"`
}

// Feed is a feed (BEP 46), at the version at hand.
type Feed struct {
	Publisher string `json:"publisher" doc:"public key in hex"`
	Name      string `json:"name" doc:"the publisher's word for it: escape it where shown"`
	Sequence  int64  `json:"sequence" doc:"a later version has a higher number"`
	Followed  bool   `json:"followed,omitzero" doc:"somebody else's, whose versions take the object's place"`
}

// Tracker is how an object stands with a tracker.
type Tracker struct {
	URL       string     `json:"url"`
	Tier      int        `json:"tier"`
	Error     string     `json:"error,omitzero" doc:"why the last announce failed"`
	Seeders   *int       `json:"seeders,omitzero"`
	Leechers  *int       `json:"leechers,omitzero"`
	Announced *time.Time `json:"announced,omitzero"`
	Next      *time.Time `json:"next,omitzero"`
}

// File is a file of an object.
type File struct {
	Path      string `json:"path"`
	Size      int64  `json:"size"`
	BytesDone int64  `json:"bytes_done"`
	Priority  string `json:"priority,omitzero"`
}

// Peer is somebody an object is exchanged with.
type Peer struct {
	Address   string  `json:"address"`
	Client    string  `json:"client,omitzero" doc:"the peer's own word: escape it where shown"`
	Network   string  `json:"network"`
	Direct    bool    `json:"direct"`
	Punched   bool    `json:"punched,omitzero" doc:"a third peer told both ends to connect to each other at the same time"`
	Encrypted string  `json:"encrypted" doc:"not at all if empty; mse hides what it is and proves nothing; tls between two that have proven their keys"`
	Key       string  `json:"key,omitzero" doc:"that the peer has proven, by tls"`
	Have      float64 `json:"have" doc:"0 to 1"`
	DownRate  float64 `json:"down_rate"`
	UpRate    float64 `json:"up_rate"`
}

// Info is what a torrent or link says of an object.
type Info struct {
	Name        string     `json:"name,omitzero"`
	InfoHashV1  string     `json:"infohash_v1,omitzero"`
	InfoHashV2  string     `json:"infohash_v2,omitzero"`
	PieceLength int64      `json:"piece_length,omitzero"`
	Size        *int64     `json:"size,omitzero"`
	Private     bool       `json:"private"`
	Files       []InfoFile `json:"files,omitzero"`
	Trackers    [][]string `json:"trackers,omitzero"`
	WebSeeds    []string   `json:"web_seeds,omitzero"`
	Comment     string     `json:"comment,omitzero"`
	Link        string     `json:"link,omitzero"`
	Feed        *Feed      `json:"feed,omitzero" doc:"what the object publishes or follows"`
}

// InfoFile is a file as a torrent lists it.
type InfoFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// Status is how the node is.
type Status struct {
	Version    string         `json:"version"`
	PID        int            `json:"pid"`
	Home       string         `json:"home"`
	Started    time.Time      `json:"started"`
	Listen     []string       `json:"listen,omitzero" doc:"where peers are accepted"`
	External   []string       `json:"external,omitzero" doc:"our addresses as others on the internet see them"`
	Network    []Network      `json:"network,omitzero" doc:"the parts of the only way by which the node sends, if it is confined to one"`
	Routers    []Router       `json:"routers,omitzero" doc:"routers before the node that are asked to let others in"`
	API        string         `json:"api,omitzero" doc:"the address of the API over TCP, if it is open"`
	Offline    bool           `json:"offline"`
	Encryption string         `json:"encryption" doc:"the policy: prefer, require, authenticated or off"`
	Key        string         `json:"key,omitzero" doc:"that the node proves to others"`
	Objects    map[string]int `json:"objects" doc:"how many, by state; those that wait for their turn as queued"`
	DHT        *DHT           `json:"dht,omitzero" doc:"left out if the node takes no part in it"`
	Peers      int            `json:"peers"`
	DownRate   float64        `json:"down_rate"`
	UpRate     float64        `json:"up_rate"`
	Limits     Limits         `json:"limits"`
	Blocking   *Blocking      `json:"blocking,omitzero" doc:"left out without block lists"`
}

// Network is a part of the only way by which a node sends: an interface or a proxy.
type Network struct {
	Via     string `json:"via" doc:"an interface, an address of one, or a proxy"`
	Problem string `json:"problem,omitzero" doc:"why nothing is sent at present"`
	TCPOnly string `json:"tcp_only,omitzero" doc:"why datagrams do not get through"`
}

// Event is something that happened, mostly to an object.
type Event struct {
	Kind   string `json:"kind" enum:"added,progress,state,done,reach,accused,removed,network"`
	Object Object `json:"object"`
	Text   string `json:"text,omitzero"`
}

// Share asks for a file or folder to be shared.
type Share struct {
	Path        string   `json:"path" minLength:"1" maxLength:"65536" doc:"absolute, on the node's machine"`
	Feed        string   `json:"feed,omitzero" maxLength:"4096" doc:"the name of the feed that it is the newest version of"`
	SuperSeed   bool     `json:"super_seed,omitzero" doc:"give each peer another part, while nobody else has all, until the node ends (BEP 16)"`
	Name        string   `json:"name,omitzero" maxLength:"4096"`
	Format      string   `json:"format,omitzero" enum:"hybrid,v1,v2"`
	PieceLength int64    `json:"piece_length,omitzero" minimum:"0"`
	Private     bool     `json:"private,omitzero"`
	Trackers    []string `json:"trackers,omitzero" maxItems:"100"`
	WebSeeds    []string `json:"web_seeds,omitzero" maxItems:"100"`
	Comment     string   `json:"comment,omitzero" maxLength:"65536"`
}

// Hashing is how far the hashing of a share is.
type Hashing struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// Note is about a file that is left out of a share.
type Note struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Get asks for a link to be fetched.
type Get struct {
	Link       string   `json:"link,omitzero" maxLength:"65536" doc:"a magnet link, an info-hash or the URL of a .torrent file"`
	Torrent    []byte   `json:"torrent,omitzero" doc:"the content of a .torrent file, instead of a link"`
	Dir        string   `json:"dir,omitzero" maxLength:"65536" doc:"absolute, on the node's machine"`
	Select     []string `json:"select,omitzero" maxItems:"10000"`
	Peers      []string `json:"peers,omitzero" maxItems:"1000" doc:"host:port"`
	Trackers   []string `json:"trackers,omitzero" maxItems:"100"`
	Sequential bool     `json:"sequential,omitzero"`
	Follow     bool     `json:"follow,omitzero" doc:"the link is a feed's: each newer version takes the object's place"`
	Wait       float64  `json:"wait,omitzero" minimum:"0" doc:"seconds to go on while nobody has it; 0 is for ever"`
}

// Limit asks for the payload of one object to be limited; what is left out stays as it is.
type Limit struct {
	Up   *int64 `json:"up,omitempty" minimum:"0" doc:"bytes per second; 0 is no limit"`
	Down *int64 `json:"down,omitempty" minimum:"0" doc:"bytes per second; 0 is no limit"`
}

// Priorities asks for some files of an object to be fetched before or after others.
type Priorities struct {
	Files []FilePriority `json:"files" maxItems:"1000000"`
}

// FilePriority is how much a file is wanted.
type FilePriority struct {
	Index    int    `json:"index" minimum:"0" doc:"its place in the list of files"`
	Priority string `json:"priority" enum:"low,normal,high"`
}

// Move asks for an object's files to be moved.
type Move struct {
	Dir string `json:"dir" minLength:"1" maxLength:"65536" doc:"absolute, on the node's machine"`
}

func objectOf(o potluck.Object) Object {
	return Object{
		ID: o.ID, Name: o.Name, Kind: string(o.Kind), State: string(o.State), Queued: o.Queued, Error: troubleOf(o.Err),
		Size: known(o.Size), BytesDone: o.BytesDone, BytesWanted: known(o.BytesWanted), Path: o.Path, Link: o.Link,
		InfoHashV1: o.InfoHashV1, InfoHashV2: o.InfoHashV2, Private: o.Private, Listen: texts(o.Listen),
		DownRate: o.DownRate, UpRate: o.UpRate, Downloaded: o.Downloaded, Uploaded: o.Uploaded, Ratio: o.Ratio,
		VersionLink: o.VersionLink, Feed: feedOf(o.Feed), Peers: o.Peers, Sources: o.Sources, SuperSeeding: o.SuperSeeding, ETA: seconds(o.ETA), Trackers: trackersOf(o.Trackers), Reach: reachOf(o.Reach), Added: at(o.Added), Done: at(o.Done),
	}
}

func feedOf(f *potluck.Feed) *Feed {
	if f == nil {
		return nil
	}
	return &Feed{Publisher: f.Publisher, Name: f.Name, Sequence: f.Sequence, Followed: f.Followed}
}

func troubleOf(e *potluck.Error) *Trouble {
	if e == nil {
		return nil
	}
	return &Trouble{Code: e.Code, Message: e.Message, Hint: e.Hint, Exit: e.Exit}
}

func trackersOf(list []potluck.Tracker) []Tracker {
	var out []Tracker
	for _, t := range list {
		out = append(out, Tracker{
			URL: t.URL, Tier: t.Tier, Error: t.Error, Seeders: known(t.Seeders), Leechers: known(t.Leechers),
			Announced: at(t.Announced), Next: at(t.Next),
		})
	}
	return out
}

func filesOf(list []potluck.File) []File {
	out := make([]File, 0, len(list))
	for _, f := range list {
		out = append(out, File{Path: f.Path, Size: f.Size, BytesDone: f.BytesDone, Priority: f.Priority})
	}
	return out
}

func peersOf(list []potluck.Peer) []Peer {
	out := make([]Peer, 0, len(list))
	for _, p := range list {
		out = append(out, Peer{
			Address: p.Address, Client: p.Client, Network: p.Network, Direct: p.Direct, Punched: p.Punched,
			Encrypted: p.Encrypted, Key: p.Key, Have: p.Have, DownRate: p.DownRate, UpRate: p.UpRate,
		})
	}
	return out
}

// InfoOf is a torrent as JSON.
func InfoOf(t potluck.Torrent) Info {
	i := Info{
		Name: t.Name, InfoHashV1: t.InfoHashV1, InfoHashV2: t.InfoHashV2, PieceLength: t.PieceLength, Size: known(t.Size),
		Private: t.Private, Trackers: t.Trackers, WebSeeds: t.WebSeeds, Comment: t.Comment, Link: t.Link,
		Feed: feedOf(t.Feed),
	}
	for _, f := range t.Files {
		i.Files = append(i.Files, InfoFile{Path: f.Path, Size: f.Size})
	}
	return i
}

// known is nil for the negative numbers that stand for what is not known.
func known[N int | int64](n N) *N {
	if n < 0 {
		return nil
	}
	return &n
}

func seconds(d time.Duration) *float64 {
	if d < 0 {
		return nil
	}
	s := d.Seconds()
	return &s
}

func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func texts[T fmt.Stringer](list []T) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return out
}
