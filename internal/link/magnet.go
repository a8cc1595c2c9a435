package link

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// sha256Multihash begins the multihash of a v2 info-hash: the number of SHA-256, then its length of 32 bytes.
const sha256Multihash = "1220"

// parseMagnet parses what follows "magnet:".
func parseMagnet(s string) (Link, error) {
	// Some programs make URLs of the kind scheme://... of everything.
	query, ok := strings.CutPrefix(strings.TrimLeft(s, "/"), "?")
	if !ok {
		return Link{}, fmt.Errorf("%w: the magnet link has no parameters", ErrNotALink)
	}
	p := magnetParser{Link: Link{Kind: Magnet}}
	for parameter := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(parameter, "=")
		if err := p.take(parameterName(key), value); err != nil {
			return Link{}, err
		}
	}
	switch {
	case p.v1 != nil || p.v2 != nil:
		// A link to one version of a feed names that version.
		p.InfoHash, p.Feed = metainfo.NewInfoHash(p.v1, p.v2), Pointer{}
	case p.published && !p.unsalted:
		p.Kind = Feed
	case p.published:
		return Link{}, fmt.Errorf("%w: the salt of a feed (s=...) is at most %d bytes in hexadecimal digits", ErrNotALink, MaxSalt)
	default:
		return Link{}, fmt.Errorf("%w: the magnet link has no BitTorrent info-hash (xt=urn:btih:... or xt=urn:btmh:...)", ErrNotALink)
	}
	if p.keyless {
		// Nobody could tell whether it is the right node that answers there. There may be other ways to the object.
		p.Peers, p.Key = nil, identity.Key{}
	}
	p.Select = p.Select.normal()
	// Escaping may make a link longer than it came. What we could not pass on again is not taken.
	if len(p.Link.Magnet()) > MaxLength {
		return Link{}, fmt.Errorf("%w: longer than %d bytes", ErrNotALink, MaxLength)
	}
	return p.Link, nil
}

// parameterName returns the name of a parameter in lower case and without the number that tells several of the same name
// apart, as in tr.1 and tr.2.
func parameterName(key string) string {
	// A link copied from the source of a page has &amp; for every &.
	key = strings.TrimPrefix(strings.ToLower(unescape(key)), "amp;")
	if i := strings.LastIndexByte(key, '.'); i >= 0 && strings.Trim(key[i+1:], "0123456789") == "" {
		return key[:i]
	}
	return key
}

// magnetParser is a Link on its way.
type magnetParser struct {
	Link
	v1 *metainfo.HashV1
	v2 *metainfo.HashV2
	// published: it names a publisher. unsalted: its salt makes no sense, and without it the feed would be another.
	published, unsalted bool
	// keyless: it names a key that makes no sense, or two.
	keyless bool
}

// take adds one parameter to the link.
func (p *magnetParser) take(name, value string) error {
	// In names, and only there, forms and search engines write + for a blank.
	if name == "dn" {
		value = strings.ReplaceAll(value, "+", " ")
	}
	value = strings.TrimSpace(unescape(value))
	switch name {
	case "xt":
		return p.takeTopic(value)
	case "dn":
		if p.Name == "" {
			p.Name = value
		}
	case "xl":
		if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
			p.Length = n
		}
	case "tr":
		if isURL(value) {
			p.Trackers = appendNew(p.Trackers, value, MaxTrackers)
		}
	case "ws":
		if isURL(value, "http", "https") {
			p.WebSeeds = appendNew(p.WebSeeds, value, MaxWebSeeds)
		}
	case "x.pe":
		if peer, ok := parsePeer(value); ok {
			p.Peers = appendNew(p.Peers, peer, MaxPeers)
		}
	case "x.pk":
		key, err := identity.ParseKey(value)
		p.keyless = p.keyless || err != nil || !p.Key.IsZero() && p.Key != key
		p.Key = key
	case "so":
		p.Select = append(p.Select, parseSelection(value)...)
		p.Select = p.Select[:min(len(p.Select), MaxRanges)]
	case "xs":
		if key, ok := parsePublisher(value); ok && !p.published {
			p.Feed.Publisher, p.published = key, true
		} else if p.Source == "" && isURL(value, "http", "https") {
			p.Source = value
		}
	case "s":
		salt, ok := parseSalt(value)
		p.Feed.Salt, p.unsalted = salt, p.unsalted || !ok
	}
	return nil
}

// takeTopic takes an exact topic: an info-hash, or the hash of some other network, which is left out.
func (p *magnetParser) takeTopic(topic string) error {
	const scheme = "urn:btih:"
	if len(topic) < len(scheme) {
		return nil
	}
	digits := topic[len(scheme):]
	switch strings.ToLower(topic[:len(scheme)]) {
	case "urn:btih:":
		h, ok := parseV1(digits)
		if !ok {
			return fmt.Errorf("%w: urn:btih: needs 40 hexadecimal digits or 32 of base32", ErrNotALink)
		}
		if p.v1 != nil && *p.v1 != h {
			return fmt.Errorf("%w: the magnet link has two different v1 info-hashes", ErrNotALink)
		}
		p.v1 = &h
	case "urn:btmh:":
		h, ok := parseV2(digits)
		if !ok {
			return fmt.Errorf("%w: urn:btmh: needs %s and 64 hexadecimal digits", ErrNotALink, sha256Multihash)
		}
		if p.v2 != nil && *p.v2 != h {
			return fmt.Errorf("%w: the magnet link has two different v2 info-hashes", ErrNotALink)
		}
		p.v2 = &h
	}
	return nil
}

// parseV1 takes hex, or what BEP 9 asks for "For compatability with existing links in the wild": base32.
func parseV1(digits string) (h metainfo.HashV1, ok bool) {
	var b []byte
	var err error
	switch len(digits) {
	case hex.EncodedLen(len(h)):
		b, err = hex.DecodeString(digits)
	case base32.StdEncoding.EncodedLen(len(h)):
		b, err = base32.StdEncoding.DecodeString(strings.ToUpper(digits))
	}
	return h, err == nil && copy(h[:], b) == len(h)
}

func parseV2(digits string) (h metainfo.HashV2, ok bool) {
	digits, ok = strings.CutPrefix(digits, sha256Multihash)
	if !ok || len(digits) != hex.EncodedLen(len(h)) {
		return h, false
	}
	_, err := hex.Decode(h[:], []byte(digits))
	return h, err == nil
}

// parsePeer checks an address and returns it in its usual form. BEP 9: "A peer address expressed as hostname:port,
// ipv4-literal:port or [ipv6-literal]:port."
func parsePeer(s string) (string, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return a.String(), a.Port() != 0 && !a.Addr().IsUnspecified() && a.Addr().Zone() == ""
	}
	host, port, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || !isHostName(host) {
		return "", false
	}
	return strings.ToLower(host) + ":" + strconv.FormatUint(n, 10), true
}

func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// appendNew appends s unless it is there already or there are enough.
func appendNew(list []string, s string, most int) []string {
	if len(list) >= most || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// Magnet prints the link as magnet link, its parameters always in the same order. It is empty if the link has no
// info-hash and is not that of a feed.
func (l Link) Magnet() string {
	if l.InfoHash.IsZero() && l.Kind != Feed {
		return ""
	}
	var b strings.Builder
	b.WriteString("magnet:")
	separator := byte('?')
	add := func(name, value string) {
		b.WriteByte(separator)
		separator = '&'
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(value)
	}
	if h, ok := l.InfoHash.V1(); ok {
		add("xt", "urn:btih:"+h.String())
	}
	if h, ok := l.InfoHash.V2(); ok {
		add("xt", "urn:btmh:"+sha256Multihash+h.String())
	}
	if l.Kind == Feed {
		add("xs", feedScheme+hex.EncodeToString(l.Feed.Publisher[:]))
		if l.Feed.Salt != "" {
			add("s", hex.EncodeToString([]byte(l.Feed.Salt)))
		}
	}
	if l.Name != "" {
		add("dn", escape(l.Name))
	}
	if l.Length > 0 {
		add("xl", strconv.FormatInt(l.Length, 10))
	}
	for _, tracker := range l.Trackers {
		add("tr", escape(tracker))
	}
	for _, seed := range l.WebSeeds {
		add("ws", escape(seed))
	}
	for _, peer := range l.Peers {
		// Other clients read this one without unescaping it.
		add("x.pe", peer)
	}
	if !l.Key.IsZero() {
		add("x.pk", l.Key.String())
	}
	if len(l.Select) > 0 {
		add("so", l.Select.String())
	}
	if (l.Kind == Magnet || l.Kind == Feed) && l.Source != "" {
		add("xs", escape(l.Source))
	}
	return b.String()
}
