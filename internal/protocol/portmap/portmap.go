// Package portmap asks a router to let others in at a port, without I/O: it is handed the time and what has arrived, and says
// what is to be sent and when it wants to be asked again.
//
// A [Session] is for one router and one address of ours. It asks by one protocol after the other, PCP (RFC 6887), NAT-PMP
// (RFC 6886), UPnP (WANIPConnection), until one of them maps; each is a dialect, which knows how a question is put and what an
// answer to it means. At any time one question is open:
//
//	find the router ── add TCP ── add UDP ──┬── look whether it is the same router, every 5 minutes
//	      ^                                 ├── add again, at half of the lifetime, or when the router has lost its mappings
//	      └── nothing mapped: the next      └── remove, when we leave
//	          protocol, or all again later
//
// Invariants: what does not come from the router that was asked changes nothing; whatever the router says, a question is put
// at most a few times, lifetimes are between 30 seconds and a day, and there are pauses between rounds.
package portmap

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/potluck-p2p/potluck/internal/wire/pcp"
)

// Transport is what runs at a port.
type Transport uint8

// Transports.
const (
	TCP Transport = iota
	UDP
)

// String is TCP or UDP.
func (t Transport) String() string {
	if t == UDP {
		return "UDP"
	}
	return "TCP"
}

// Protocol is how a router is asked.
type Protocol uint8

// Protocols, in the order in which they are tried.
const (
	PCP Protocol = iota + 1
	NATPMP
	UPnP
)

// String names the protocol as users know it; "" for none.
func (p Protocol) String() string {
	switch p {
	case PCP:
		return "PCP"
	case NATPMP:
		return "NAT-PMP"
	case UPnP:
		return "UPnP"
	}
	return ""
}

// Config is what a session is made of. All fields but Guessed are required.
type Config struct {
	Router netip.Addr
	// Guessed says that another machine of the local network may be the router; it is found by UPnP then.
	Guessed bool
	Source  netip.Addr // ours, from which is asked and to which the mappings lead
	Port    uint16     // ours, of TCP and UDP
	// Nonce is known to the router and us. RFC 6887: it makes it hard for others to change our mappings.
	Nonce pcp.Nonce
	// Description is what the router shows to its owner.
	Description string
	Rand        *rand.Rand // used by the session alone
}

// Out is what a session has sent: a datagram, or a call if that is not nil.
type Out struct {
	To       netip.AddrPort
	Datagram []byte
	Call     *Call
}

// Call is a request over HTTP, which may lead to one address only and not be redirected.
type Call struct {
	Number int // comes back with the answer
	URL    string
	At     netip.Addr
	Action string // the header SOAPAction of a POST; "": a GET
	Body   []byte
}

// Status is how a session is doing.
type Status struct {
	Router, Source netip.Addr
	// Protocol is by which the router maps; 0: it does not.
	Protocol Protocol
	// Address is what the router says it has on its other side; the zero address if it does not say.
	Address netip.Addr
	Ports   []Port // that are mapped
	// Err says in a user's words why not all is mapped; nil while the router is asked for the first time.
	Err error
}

// Port is a port that is mapped.
type Port struct {
	Transport      Transport
	Internal       uint16
	External       netip.AddrPort // its address is the zero address if the router does not say
	Since, Expires time.Time
}

// Refusal is why a router does not map by a protocol.
type Refusal struct {
	Protocol Protocol
	Err      error
}

// Unmapped says why a router maps nothing.
type Unmapped struct {
	Router   netip.Addr
	Refusals []Refusal
}

func (e *Unmapped) Error() string {
	var words []string
	var silent []string
	for _, r := range e.Refusals {
		if errors.Is(r.Err, ErrSilent) {
			silent = append(silent, r.Protocol.String())
			continue
		}
		words = append(words, r.Protocol.String()+": "+r.Err.Error())
	}
	if len(silent) > 0 {
		words = append(words, "no answer to "+strings.Join(silent, ", "))
	}
	return "the router " + e.Router.String() + " maps no port (" + strings.Join(words, "; ") + ")"
}

// Partly says that a router has mapped one transport and not the other.
type Partly struct {
	Transport Transport
	Port      uint16
	Err       error
}

func (e *Partly) Error() string {
	return "the router does not map " + e.Transport.String() + " port " + strconv.Itoa(int(e.Port)) + ": " + e.Err.Error()
}

func (e *Partly) Unwrap() error { return e.Err }
