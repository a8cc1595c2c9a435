package potluck

import "time"

// Formats of a torrent.
const (
	Hybrid = "hybrid" // BEP 3 and BEP 52 in one, which every client opens; the default
	V1     = "v1"
	V2     = "v2"
)

// TorrentOptions say how a file or folder becomes a torrent. The zero value is a good choice.
type TorrentOptions struct {
	Name        string // instead of the file's or folder's own
	Format      string // Hybrid if empty
	PieceLength int64  // a power of two of 16 KiB and more; 0 chooses by size
	Private     bool   // BEP 27: peers come from the named trackers alone. It is not encryption.
	Trackers    []string
	WebSeeds    []string
	Comment     string
	// Progress is told how many bytes of all have been hashed, from any goroutine. It may be nil.
	Progress func(done, total int64)
	// Note is told of files that are left out, and why. It may be nil.
	Note func(path, why string)
}

// ShareRequest says what to share.
type ShareRequest struct {
	Path string // of a file or folder, which is neither copied nor changed
	// Feed is the name of a feed (BEP 46) that this is the newest version of, 1 to 64 bytes; empty: of none. The feed's link stays,
	// and leads to what lies at the path at any time.
	Feed string
	// SuperSeed is Options.SuperSeeding for this one, until the node ends.
	SuperSeed bool
	TorrentOptions
}

// GetRequest says what to fetch.
type GetRequest struct {
	// Link is a magnet link, the path or URL of a .torrent file, or an info-hash.
	Link string
	// Torrent is the content of a .torrent file; if it is set, Link only names it in messages.
	Torrent []byte

	Dir        string   // where to put it; the download folder if empty
	Select     []string // patterns of files to fetch; all if there is none
	Peers      []string // known sources, as host:port or key@host:port: then nobody else is meant than the node with that key
	Trackers   []string // besides those of the link
	Sequential bool     // in the order of the files, to look at them while they come
	// Follow keeps to the feed that the link names: each newer version takes the object's place, in its folder.
	Follow bool
	// Wait is how long to go on while nobody has it, before the object fails with CodeNoSource; 0 is for ever.
	Wait time.Duration
}
