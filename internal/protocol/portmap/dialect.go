package portmap

import (
	"errors"
	"net/netip"
	"time"
)

// question is what a session wants to know or to have done.
type question struct {
	kind      kind
	transport Transport
	// external is the port that is wanted, or is to be removed.
	external netip.AddrPort
}

type kind uint8

const (
	find   kind = iota // is there a router that speaks the dialect?
	look               // is it still the one it was, with the same address?
	add                // a mapping, or more time for it
	remove             // a mapping
)

// reply is what the answer to a question means.
type reply struct {
	outcome  outcome
	why      error          // of refused
	address  netip.Addr     // of the router on its other side, if it said so
	external netip.AddrPort // of add; the address may be unknown
	lifetime time.Duration  // of add, as the router said it
}

type outcome uint8

const (
	done    outcome = iota
	further         // the question is put again, in another way
	taken           // somebody else has the port: another one may be had
	silent          // there is none, after all
	refused
)

// dialect is a protocol as a session speaks it. It remembers what it has learnt of the router.
type dialect interface {
	protocol() Protocol

	// ask is what to send for a question; the same again if it is not answered.
	ask(q question) []Out

	// patience is how often a question is put, and how long is waited for an answer each time.
	patience(q question) []time.Duration

	// renewal is when a mapping with that lifetime is asked for again.
	renewal(lifetime time.Duration) time.Duration

	// hear reads a datagram; ok is false unless it answers the question. lost says that the router has lost its mappings, which
	// any datagram of it may tell, asked for or not.
	hear(now time.Time, q *question, from netip.AddrPort, b []byte) (r reply, ok, lost bool)

	// called reads the answer to a call that ask has made for the question.
	called(q question, body []byte, err error) reply
}

// ErrSilent says that a router does not answer.
var ErrSilent = errors.New("no answer")

var (
	errNoTime   = errors.New("the router gives no time")
	errNoPort   = errors.New("the router gives no port")
	errNoFree   = errors.New("other machines have all ports that were asked for")
	errOffline  = errors.New("the router has no address from the internet")
	errBadWords = errors.New("the router's answer makes no sense")
)

// half is when RFC 6886 and 6887 have a mapping renewed.
func half(lifetime time.Duration) time.Duration { return lifetime / 2 }

// mapLifetime is what is asked for. RFC 6886: "The RECOMMENDED Port Mapping Lifetime is 7200 seconds (two hours)".
const mapLifetime = 7200

// sameHost reports whether two addresses are those of one machine, as far as one names the interface that leads to it.
func sameHost(a, b netip.Addr) bool { return a.Unmap().WithZone("") == b.Unmap().WithZone("") }
