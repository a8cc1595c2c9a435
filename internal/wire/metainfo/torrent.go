package metainfo

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

const (
	// maxURLs bounds the trackers, and the web seeds, that are kept of a .torrent file. Further ones are ignored.
	maxURLs = 1000
	// maxURL bounds the length of one URL; a longer one is ignored.
	maxURL = 4096
)

// Torrent is a .torrent file.
type Torrent struct {
	Info *Info
	// PieceLayers are the hashes of the pieces of each v2 file of more than one piece, by the root of the file.
	PieceLayers map[HashV2][]HashV2
	// Trackers are the tiers of trackers of BEP 12.
	Trackers [][]string
	// WebSeeds are the URLs of BEP 19.
	WebSeeds []string
	// Nodes are ways into the DHT (BEP 5).
	Nodes []Node
	// Comment and CreatedBy are as written, hostile to a terminal.
	Comment   string
	CreatedBy string
	// CreationDate is in seconds since 1970; 0 if unknown.
	CreationDate int64
}

// Parse reads a .torrent file. Info is a view of b, which must not change afterwards.
func Parse(b []byte) (*Torrent, error) {
	v, err := bencode.Parse(b)
	if err != nil {
		return nil, fault("torrent", "%v", err)
	}
	if v.Kind() != bencode.Dict {
		return nil, fault("torrent", "is a %s, not a dictionary", v.Kind())
	}
	var info, layers, announce, announceList, urlList, nodeList bencode.Value
	t := &Torrent{}
	for key, x := range v.Entries() {
		switch string(key) {
		case "info":
			info = x
		case "piece layers":
			layers = x
		case "announce":
			announce = x
		case "announce-list":
			announceList = x
		case "url-list":
			urlList = x
		case "nodes":
			nodeList = x
		case "comment":
			if t.Comment == "" {
				t.Comment, _ = x.Str()
			}
		case "comment.utf-8":
			if s, ok := x.Str(); ok {
				t.Comment = s
			}
		case "created by":
			t.CreatedBy, _ = x.Str()
		case "creation date":
			n, _ := x.Int()
			t.CreationDate = max(n, 0)
		}
	}
	if info.Kind() == bencode.None {
		return nil, fault("info", "is missing")
	}
	if t.Info, err = parseInfo(info); err != nil {
		return nil, err
	}
	if t.Info.HasV2() {
		if t.PieceLayers, err = t.Info.parseLayers(layers); err != nil {
			return nil, err
		}
	}
	t.Trackers = tiers(announce, announceList)
	t.WebSeeds = urls(urlList, maxURLs)
	t.Nodes = nodes(nodeList)
	return t, nil
}

// tiers reads the trackers. BEP 12: "If the client is compatible with the multitracker specification, and if the
// 'announce-list' key is present, the client will ignore the 'announce' key". An empty list is as good as none.
func tiers(announce, list bencode.Value) [][]string {
	var all [][]string
	left := maxURLs
	for x := range list.Items() {
		// Some programs write a plain list of URLs: each is a tier then.
		if tier := urls(x, left); len(tier) > 0 {
			all = append(all, tier)
			left -= len(tier)
		}
	}
	if len(all) == 0 {
		if one := urls(announce, 1); len(one) > 0 {
			all = append(all, one)
		}
	}
	return all
}

// urls reads a string or a list of strings and keeps at most n that may be URLs.
func urls(v bencode.Value, n int) []string {
	var all []string
	add := func(x bencode.Value) {
		b, _ := x.Bytes()
		if len(b) > maxURL || len(all) >= n {
			return
		}
		s := strings.ToValidUTF8(strings.TrimSpace(string(b)), "\ufffd")
		// A control character in a URL is an attack on whoever prints or sends it.
		if s == "" || len(s) > maxURL || strings.ContainsFunc(s, unicode.IsControl) {
			return
		}
		all = append(all, s)
	}
	add(v)
	for x := range v.Items() {
		add(x)
	}
	return all
}

// Append writes the .torrent file behind b. A v2 torrent is only whole with all its piece layers.
func (t *Torrent) Append(b []byte) []byte {
	w := bencode.BeginDict(b)
	var trackers int
	for _, tier := range t.Trackers {
		trackers += len(tier)
	}
	if trackers > 0 {
		i := slices.IndexFunc(t.Trackers, func(tier []string) bool { return len(tier) > 0 })
		w.String("announce", t.Trackers[i][0])
	}
	if trackers > 1 {
		w.Key("announce-list")
		w.B = append(w.B, 'l')
		for _, tier := range t.Trackers {
			if len(tier) > 0 {
				w.B = appendStrings(w.B, tier)
			}
		}
		w.B = append(w.B, 'e')
	}
	if t.Comment != "" {
		w.String("comment", t.Comment)
	}
	if t.CreatedBy != "" {
		w.String("created by", t.CreatedBy)
	}
	if t.CreationDate > 0 {
		w.Int("creation date", t.CreationDate)
	}
	w.Raw("info", t.Info.Raw)
	if len(t.Nodes) > 0 {
		w.Key("nodes")
		w.B = appendNodes(w.B, t.Nodes)
	}
	if t.Info.HasV2() {
		w.Key("piece layers")
		w.B = appendLayers(w.B, t.PieceLayers)
	}
	switch len(t.WebSeeds) {
	case 0:
	case 1:
		w.String("url-list", t.WebSeeds[0])
	default:
		w.Key("url-list")
		w.B = appendStrings(w.B, t.WebSeeds)
	}
	return w.End()
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, 'l')
	for _, s := range list {
		b = bencode.AppendString(b, s)
	}
	return append(b, 'e')
}

func appendLayers(b []byte, layers map[HashV2][]HashV2) []byte {
	roots := slices.SortedFunc(maps.Keys(layers), func(x, y HashV2) int { return bytes.Compare(x[:], y[:]) })
	w := bencode.BeginDict(b)
	for _, root := range roots {
		joined := make([]byte, 0, 32*len(layers[root]))
		for _, h := range layers[root] {
			joined = append(joined, h[:]...)
		}
		w.Bytes(string(root[:]), joined)
	}
	return w.End()
}
