package tracker

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Action is the kind of a UDP packet.
type Action uint32

// Actions.
const (
	ActionConnect Action = iota
	ActionAnnounce
	ActionScrape
	ActionError
)

const (
	protocolID   = 0x41727101980 // BEP 15: "protocol_id", "magic constant"
	headerSize   = 8             // of a response: action and transaction
	connectSize  = 16
	announceSize = 20 // of a response without peers
	scrapeSize   = 12 // of a response for one info-hash

	// MaxScrape is how many info-hashes one scrape may ask for.
	//
	// BEP 15: "Up to about 74 torrents can be scraped at once."
	MaxScrape = 74
)

// IsResponse reports whether a datagram that came to a socket shared with other protocols is one of a tracker: no other
// begins with three zeros.
func IsResponse(b []byte) bool {
	return len(b) >= headerSize && b[0] == 0 && b[1] == 0 && b[2] == 0 && Action(b[3]) <= ActionError
}

// ParseHeader reads what all responses begin with. The rest is read by the parser for the action.
func ParseHeader(b []byte) (action Action, transaction uint32, ok bool) {
	if !IsResponse(b) {
		return 0, 0, false
	}
	return Action(b[3]), binary.BigEndian.Uint32(b[4:]), true
}

// AppendConnect writes a connect request.
func AppendConnect(b []byte, transaction uint32) []byte {
	b = binary.BigEndian.AppendUint64(b, protocolID)
	b = binary.BigEndian.AppendUint32(b, uint32(ActionConnect))
	return binary.BigEndian.AppendUint32(b, transaction)
}

// ParseConnect reads the connection id of a connect response.
//
// BEP 15: "Check whether the packet is at least 16 bytes."
func ParseConnect(b []byte) (connection uint64, err error) {
	if err := checkSize(b, ActionConnect, connectSize); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(b[headerSize:]), nil
}

func appendRequest(b []byte, connection uint64, action Action, transaction uint32) []byte {
	b = binary.BigEndian.AppendUint64(b, connection)
	b = binary.BigEndian.AppendUint32(b, uint32(action))
	return binary.BigEndian.AppendUint32(b, transaction)
}

// AppendUDP writes the announce as a UDP request. Path is path and query of the tracker's URL, which some trackers tell
// their users by (BEP 41); it may be empty.
func (a *Announce) AppendUDP(b []byte, connection uint64, transaction uint32, path string) []byte {
	b = appendRequest(b, connection, ActionAnnounce, transaction)
	b = append(b, a.InfoHash[:]...)
	b = append(b, a.PeerID[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(a.Downloaded))
	b = binary.BigEndian.AppendUint64(b, uint64(a.Left))
	b = binary.BigEndian.AppendUint64(b, uint64(a.Uploaded))
	event := a.Event
	if event == Paused {
		event = Regular
	}
	b = binary.BigEndian.AppendUint32(b, uint32(event))
	b = binary.BigEndian.AppendUint32(b, 0) // the address we send from
	b = binary.BigEndian.AppendUint32(b, a.Key)
	b = binary.BigEndian.AppendUint32(b, uint32(int32(max(min(a.NumWant, math.MaxInt32), -1))))
	b = binary.BigEndian.AppendUint16(b, a.Port)
	return appendURLData(b, path)
}

const (
	optionURLData = 2
	maxURLData    = 1024
)

// appendURLData writes the URL data option of BEP 41, path and query in parts of at most 255 bytes. Nobody needs to be told
// the usual path.
func appendURLData(b []byte, path string) []byte {
	if path == "/" || path == "/announce" || len(path) > maxURLData {
		return b
	}
	for len(path) > 0 {
		n := min(len(path), math.MaxUint8)
		b = append(b, optionURLData, byte(n))
		b = append(b, path[:n]...)
		path = path[n:]
	}
	return b
}

// ParseAnnounce reads an announce response. Whether its addresses are IPv6 depends on the address it came from.
//
// BEP 15: "Check whether the packet is at least 20 bytes."
func ParseAnnounce(b []byte, ipv6 bool) (*Response, error) {
	if err := checkSize(b, ActionAnnounce, announceSize); err != nil {
		return nil, err
	}
	r := &Response{
		Interval: seconds(int64(int32(binary.BigEndian.Uint32(b[8:])))),
		Leechers: udpCount(b[12:]),
		Seeders:  udpCount(b[16:]),
	}
	ip := 4
	if ipv6 {
		ip = 16
	}
	r.Peers = appendPeers(nil, b[announceSize:], ip)
	return r, nil
}

func udpCount(b []byte) int { return int(min(binary.BigEndian.Uint32(b), math.MaxInt32)) }

// AppendScrape writes a scrape request for at most MaxScrape info-hashes; further ones are left out.
func AppendScrape(b []byte, connection uint64, transaction uint32, hashes [][20]byte) []byte {
	b = appendRequest(b, connection, ActionScrape, transaction)
	for _, h := range hashes[:min(len(hashes), MaxScrape)] {
		b = append(b, h[:]...)
	}
	return b
}

// Scrape is what a tracker knows about one info-hash. What it did not say is -1.
type Scrape struct {
	Seeders   int
	Completed int // how often it was downloaded
	Leechers  int // all that are no seeders, partial seeds among them
	// Downloaders are the leechers without the partial seeds (BEP 21); over UDP they are not said.
	Downloaders int
}

// Unsaid is the scrape of a tracker that said nothing.
var Unsaid = Scrape{-1, -1, -1, -1}

// ParseScrape reads a scrape response; the order is that of the request.
func ParseScrape(b []byte) ([]Scrape, error) {
	if err := checkSize(b, ActionScrape, headerSize); err != nil {
		return nil, err
	}
	var list []Scrape
	for b = b[headerSize:]; len(b) >= scrapeSize && len(list) < MaxScrape; b = b[scrapeSize:] {
		list = append(list, Scrape{Seeders: udpCount(b), Completed: udpCount(b[4:]), Leechers: udpCount(b[8:]), Downloaders: -1})
	}
	return list, nil
}

// checkSize checks that a response is of the wanted action and size. A response that is an error comes back as a *Failure.
func checkSize(b []byte, want Action, size int) error {
	action, _, ok := ParseHeader(b)
	switch {
	case !ok:
		return &FormatError{"no header"}
	case action == ActionError:
		return &Failure{Reason: text(b[headerSize:])}
	case action != want:
		return &FormatError{"action " + strconv.Itoa(int(action)) + " for " + strconv.Itoa(int(want))}
	case len(b) < size:
		return &FormatError{strconv.Itoa(len(b)) + " bytes are too few"}
	}
	return nil
}
