// Package adding is how objects come to a node: what lies on the disk is shared (share), what a link names is fetched (get), and what
// has changed since it was shared takes its own place (accept). Whether an object is new is decided by one at a time; if it is not, the
// one that is held goes on, with what the newcomer brings (again).
package adding

import (
	"sync"

	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/node/object"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Config is what an Adder is made of. All of it is required.
type Config struct {
	Rooms   *object.Rooms
	Fetcher *urls.Client // of .torrent files
	// DownloadDir is where fetched objects go unless said otherwise.
	DownloadDir string
	// Introduce is told of each .torrent, which may name nodes of the DHT; nil of a link without one.
	Introduce func(*metainfo.Torrent)
}

// Adder adds objects to the books of a node. It is safe for concurrent use.
type Adder struct {
	cfg   Config
	rooms *object.Rooms

	deciding sync.Mutex // held while it is decided whether an object is new
}

// New makes an adder.
func New(cfg Config) *Adder { return &Adder{cfg: cfg, rooms: cfg.Rooms} }
