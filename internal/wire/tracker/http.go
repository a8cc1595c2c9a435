package tracker

import (
	"math"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// URL is the announce as an HTTP URL, made of that of the tracker, which may have a query of its own.
func (a *Announce) URL(base *url.URL) string {
	u := *base
	u.Fragment, u.RawFragment = "", ""
	q := u.RawQuery
	if q != "" && !strings.HasSuffix(q, "&") {
		q += "&"
	}
	u.RawQuery, u.ForceQuery = string(a.appendQuery([]byte(q))), false
	return u.String()
}

func (a *Announce) appendQuery(b []byte) []byte {
	b = appendEscaped(append(b, "info_hash="...), string(a.InfoHash[:]))
	b = appendEscaped(append(b, "&peer_id="...), string(a.PeerID[:]))
	b = strconv.AppendUint(append(b, "&port="...), uint64(a.Port), 10)
	b = strconv.AppendInt(append(b, "&uploaded="...), a.Uploaded, 10)
	b = strconv.AppendInt(append(b, "&downloaded="...), a.Downloaded, 10)
	b = strconv.AppendInt(append(b, "&left="...), a.Left, 10)
	// BEP 7: "The key should be generated so it has at least 32bits worth of entropy."
	b = append(b, "&key="...)
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, upperHex[a.Key>>shift&15])
	}
	if a.Event != Regular {
		b = append(append(b, "&event="...), a.Event.String()...)
	}
	if a.NumWant >= 0 {
		b = strconv.AppendInt(append(b, "&numwant="...), int64(a.NumWant), 10)
	}
	// A tracker that cannot send the compact form of BEP 23 need not tell peer ids, which we do not use.
	b = append(b, "&compact=1&no_peer_id=1"...)
	if a.TrackerID != "" {
		b = appendEscaped(append(b, "&trackerid="...), a.TrackerID)
	}
	return b
}

const upperHex = "0123456789ABCDEF"

// appendEscaped escapes all but the unreserved characters of RFC 3986. Trackers compare the raw bytes of an info-hash, so
// a space must not become a plus.
func appendEscaped(b []byte, s string) []byte {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return b
}

// ParseResponse reads the body of an HTTP tracker's response. The error is a *Failure or a *FormatError.
func ParseResponse(body []byte) (*Response, error) {
	// What follows the dictionary is ignored; some trackers end it with a line break.
	v, _, err := bencode.ParsePrefix(body)
	if err != nil {
		return nil, &FormatError{err.Error()}
	}
	if v.Kind() != bencode.Dict {
		return nil, &FormatError{"not a dictionary but " + v.Kind().String()}
	}
	// BEP 3: "If a tracker response has a key failure reason, then that maps to a human readable string which explains why
	// the query failed, and no other keys are required."
	if reason, ok := v.Get("failure reason").Bytes(); ok {
		return nil, failure(reason, v.Get("retry in"))
	}
	r := &Response{Seeders: count(v.Get("complete")), Leechers: count(v.Get("incomplete"))}
	if n, ok := v.Get("interval").Int(); ok {
		r.Interval = seconds(n)
	}
	if n, ok := v.Get("min interval").Int(); ok {
		r.MinInterval = seconds(n)
	}
	r.TrackerID = textOf(v.Get("tracker id"))
	r.Warning = textOf(v.Get("warning message"))
	if ip, ok := v.Get("external ip").Bytes(); ok {
		addr, _ := netip.AddrFromSlice(ip) // the zero address if it is of neither length
		r.ExternalIP = addr.Unmap()
	}
	switch peers := v.Get("peers"); peers.Kind() {
	case bencode.String:
		b, _ := peers.Bytes()
		r.Peers = appendPeers(nil, b, 4)
	case bencode.List:
		r.Peers = listed(peers)
	}
	if b, ok := v.Get("peers6").Bytes(); ok {
		r.Peers = appendPeers(r.Peers, b, 16)
	}
	return r, nil
}

// failure reads BEP 31: "retry in" is a number of minutes or "never".
func failure(reason []byte, retry bencode.Value) *Failure {
	f := &Failure{Reason: text(reason)}
	if n, ok := retry.Int(); ok {
		f.Retry = seconds(min(n, math.MaxInt64/60) * 60)
	}
	if s, ok := retry.Bytes(); ok {
		if string(s) == "never" {
			f.Never = true
		} else if n, err := strconv.ParseInt(string(s), 10, 32); err == nil {
			f.Retry = seconds(n * 60)
		}
	}
	return f
}

// listed reads the long form of BEP 3. A peer may be named by a host name there; such a peer is left out, since to look up
// names for strangers serves nobody but them.
func listed(list bencode.Value) []netip.AddrPort {
	var peers []netip.AddrPort
	for v := range list.Items() {
		ip, _ := v.Get("ip").Bytes()
		port, ok := v.Get("port").Int()
		if !ok || port <= 0 || port > math.MaxUint16 || len(ip) > 45 {
			continue
		}
		addr, err := netip.ParseAddr(string(ip))
		if err != nil || addr.Zone() != "" {
			continue
		}
		if peers = appendPeer(peers, addr, uint16(port)); len(peers) == MaxPeers {
			break
		}
	}
	return peers
}

func count(v bencode.Value) int {
	n, ok := v.Int()
	if !ok || n < 0 {
		return -1
	}
	return int(min(n, math.MaxInt32))
}

func textOf(v bencode.Value) string {
	b, _ := v.Bytes()
	return text(b)
}
