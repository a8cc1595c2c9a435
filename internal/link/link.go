// Package link parses what a user passes on to name an object, and prints it: magnet links, bare info-hashes, .torrent
// files and their addresses on the web. It looks at the text alone and touches neither disk nor network.
//
//	magnet:?xt=urn:btih:<40 hex or 32 base32>      BEP 9, v1 info-hash
//	       &xt=urn:btmh:1220<64 hex>               BEP 9 and 52, v2 info-hash as a multihash
//	       &dn=<name>&xl=<bytes>
//	       &tr=<tracker URL>&ws=<web seed URL>     any number of each
//	       &x.pe=<host:port or [IPv6]:port>        BEP 9, any number
//	       &x.pk=<52 characters of base32>         potluck, the key that whoever is at x.pe must prove
//	       &so=<0,2,4-6>                           BEP 53, files to fetch
//	       &xs=<URL of the .torrent file>
//	magnet:?xs=urn:btpk:<64 hex>&s=<salt in hex>   BEP 46, a feed: whatever its publisher points at
//
// Links come from strangers. Everything is bounded, and a parameter that makes no sense is left out rather than spoiling
// the link; only a link that names no object, or two, is refused.
package link

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/potluck-p2p/potluck/internal/identity"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Bounds of a link. What exceeds a number of parameters is left out, a link that is too long is refused.
const (
	MaxLength   = 64 << 10
	MaxTrackers = 100
	MaxWebSeeds = 100
	MaxPeers    = 100
	MaxRanges   = 1000
)

// ErrNotALink says that a text names nothing that could be fetched. It is the user's mistake.
var ErrNotALink = errors.New("not a link")

// Kind tells what a link is.
type Kind uint8

// The kinds of links.
const (
	Magnet      Kind = iota + 1 // a magnet link
	Hash                        // an info-hash and nothing else
	TorrentFile                 // a .torrent file on this computer, which may or may not exist
	TorrentURL                  // a .torrent file on the web
	Feed                        // a magnet link that names no object, but a pointer to the newest one
)

// Link is a parsed link. Which fields are set depends on Kind: TorrentFile and TorrentURL have only Source, Hash only
// InfoHash, Magnet has InfoHash and any of the others, Feed has Feed in the place of InfoHash.
type Link struct {
	Kind     Kind
	InfoHash metainfo.InfoHash
	Feed     Pointer
	// Name is a stranger's word for the object, as raw bytes: to be escaped where shown and made safe where used.
	Name string
	// Trackers and WebSeeds are absolute URLs, which nobody has checked for where they lead.
	Trackers []string
	WebSeeds []string
	// Peers are addresses as host:port, the host a name or a literal IPv4 or [IPv6] address.
	Peers []string
	// Key is that of the node whose addresses Peers are; the zero key if the link names none. Whoever else answers there is not
	// meant.
	Key identity.Key
	// Select holds the files to fetch; empty means all of them.
	Select Selection
	// Length is the size of the object in bytes as claimed by the link, 0 if it claims none.
	Length int64
	// Source is where the .torrent file is: its path for TorrentFile, its URL for TorrentURL and, if there is one, for
	// Magnet.
	Source string
}

// Parse parses a link of any kind. A text that is none gives an error that wraps ErrNotALink.
func Parse(s string) (Link, error) {
	s = strings.TrimSpace(s)
	if len(s) > MaxLength {
		return Link{}, fmt.Errorf("%w: longer than %d bytes", ErrNotALink, MaxLength)
	}
	if scheme, rest, ok := strings.Cut(s, ":"); ok && !strings.ContainsAny(scheme, `/\`) {
		switch strings.ToLower(scheme) {
		case "magnet":
			return parseMagnet(rest)
		case "http", "https":
			if !isURL(s, "http", "https") {
				return Link{}, fmt.Errorf("%w: the web address is malformed", ErrNotALink)
			}
			return Link{Kind: TorrentURL, Source: s}, nil
		}
		// A path may well contain a colon, but not of this kind.
		if strings.HasPrefix(rest, "//") {
			return Link{}, fmt.Errorf("%w: nothing is known to fetch from %s://", ErrNotALink, strings.ToLower(scheme))
		}
	}
	if h, ok := parseBareHash(s); ok {
		return Link{Kind: Hash, InfoHash: h}, nil
	}
	if isTorrentPath(s) {
		return Link{Kind: TorrentFile, Source: s}, nil
	}
	return Link{}, ErrNotALink
}

// parseBareHash takes an info-hash in hex: 40 digits are v1, 64 are v2.
func parseBareHash(s string) (metainfo.InfoHash, bool) {
	switch len(s) {
	case hex.EncodedLen(len(metainfo.HashV1{})):
		var h metainfo.HashV1
		if _, err := hex.Decode(h[:], []byte(s)); err == nil {
			return metainfo.NewInfoHash(&h, nil), true
		}
	case hex.EncodedLen(len(metainfo.HashV2{})):
		var h metainfo.HashV2
		if _, err := hex.Decode(h[:], []byte(s)); err == nil {
			return metainfo.NewInfoHash(nil, &h), true
		}
	}
	return metainfo.InfoHash{}, false
}

// isTorrentPath reports whether s looks like a path: by its suffix, or because it names a folder too.
func isTorrentPath(s string) bool {
	if strings.ContainsRune(s, 0) {
		return false
	}
	return strings.HasSuffix(strings.ToLower(s), ".torrent") || strings.ContainsAny(s, "/"+string(filepath.Separator))
}

// Secure reports whether the .torrent file of a link can be fetched without others reading it on the way.
func (l Link) Secure() bool { return isURL(l.Source, "https") }

// isURL reports whether s is an absolute URL with a host and one of the schemes, or any scheme if none is given.
func isURL(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return false
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return true
		}
	}
	return len(schemes) == 0
}
