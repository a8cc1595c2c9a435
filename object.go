package potluck

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

// State says what is happening to an object.
type State string

// The states of an object.
const (
	Resolving State = "resolving" // finding out what the link stands for
	Checking  State = "checking"  // hashing what is on disk
	Fetching  State = "fetching"
	Seeding   State = "seeding" // all there, given to whoever asks
	Paused    State = "paused"
	Changed   State = "changed" // a shared file is not what it was
	Missing   State = "missing" // a file is gone
	Failed    State = "failed"
)

// Kind says where an object came from.
type Kind string

// The kinds of objects.
const (
	Shared  Kind = "shared"  // the user's own files, never written to
	Fetched Kind = "fetched" // by link
)

// Object is what is known of an object at one moment.
type Object struct {
	ID    string // 8 hex digits, kept for ever
	Name  string // a stranger's word for it if it was fetched, made safe as a file name
	Kind  Kind
	State State
	// Queued says that it is paused only until it is its turn, not by the user.
	Queued bool
	Err    *Error // why it is in that state, nil if there is no trouble

	Size        int64 // of all files, -1 while it is not known
	BytesDone   int64 // of the wanted files, verified
	BytesWanted int64 // of the wanted files, -1 while it is not known

	Path string // of the file or folder; empty while it is not known
	Link string // to pass on; of a feed, that of the feed
	// VersionLink is that of this version, if the object has to do with a feed; Feed is which.
	VersionLink string
	Feed        *Feed
	InfoHashV1  string // in hex, empty if it has none
	InfoHashV2  string
	Private     bool
	Listen      []netip.AddrPort // where peers reach it

	DownRate, UpRate     float64 // bytes per second
	Downloaded, Uploaded int64
	Ratio                float64 // uploaded by size
	Peers                int
	Sources              int           // peers that have something of it
	SuperSeeding         bool          // each peer is given another part, since nobody else has all (BEP 16)
	ETA                  time.Duration // negative if it is not known
	Trackers             []Tracker
	Reach                *Reach // whether others find it; nil while that is not known, and of what was fetched

	Added time.Time
	Done  time.Time // zero if it is not
}

// Feed is what an object publishes or follows (BEP 46): a pointer to the newest version, signed by its publisher.
type Feed struct {
	Publisher string // public key in hex
	Name      string // the publisher's word for it, safe to show
	Sequence  int64  // of the version at hand: a later one has a higher number
	Followed  bool   // somebody else's, whose versions take the object's place
}

// Complete reports whether every wanted byte is there.
func (o Object) Complete() bool { return o.State == Seeding || !o.Done.IsZero() }

// Tracker is how an object stands with one of its trackers. Its strings are safe to show.
type Tracker struct {
	URL       string
	Tier      int
	Error     string // why the last announce failed; empty if it did not
	Seeders   int    // that the tracker knows of, -1 if it did not say
	Leechers  int
	Announced time.Time // last; zero if never
	Next      time.Time
}

// File is a file of an object.
type File struct {
	Path      string // below the object's name, with slashes; the name itself if the object is a single file
	Size      int64
	BytesDone int64
	Priority  string // "low", "normal", "high", or "skip" if it was not selected
}

// Peer is somebody an object is exchanged with.
type Peer struct {
	Address string
	Client  string // the peer's own word for its program
	Network string // "bittorrent"
	Direct  bool   // not by way of a relay
	Punched bool   // nobody can connect to one of us: a third told both to connect to each other at the same time
	// Encrypted is how the connection is encrypted: "" not at all, "mse" by Message Stream Encryption, which hides what it is and
	// proves nothing, "tls" by TLS, in which both ends have proven their keys. Key is the peer's then, as in [Node.Key].
	Encrypted string
	Key       string
	Have      float64
	// DownRate is what we get from the peer in bytes per second, UpRate what we give.
	DownRate, UpRate float64
}

// Printable makes a string that came from a stranger, as names and paths do, safe to show in a terminal: control characters
// and marks that change the direction of text are escaped.
func Printable(s string) string { return content.Printable(s) }
