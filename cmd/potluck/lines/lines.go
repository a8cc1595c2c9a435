// Package lines is the lines of JSON that commands print with --json: one object a line, its type first. Other programs are written
// against them; what is not known is left out.
package lines

import v1 "github.com/potluck-p2p/potluck/internal/api/v1"

// The lines, by their types.
type (
	// Shared is what was shared, once the port accepts peers.
	Shared struct {
		Type        string   `json:"type"`
		ID          string   `json:"id"`
		Name        string   `json:"name"`
		Link        string   `json:"link"`
		VersionLink string   `json:"version_link,omitzero"`
		Feed        *v1.Feed `json:"feed,omitzero"`
		InfoHashV1  string   `json:"infohash_v1,omitzero"`
		InfoHashV2  string   `json:"infohash_v2,omitzero"`
		Size        *int64   `json:"size,omitzero"`
		Listen      []string `json:"listen"`
	}
	// Reach is whether others find a share, when that is known or changes.
	Reach struct {
		Type string `json:"type"`
		ID   string `json:"id"`
		v1.Reach
	}
	// Progress is how far an object is.
	Progress struct {
		Type       string   `json:"type"`
		ID         string   `json:"id"`
		State      string   `json:"state"`
		BytesDone  int64    `json:"bytes_done"`
		BytesTotal *int64   `json:"bytes_total,omitzero"`
		DownRate   float64  `json:"down_rate"`
		UpRate     float64  `json:"up_rate"`
		Peers      int      `json:"peers"`
		ETA        *float64 `json:"eta,omitzero"`
	}
	// Done is an object with all its bytes on the disk.
	Done struct {
		Type    string  `json:"type"`
		ID      string  `json:"id"`
		Path    string  `json:"path"`
		Bytes   int64   `json:"bytes"`
		Seconds float64 `json:"seconds"`
		// Sequence is that of the version, of a feed that is followed.
		Sequence int64 `json:"sequence,omitzero"`
	}
	// Object is one object of a list.
	Object struct {
		Type         string    `json:"type"`
		ID           string    `json:"id"`
		Name         string    `json:"name,omitzero"`
		State        string    `json:"state"`
		Queued       bool      `json:"queued,omitzero"`
		Size         *int64    `json:"size,omitzero"`
		BytesDone    int64     `json:"bytes_done"`
		Path         string    `json:"path,omitzero"`
		DownRate     float64   `json:"down_rate"`
		UpRate       float64   `json:"up_rate"`
		Ratio        float64   `json:"ratio"`
		SuperSeeding bool      `json:"super_seeding,omitzero"`
		Feed         *v1.Feed  `json:"feed,omitzero"`
		Seeders      *int      `json:"seeders,omitzero"`
		Leechers     *int      `json:"leechers,omitzero"`
		Reach        *v1.Reach `json:"reach,omitzero"`
		// Code, Message and Hint are as in an error line, of an object that is not well.
		Code    string `json:"code,omitzero"`
		Message string `json:"message,omitzero"`
		Hint    string `json:"hint,omitzero"`
	}
	// Finding is one thing that the doctor found.
	Finding struct {
		Type string `json:"type"`
		v1.Finding
	}
	// File is one file of an object.
	File struct {
		Type      string `json:"type"`
		Path      string `json:"path"`
		Size      int64  `json:"size"`
		BytesDone int64  `json:"bytes_done"`
		Priority  string `json:"priority,omitzero"`
	}
	// Peer is one connection.
	Peer struct {
		Type      string  `json:"type"`
		Address   string  `json:"address"`
		Client    string  `json:"client,omitzero"`
		Network   string  `json:"network"`
		Direct    bool    `json:"direct"`
		Punched   bool    `json:"punched,omitzero"`
		Encrypted string  `json:"encrypted"`
		Key       string  `json:"key,omitzero"`
		Have      float64 `json:"have"`
		DownRate  float64 `json:"down_rate"`
		UpRate    float64 `json:"up_rate"`
	}
	// Status is how the running node is.
	Status struct {
		Type string `json:"type"`
		v1.Status
	}
	// Info is what a torrent, a link or an object is.
	Info struct {
		Type        string        `json:"type"`
		Name        string        `json:"name,omitzero"`
		InfoHashV1  string        `json:"infohash_v1,omitzero"`
		InfoHashV2  string        `json:"infohash_v2,omitzero"`
		PieceLength int64         `json:"piece_length,omitzero"`
		Size        *int64        `json:"size,omitzero"`
		Private     bool          `json:"private"`
		Files       []v1.InfoFile `json:"files,omitzero"`
		Feed        *v1.Feed      `json:"feed,omitzero"`
		Trackers    [][]string    `json:"trackers"`
		WebSeeds    []string      `json:"web_seeds"`
		Reach       *v1.Reach     `json:"reach,omitzero"`
	}
	// Setting is one setting, and where its value comes from.
	Setting struct {
		Type   string `json:"type"`
		Key    string `json:"key"`
		Value  string `json:"value"`
		Source string `json:"source"`
		Where  string `json:"where,omitzero"`
		About  string `json:"about"`
	}
	// Version is the version of the program.
	Version struct {
		Type    string `json:"type"`
		Version string `json:"version"`
	}
	// Error is what went wrong.
	Error struct {
		Type    string `json:"type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Hint    string `json:"hint,omitzero"`
		Exit    int    `json:"exit"`
	}
)

// SharedOf is the line of a share.
func SharedOf(o v1.Object) Shared {
	listen := o.Listen
	if listen == nil {
		listen = []string{}
	}
	return Shared{
		Type: "shared", ID: o.ID, Name: o.Name, Link: o.Link, VersionLink: o.VersionLink, Feed: o.Feed, InfoHashV1: o.InfoHashV1, InfoHashV2: o.InfoHashV2, Size: o.Size,
		Listen: listen,
	}
}

// ProgressOf is the line of an object that is fetched.
func ProgressOf(o v1.Object) Progress {
	return Progress{
		Type: "progress", ID: o.ID, State: o.State, BytesDone: o.BytesDone, BytesTotal: o.BytesWanted, DownRate: o.DownRate,
		UpRate: o.UpRate, Peers: o.Peers, ETA: o.ETA,
	}
}

// ObjectOf is the line of an object in a list.
func ObjectOf(o v1.Object) Object {
	l := Object{
		Type: "object", ID: o.ID, Name: o.Name, State: o.State, Queued: o.Queued, Size: o.Size, BytesDone: o.BytesDone, Path: o.Path,
		DownRate: o.DownRate, UpRate: o.UpRate, Ratio: o.Ratio, SuperSeeding: o.SuperSeeding, Feed: o.Feed,
		Seeders:  most(o.Trackers, func(t v1.Tracker) *int { return t.Seeders }),
		Leechers: most(o.Trackers, func(t v1.Tracker) *int { return t.Leechers }),
		Reach:    o.Reach,
	}
	if e := o.Error; e != nil {
		l.Code, l.Message, l.Hint = e.Code, e.Message, e.Hint
	}
	return l
}

// most is the largest number that a tracker said, nil if none did: they know more or less the same peers.
func most(list []v1.Tracker, of func(v1.Tracker) *int) (most *int) {
	for _, t := range list {
		if n := of(t); n != nil && (most == nil || *n > *most) {
			most = n
		}
	}
	return most
}

// InfoOf is the line of what is known of a torrent.
func InfoOf(i v1.Info) Info {
	l := Info{
		Type: "info", Name: i.Name, InfoHashV1: i.InfoHashV1, InfoHashV2: i.InfoHashV2, PieceLength: i.PieceLength, Size: i.Size,
		Private: i.Private, Feed: i.Feed, Files: i.Files, Trackers: i.Trackers, WebSeeds: i.WebSeeds,
	}
	// That there are none is known.
	if l.Trackers == nil {
		l.Trackers = [][]string{}
	}
	if l.WebSeeds == nil {
		l.WebSeeds = []string{}
	}
	return l
}
