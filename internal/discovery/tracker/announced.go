package tracker

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// maxWant bounds the peers that a tracker is asked for.
const maxWant = 200

// Task is what a runner works with to announce an object. Its functions are called by the goroutine of Run only, one at a time
// for all objects, and must not block.
type Task struct {
	PeerID [20]byte
	// Key tells a tracker that announces from several addresses are of one client; nobody else may know it.
	Key uint32
	// Stats are the facts at the moment.
	Stats func() Stats
	// Found takes peers that may be dialled.
	Found func([]netip.AddrPort)
	// Told is called when a tracker says what our address is (BEP 24); nil if nobody cares.
	Told func(tracker, own netip.Addr)
	// Guarded does something for the object, and contains its panic: all others are announced by the same goroutine.
	Guarded func(work func())
}

// Announced is an object as a [Runner] knows it.
type Announced struct {
	task Task

	// What its user wants; the runner's lock guards it.
	plan    *Plan // to be announced as soon as that may be; nil: as it is
	leaves  bool  // trackers are to be told good-bye, before that
	retired bool  // for good
	active  bool  // the goroutine of Run has to do with it
	gone    chan struct{}

	// What it is; written by the goroutine of Run with the runner's lock.
	phase phase
	lacks bool       // bytes were missing at the last look
	core  *Announcer // nil: quiet
	until time.Time  // the end of leaving
	at    time.Time  // the next look
	index int        // among the deadlines, if active

	underway []*announce // the goroutine of Run's alone

	// The mail's.
	posted bool
	news   []*announce
}

// NewAnnounced makes an object that is not announced yet.
func NewAnnounced(t Task) *Announced { return &Announced{task: t, index: -1} }

// phase is what a runner does with an object.
type phase uint8

const (
	quiet      phase = iota
	announcing       // as its core decides
	ending           // announces under way are waited for, which were cancelled
	leaving          // the good-byes are under way
)

// announce is one that waits in line, or is under way.
type announce struct {
	job      Job
	place    *place
	state    announceState
	unwanted bool // it is not to be made, when it may begin
	cancel   context.CancelFunc
	resp     *Response
	err      error
}

type announceState uint8

const (
	waiting announceState = iota
	begun                 // it may be made
	asking
)

func (o *Announced) strike(a *announce) {
	if o.underway = slices.DeleteFunc(o.underway, func(x *announce) bool { return x == a }); len(o.underway) == 0 {
		o.underway = nil // objects at rest are many
	}
}

// next is when an object must be looked at if nothing happens.
func (o *Announced) next(now time.Time) time.Time {
	switch {
	case o.phase == leaving:
		return o.until
	case o.phase == announcing && !o.core.Next().IsZero():
		return o.core.Next()
	}
	return now.Add(never)
}

// pass hands on what a tracker said.
func (o *Announced) pass(a *announce, s Stats) {
	var peers []netip.AddrPort
	for _, p := range a.resp.Peers {
		if netx.AcceptPeer(a.resp.From, p, s.Own) {
			peers = append(peers, p)
		}
	}
	if len(peers) > 0 {
		o.task.Found(peers)
	}
	if own := a.resp.ExternalIP; own.IsValid() && o.task.Told != nil {
		o.task.Told(a.resp.Tracker, own)
	}
}

func (o *Announced) request(job Job, s Stats) Request {
	want := min(max(s.Want, 0), maxWant)
	if job.Event == wire.Stopped {
		want = 0
	}
	return Request{Server: job.Server, Family: job.Family, Announce: wire.Announce{
		InfoHash: job.Hash, PeerID: o.task.PeerID, Uploaded: s.Uploaded, Downloaded: s.Downloaded, Left: s.Left,
		Event: job.Event, NumWant: want, Key: o.task.Key, Port: s.Port, TrackerID: job.TrackerID,
	}}
}
