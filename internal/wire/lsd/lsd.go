// Package lsd is the codec of local service discovery (BEP 14): datagrams by which a client tells a multicast group on its
// local network in which swarms it is. It parses from and appends to byte slices.
//
// A datagram is written like an HTTP request without body. Every line ends in \r\n:
//
//	BT-SEARCH * HTTP/1.1
//	Host: 239.192.152.143:6771       the group it is sent to, or [ff15::efc0:988f]:6771
//	Port: 6881                       TCP port at which the sender takes peers
//	Infohash: 0123...                40 hex digits; one line for each swarm
//	cookie: 5f3a9c01                 optional: by which the sender knows its own
//	(empty)
//	(empty)
//
// The address of the sender is that from which the datagram came.
package lsd

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
)

// The groups by address family.
var (
	Group4 = netip.MustParseAddrPort("239.192.152.143:6771")
	Group6 = netip.MustParseAddrPort("[ff15::efc0:988f]:6771")
)

const (
	// MaxSize is the size above which a datagram is not taken. BEP 14: "the packet length should not exceed 1400 bytes to
	// avoid MTU/fragmentation problems."
	MaxSize = 1400
	// MaxHashes is how many info-hashes fit into a datagram of ours with the longest cookie.
	MaxHashes = (MaxSize - 96 - MaxCookie) / (len("Infohash: ") + hashDigits + len("\r\n"))
	// MaxCookie is how many bytes of a cookie are kept.
	MaxCookie = 32

	hashDigits = 40
)

// Announce is what a client tells its local network.
type Announce struct {
	Port   uint16
	Hashes [][20]byte
	Cookie string // "" for none
}

// FormatError says that a datagram is no announce.
type FormatError struct{ Reason string }

func (e *FormatError) Error() string { return "not an announce of local discovery: " + e.Reason }

const requestStart = "BT-SEARCH * HTTP/1."

// Append writes the announce as it is sent to the group. It may have MaxHashes info-hashes and a cookie of MaxCookie bytes
// at most; what is beyond is left out.
func (a *Announce) Append(b []byte, group netip.AddrPort) []byte {
	b = append(b, requestStart+"1\r\nHost: "...)
	b = group.AppendTo(b)
	b = append(b, "\r\nPort: "...)
	b = strconv.AppendUint(b, uint64(a.Port), 10)
	for _, h := range a.Hashes[:min(len(a.Hashes), MaxHashes)] {
		b = append(b, "\r\nInfohash: "...)
		b = hex.AppendEncode(b, h[:])
	}
	if a.Cookie != "" {
		b = append(append(b, "\r\ncookie: "...), a.Cookie[:min(len(a.Cookie), MaxCookie)]...)
	}
	return append(b, "\r\n\r\n\r\n"...)
}

// Parse reads a datagram. BEP 14: "any additional headers that not understood by a client should be ignored". The same holds
// for info-hashes that are none, and for a line that is cut off.
func Parse(b []byte) (Announce, error) {
	var a Announce
	if len(b) > MaxSize {
		return a, &FormatError{strconv.Itoa(len(b)) + " bytes are too many"}
	}
	line, b, _ := nextLine(b)
	if !isRequest(line) {
		return a, &FormatError{"it does not begin like one"}
	}
	for {
		line, rest, ok := nextLine(b)
		if b = rest; !ok || len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		a.take(bytes.TrimSpace(name), bytes.TrimSpace(value))
	}
	switch {
	case a.Port == 0:
		return Announce{}, &FormatError{"no port"}
	case len(a.Hashes) == 0:
		return Announce{}, &FormatError{"no info-hash"}
	}
	return a, nil
}

// take reads one header. Names count in any case, as in HTTP; of a header that may be there once, the first counts.
func (a *Announce) take(name, value []byte) {
	is := func(s string) bool { return bytes.EqualFold(name, []byte(s)) }
	switch {
	case is("Port") && a.Port == 0:
		if port, err := strconv.ParseUint(string(value), 10, 16); err == nil {
			a.Port = uint16(port)
		}
	case is("cookie") && a.Cookie == "":
		a.Cookie = string(value[:min(len(value), MaxCookie)])
	case is("Infohash") && len(value) == hashDigits && len(a.Hashes) < MaxHashes:
		var h [20]byte
		if _, err := hex.Decode(h[:], value); err == nil && !slices.Contains(a.Hashes, h) {
			a.Hashes = append(a.Hashes, h)
		}
	}
}

// nextLine cuts off a line; ok is false if it has no end.
func nextLine(b []byte) (line, rest []byte, ok bool) {
	line, rest, ok = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest, ok
}

// isRequest takes any HTTP/1.x, as minor versions are to be compatible.
func isRequest(line []byte) bool {
	minor, ok := bytes.CutPrefix(line, []byte(requestStart))
	return ok && len(minor) == 1 && '0' <= minor[0] && minor[0] <= '9'
}
