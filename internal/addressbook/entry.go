package addressbook

import (
	"net/netip"
	"time"
)

// Origin says who told us of an address. A lower one is trusted more. The numbers are stored: they are never given another
// meaning.
type Origin uint8

// The origins of addresses.
const (
	FromUser    Origin = iota // --peer: dialled for as long as it takes
	FromLink                  // x.pe: whoever made the link says so
	FromPeer                  // it connected to us and told where it listens
	FromTracker               // a hint
	FromPEX                   // another peer's hint (BEP 11)
	FromLAN                   // heard on the local network (BEP 14)
	FromDHT                   // a hint from the distributed hash table (BEP 5)
	origins                   // how many there are
)

// Valid reports whether an origin is one of these.
func (o Origin) Valid() bool { return o < origins }

// hint reports whether anyone could have said so.
func (o Origin) hint() bool { return o > FromLink }

// phase is where an address is in its life:
//
//	waiting -> ready -> dialling -> linked -> waiting ...
//	             \-> feeling ----------------/
//
// Dialling and feeling end in waiting too when nobody answers, and for good when it is ourselves who do.
type phase uint8

const (
	waiting   phase = iota // not to be dialled before it is due
	ready                  // due
	dialling               // somebody tries to connect
	feeling                // so too, to see whether it lives
	linked                 // there is a connection
	ourselves              // never to be dialled
)

// entry is what is known of one address.
type entry struct {
	addr    netip.AddrPort
	network *network
	teller  teller // of a hint that still counts against its teller's share
	origin  Origin
	phase   phase
	fails   int
	rank    uint32    // the canonical priority, or a lot where our address is not known
	next    time.Time // not to be dialled before
	since   time.Time // when it was linked
	tried   bool      // somebody tried to connect
	lives   bool      // a feeler, or the last run, says that somebody is there
	anchor  bool      // of the last run
	moved   int64     // payload to and fro, of this run, and a part of that of earlier ones
	seen    time.Time // when payload last went

	pin *Pin // nil: nothing is known of who is there

	place int // in Book.waiting or network.ready
}

func entryPlace(e *entry) *int { return &e.place }

// proven says that payload went to or fro: it is no mere hint any more, is tried again like an address that the link names,
// and makes no room for others.
func (e *entry) proven() bool { return e.moved > 0 }

// idle reports whether nobody is connected, or about to be.
func (e *entry) idle() bool { return e.phase == waiting || e.phase == ready }

// first says which of two addresses is dialled first as far as they themselves go: those the user named, then the anchors of
// the last run, then those that failed least, then those known to live, and among equals those of the highest canonical
// priority. BEP 40: "it may be beneficial for clients to take that into consideration when deciding which peers to connect to".
func (e *entry) first(f *entry) bool { return precedes(e, f, e.fails, f.fails) }

// precedes is first with a given cost for each.
func precedes(e, f *entry, costE, costF int) bool {
	switch {
	case (e.origin == FromUser) != (f.origin == FromUser):
		return e.origin == FromUser
	case e.anchor != f.anchor:
		return e.anchor
	case costE != costF:
		return costE < costF
	case e.lives != f.lives:
		return e.lives
	case e.rank != f.rank:
		return e.rank > f.rank
	}
	return e.addr.Compare(f.addr) < 0
}

// sooner orders the addresses that wait.
func sooner(e, f *entry) bool {
	if !e.next.Equal(f.next) {
		return e.next.Before(f.next)
	}
	return e.addr.Compare(f.addr) < 0
}
