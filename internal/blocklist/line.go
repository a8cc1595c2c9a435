package blocklist

import (
	"bytes"
	"net/netip"
	"strconv"
)

// verdict is what becomes of a line.
type verdict uint8

const (
	nothing    verdict = iota // a comment, or empty
	blocked                   // the range is
	allowed                   // the range is not
	unreadable                // there is no telling
)

// lastBlocked is the highest level of eMule's lists that is blocked.
const lastBlocked = 127

// parseLine finds the range of a line without space around it. First and last are of one family, IPv4 unmapped, in order.
func parseLine(line []byte) (first, last netip.Addr, v verdict) {
	switch {
	case len(line) == 0, line[0] == '#', line[0] == ';', bytes.HasPrefix(line, []byte("//")):
		return first, last, nothing
	}
	for _, format := range []func([]byte) (netip.Addr, netip.Addr, verdict){parseDAT, parseCIDR, parseP2P} {
		if first, last, v = format(line); v != unreadable {
			return first, last, v
		}
	}
	return first, last, unreadable
}

// parseDAT reads "first - last , level , name", and a range that stands alone.
func parseDAT(line []byte) (first, last netip.Addr, v verdict) {
	span, rest, levelled := bytes.Cut(line, []byte(","))
	from, to, ok := bytes.Cut(span, []byte("-"))
	if !ok {
		return first, last, unreadable
	}
	if first, last, v = spanOf(parseAddr(from), parseAddr(to)); v != blocked || !levelled {
		return first, last, v
	}
	text, _, _ := bytes.Cut(rest, []byte(","))
	level, err := strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 16)
	switch {
	case err != nil:
		return first, last, unreadable
	case level > lastBlocked:
		return first, last, allowed
	}
	return first, last, blocked
}

// parseCIDR reads a prefix or an address, with a comment behind it or none.
func parseCIDR(line []byte) (first, last netip.Addr, v verdict) {
	if end := bytes.IndexAny(line, " \t#;"); end >= 0 {
		if rest := bytes.TrimLeft(line[end:], " \t"); rest[0] != '#' && rest[0] != ';' {
			return first, last, unreadable
		}
		line = line[:end]
	}
	text, length, isPrefix := bytes.Cut(line, []byte("/"))
	a := parseAddr(text)
	if !isPrefix {
		return spanOf(a, a)
	}
	bits, err := strconv.ParseUint(string(length), 10, 8)
	if err != nil || !a.IsValid() {
		return first, last, unreadable
	}
	if mapped, err := netip.ParseAddr(string(text)); err == nil && mapped.Is4In6() {
		bits -= min(bits, 96) // of ::ffff:192.0.2.0/120, which is 192.0.2.0/24
	}
	p, err := a.Prefix(int(bits))
	if err != nil {
		return first, last, unreadable
	}
	return spanOf(p.Addr(), lastOf(p))
}

// lastOf is the last address of a masked prefix.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// parseP2P reads "name:first-last". Where an IPv6 address begins is not to be told from a name that looks like a part of one:
// the longest address that is not behind last counts.
func parseP2P(line []byte) (first, last netip.Addr, v verdict) {
	dash := bytes.LastIndexByte(line, '-')
	if dash < 0 {
		return first, last, unreadable
	}
	end, text := parseAddr(line[dash+1:]), line[:dash]
	if !end.IsValid() {
		return first, last, unreadable
	}
	if end.Is4() {
		return spanOf(parseAddr(text[bytes.LastIndexByte(text, ':')+1:]), end)
	}
	if most := len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"); len(text) > most {
		text = text[len(text)-most-1:]
	}
	for {
		colon := bytes.IndexByte(text, ':')
		if colon < 0 {
			return first, last, unreadable
		}
		text = text[colon+1:]
		if first, last, v = spanOf(parseAddr(text), end); v == blocked {
			return first, last, v
		}
	}
}

// spanOf is a range if it is one.
func spanOf(first, last netip.Addr) (netip.Addr, netip.Addr, verdict) {
	if !first.IsValid() || !last.IsValid() || first.Is4() != last.Is4() || last.Less(first) {
		return first, last, unreadable
	}
	return first, last, blocked
}

// parseAddr reads an address, of which parts of IPv4 may begin with zeros. What is none is the zero value.
func parseAddr(text []byte) netip.Addr {
	text = bytes.TrimSpace(text)
	if bytes.IndexByte(text, ':') >= 0 {
		if len(text) > 64 {
			return netip.Addr{}
		}
		a, err := netip.ParseAddr(string(text))
		if err != nil || a.Zone() != "" {
			return netip.Addr{}
		}
		return a.Unmap()
	}
	var b [4]byte
	at, digits, n := 0, 0, 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9' && digits < 3:
			digits++
			n = 10*n + int(c-'0')
		case c == '.' && digits > 0 && at < 3:
			b[at] = byte(n)
			at, digits, n = at+1, 0, 0
		default:
			return netip.Addr{}
		}
		if n > 255 {
			return netip.Addr{}
		}
	}
	if at != 3 || digits == 0 {
		return netip.Addr{}
	}
	b[3] = byte(n)
	return netip.AddrFrom4(b)
}
