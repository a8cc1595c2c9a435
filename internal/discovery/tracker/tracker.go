// Package tracker finds peers by asking trackers.
//
// [Announcer] decides for one object whom to ask when, and takes no action itself. [Client] asks over HTTP and UDP. [Runner]
// brings the two together for all objects: one goroutine and one timer for however many there are, and a goroutine for each
// announce under way.
package tracker

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// Server is a tracker.
type Server struct {
	URL string
	// Trusted holds for a tracker that the user named on the command line. See [urls.Guard].
	Trusted bool
}

// Stats are the facts about an object that trackers are told, and what we want of them.
type Stats struct {
	Uploaded   int64 // since the object was opened
	Downloaded int64
	Left       int64  // of the whole object, wanted or not; 0: we are complete
	Partial    bool   // we have all we want, though not all (BEP 21)
	Want       int    // peers we would like to hear of
	Hungry     bool   // we have too few peers to go on: ask as often as the tracker allows
	Port       uint16 // where we take peers
	Own        []netip.AddrPort
}

// Response is what a tracker answered.
type Response struct {
	wire.Response
	// From says how far the peers are to be trusted.
	From netx.PeerSource
	// Tracker is the address that answered.
	Tracker netip.Addr
}

// ErrNoAnswer says that a UDP tracker kept silent.
var ErrNoAnswer = errors.New("no answer")

// StatusError is an HTTP status without a tracker's answer.
type StatusError struct{ Code int }

func (e *StatusError) Error() string { return fmt.Sprintf("HTTP status %d", e.Code) }

// Status is what the user may want to know about one tracker. Its strings are safe to show.
type Status struct {
	url       string // as it is asked
	URL       string
	Tier      int
	Announced time.Time // last success; zero if none
	Next      time.Time // when it will be asked again; zero while it is being asked, and when others are asked instead
	Err       error     // of the last announce; nil once one of its addresses has answered
	Warning   string
	Seeders   int // -1: not said
	Leechers  int // -1: not said
	Peers     int // addresses in its last answers
}
