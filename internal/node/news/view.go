package news

import (
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/fault"
)

// Object is what a user sees of an object at one moment.
type Object struct {
	ID, Name, Kind, State string
	Err                   *fault.Error // why it stopped; nil if it did not
	Size                  int64        // of all files, in bytes; 0 while resolving
	BytesWanted           int64        // of the files selected
	BytesDone             int64        // verified, of the files selected
	Path                  string       // where it lies; empty while resolving
	Link                  string       // a magnet link; of a feed, that of the feed
	VersionLink           string       // of a feed, that of this version; empty otherwise
	Feed                  *Channel     // the feed that it publishes or follows; nil if none
	InfoHashV1            string       // hex; empty if there is none
	InfoHashV2            string
	Private               bool
	Queued                bool    // paused until it is its turn, not by the user
	DownRate, UpRate      float64 // bytes per second
	Downloaded, Uploaded  int64   // payload ever
	Peers, Sources        int
	SuperSeeding          bool
	ETA                   time.Duration // -1 if unknown
	Added, Done           time.Time     // Done is zero until the object is complete
	Listen                []netip.AddrPort
	Trackers              []Tracker
	Reach                 *Reach // of a share, once it is known
}

// Channel is the feed of an object (BEP 46), at its version.
type Channel struct {
	Publisher string // public key in hex
	Name      string // its salt, safe to show
	Sequence  int64
	Followed  bool // not published by us
}

// Reach is whether others find an object in the DHT: the address of a peer, which they may be able to connect to or not.
type Reach struct {
	Found bool
	As    netip.AddrPort // what they find; the zero value: nothing
	Took  time.Duration  // until it was found, or all were asked
	Nodes int            // that answered
	// Seeders and Leechers are about how many there are, as far as these said (BEP 33); -1 if none did.
	Seeders, Leechers int
	Checked           time.Time    // zero if there was nothing to check
	Why               *fault.Error // they do not, or do but not all of them can connect; nil if nothing is known to be wrong
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
	Encrypted        Encryption
	Key              string // that the peer has proven, by TLS
	Punched          bool   // both ends began it at the same time, as a third told them
	Have             float64
	DownRate, UpRate float64
}

// Encryption is how a connection is encrypted.
type Encryption string

// The ways. A connection by MSE of which only the handshake is hidden is not encrypted.
const (
	NotEncrypted Encryption = ""
	ByMSE        Encryption = "mse" // which hides what it is, and proves nothing
	ByTLS        Encryption = "tls" // between two that have proven their keys
)

// Tracker is how one tracker of an object is doing. Its strings are safe to show.
type Tracker struct {
	URL       string
	Tier      int
	Error     string
	Next      time.Time
	Seeders   int // -1 if it did not say
	Leechers  int
	Peers     int
	Announced time.Time
}
