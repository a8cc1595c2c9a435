// Package tracker reads and writes what clients and trackers say to each other, over HTTP (BEP 3, 7, 21, 23, 24, 31, 48)
// and over UDP (BEP 15, 41).
//
// HTTP: the request is a GET with a query; the response is one bencoded dictionary.
//
//	GET /announce?info_hash=%12%34...&peer_id=...&port=6881&uploaded=0&downloaded=0&left=7&compact=1&...
//
//	d8:completei3e10:incompletei1e8:intervali1800e5:peers6:AAAAPP6:peers618:AAAAAAAAAAAAAAAAPPe
//
// UDP: all numbers are big-endian.
//
//	connect   0          8        12            16
//	request   | protocol | action 0 | transaction |
//	          0        4             8            16
//	response  | action 0 | transaction | connection |
//
//	announce  0            8          12            16          36        56           64     72         80
//	request   | connection | action 1 | transaction | info-hash | peer id | downloaded | left | uploaded |
//	          80      84   88    92        96     98
//	          | event | ip | key | numwant | port | options of BEP 41
//	          0          4             8          12         16        20
//	response  | action 1 | transaction | interval | leechers | seeders | addresses and ports, 6 or 18 bytes each
//
//	scrape    0            8          12            16
//	request   | connection | action 2 | transaction | info-hashes, 20 bytes each, at most 74
//	          0          4             8
//	response  | action 2 | transaction | seeders, completed, leechers, 12 bytes each info-hash
//
//	error     0          4             8
//	response  | action 3 | transaction | message
package tracker

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/potluck-p2p/potluck/internal/content"
)

// Bounds on what a tracker may say.
const (
	// MaxPeers is how many peers of one response are kept.
	MaxPeers = 3000
	// MaxText is how many bytes of a string from a tracker are kept.
	MaxText = 512
	// MaxInterval bounds every time that a tracker asks us to wait.
	MaxInterval = 24 * time.Hour
)

// Event is why an announce is made. The numbers are those of BEP 15.
type Event uint32

// Events.
const (
	Regular Event = iota
	Completed
	Started
	Stopped
	// Paused is a partial seed's: it has all that it wants, though not all. BEP 15 has no number for it.
	//
	// BEP 21: "it MUST send an event=paused parameter in every announce while it is a partial seed."
	Paused
)

// String is the event as HTTP trackers are told; a regular announce has none.
func (e Event) String() string {
	switch e {
	case Completed:
		return "completed"
	case Started:
		return "started"
	case Stopped:
		return "stopped"
	case Paused:
		return "paused"
	}
	return ""
}

// Announce is what a client tells a tracker.
type Announce struct {
	InfoHash   [20]byte
	PeerID     [20]byte
	Uploaded   int64
	Downloaded int64
	Left       int64
	Event      Event
	NumWant    int    // negative: as many as the tracker likes
	Key        uint32 // the same for all addresses of one client, unknown to others
	Port       uint16
	TrackerID  string // what the tracker called us in its last response; HTTP only
}

// Response is what a tracker answers.
type Response struct {
	Interval    time.Duration // until the next announce
	MinInterval time.Duration // 0: not said
	Seeders     int           // -1: not said
	Leechers    int           // -1: not said
	Peers       []netip.AddrPort
	TrackerID   string
	Warning     string
	ExternalIP  netip.Addr // our address as the tracker sees it; BEP 24
}

// Failure is a refusal by the tracker, in its own words. The words are hostile: escape them before they are shown.
type Failure struct {
	Reason string
	// Retry is when the tracker wants to be asked again, 0 if it did not say. BEP 31.
	Retry time.Duration
	// Never says that it does not want to be asked again. BEP 31.
	Never bool
}

// Error has the reason escaped, so it may be shown and logged.
func (e *Failure) Error() string { return "the tracker says: " + content.Printable(e.Reason) }

// FormatError says that an answer is not one of a tracker.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "not the answer of a tracker: " + e.Reason }

// seconds is a bounded number of seconds.
func seconds(n int64) time.Duration {
	return time.Duration(min(max(n, 0), int64(MaxInterval/time.Second))) * time.Second
}

func text(b []byte) string { return string(b[:min(len(b), MaxText)]) }

// appendPeers reads compact peers, up to MaxPeers in all. What is left of a last one that is cut off is ignored, as are
// peers without port.
//
// BEP 23: "each peer is represented using only 6 bytes"; with the IPv6 addresses of BEP 7 it is 18.
func appendPeers(peers []netip.AddrPort, b []byte, ip int) []netip.AddrPort {
	for stride := ip + 2; len(b) >= stride && len(peers) < MaxPeers; b = b[stride:] {
		addr, _ := netip.AddrFromSlice(b[:ip])
		peers = appendPeer(peers, addr, binary.BigEndian.Uint16(b[ip:]))
	}
	return peers
}

func appendPeer(peers []netip.AddrPort, addr netip.Addr, port uint16) []netip.AddrPort {
	if port == 0 || len(peers) >= MaxPeers {
		return peers
	}
	return append(peers, netip.AddrPortFrom(addr.Unmap(), port))
}
