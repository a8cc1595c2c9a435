// Package doctor explains what of a node others can reach, what they cannot, why, and what to do. It gets facts and gives
// findings; it asks nobody, so that it says no more than the facts prove.
//
// What proves that strangers reach us, from the strongest on: they have connected, or asked our node in the DHT; a router that
// says it maps our port and whose outer address is the one that others see; an address of the internet on this machine, which
// a firewall may still shield. What others than we see is told by them (package ownaddr).
package doctor

import (
	"fmt"
	"net/netip"
	"time"
)

// Level is how bad a finding is.
type Level string

// The levels.
const (
	OK      Level = "ok"
	Warn    Level = "warn"
	Bad     Level = "bad"
	Unknown Level = "unknown" // the facts do not say
)

// Finding is one thing that was looked at.
type Finding struct {
	Subject string
	Level   Level
	What    string // how it is
	Why     string // why it is so; may be empty
	Advice  string // what to do; empty if there is nothing
}

// Reach is whether strangers can begin an exchange with us.
type Reach string

// The outcomes.
const (
	Reached     Reach = "reached"      // by IPv4 or IPv6
	Blocked     Reach = "blocked"      // by neither, or nothing leaves at all
	Undecided   Reach = "undecided"    // the facts do not say
	NotIntended Reach = "not-intended" // the user wants it so
)

// Facts are all that is known of a node. What is not known is the zero value.
type Facts struct {
	Now     time.Time
	Offline bool
	// Ways are the parts of the only way that the node may take; none if it may take any.
	Ways []Way
	// Proxied says that one of them is a proxy: nobody connects through it.
	Proxied bool
	// Listen are the real addresses at which peers are accepted.
	Listen []netip.AddrPort
	// Local are the addresses of this machine's interfaces.
	Local []netip.Addr
	// External are our addresses as others on the internet see them, as far as they agree.
	External []netip.Addr
	// Asks says that routers are asked to let others in.
	Asks    bool
	Routers []Router
	// Arrivals are connections that others on the internet began.
	Arrivals []Arrivals
	UTP      bool
	// DHT are our nodes in the DHT; TakesPart says whether there are to be any.
	DHT       []Node
	TakesPart bool
	Trackers  []Tracker
	// Recorded is the latest moment that the node has written down in an earlier run.
	Recorded time.Time
	Places   []Place
	// OpenFiles is how many files may be open, Peers how many may be connected.
	OpenFiles int64
	Peers     int
}

// Way is a part of the only way out.
type Way struct {
	Via     string // an interface or a proxy
	Problem string // why nothing leaves; empty if all is well
	TCPOnly string // why datagrams do not; empty if they do
}

// Router is a router before us that was asked to let others in.
type Router struct {
	Addr     netip.Addr
	Source   netip.Addr // ours, behind it
	Protocol string     // by which it maps; empty if it does not
	External netip.Addr // on its other side, as it says
	TCP, UDP uint16     // the ports that it maps to ours; 0: it does not
	Why      string     // it does not map all
}

// Transport is what a connection is carried by.
type Transport string

// The transports.
const (
	TCP Transport = "TCP"
	UTP Transport = "uTP"
)

// Arrivals are the connections of one kind that others on the internet began.
type Arrivals struct {
	IPv6      bool
	Transport Transport
	Count     int64
	Last      time.Time
}

// Node is a node of ours in the DHT.
type Node struct {
	IPv6     bool
	State    string // alone, contacting, joining or joined
	Known    int    // nodes that it knows
	Standing Standing
	At       time.Time // when a stranger asked it last, or since when it is taken that none can
}

// Standing is whether strangers reach a node over UDP.
type Standing uint8

// Standings.
const (
	NotKnown Standing = iota
	Asked             // strangers ask it
	NotAsked          // none does, though it is known
)

// Tracker is how announces to a tracker go.
type Tracker struct {
	URL      string
	Answered bool
	Error    string
}

// Place is a folder that the node works in.
type Place struct {
	Name, Path string
	Free       int64  // bytes; negative: not known
	Problem    string // why nothing can be written; empty if it can
}

// Examine says what the facts mean, what matters most first, and whether strangers reach us.
func Examine(f Facts) ([]Finding, Reach) {
	var list []Finding
	add := func(found ...Finding) { list = append(list, found...) }
	way, open := f.way()
	add(way...)
	reach := Undecided
	switch {
	case f.Offline:
		reach = NotIntended
		add(Finding{Subject: "reach", Level: Unknown, What: "not looked at", Why: "this node is offline: only addresses that were named are used",
			Advice: "leave --offline out to be found by others"})
	case !open:
		reach = Blocked
	case f.Proxied:
		reach = Blocked
		add(Finding{Subject: "reach", Level: Warn, What: "nobody can connect to you", Why: "through a proxy connections only go out",
			Advice: "nothing, if that is what you want; a VPN with a port that it lets through, and net.bind, does both"})
	default:
		var byFamily []Reach
		for _, v6 := range []bool{false, true} {
			found, r := f.family(v6)
			add(found...)
			byFamily = append(byFamily, r)
		}
		reach = best(byFamily)
	}
	if !f.Offline {
		add(f.dht()...)
		add(f.trackers()...)
	}
	add(f.clock()...)
	add(f.places()...)
	add(f.files()...)
	return list, reach
}

// best is the outcome for both families together: one that is reached is enough, and one that may be leaves it open.
func best(list []Reach) Reach {
	for _, want := range []Reach{Reached, Undecided} {
		for _, r := range list {
			if r == want {
				return want
			}
		}
	}
	return Blocked
}

// way looks at the interface and the proxy that everything must leave by; open says whether it does.
func (f *Facts) way() (list []Finding, open bool) {
	open = true
	for _, w := range f.Ways {
		switch {
		case w.Problem != "":
			open = false
			list = append(list, Finding{"way", Bad, w.Via + " " + w.Problem, "nothing is sent by any other way",
				"bring it up again, or change net.bind or net.proxy"})
		case w.TCPOnly != "":
			list = append(list, Finding{"way", Warn, w.Via + " passes on TCP only, so there is no DHT, no uTP and no UDP tracker", w.TCPOnly,
				"use a proxy that knows UDP ASSOCIATE, or a VPN with net.bind"})
		default:
			list = append(list, Finding{"way", OK, "everything leaves by " + w.Via, "", ""})
		}
	}
	return list, open
}

func count(n int64, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// ago is how long a moment was before now, in the largest unit that says something.
func ago(now, at time.Time) string {
	d := now.Sub(at)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return count(int64(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour") + " ago"
	}
	return count(int64(d/(24*time.Hour)), "day") + " ago"
}
