package inspect

import (
	"context"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/selection"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Wanted is a link or a .torrent in one form.
type Wanted struct {
	Hash     metainfo.InfoHash
	Torrent  *metainfo.Torrent // nil if the metadata must come from peers
	Trackers [][]string
	WebSeeds []string
	Peers    []string // HOST:PORT or KEY@HOST:PORT, by the link
	Selected []string // patterns, see package selection
}

// Want reads what a user wants to have: a magnet link, an info-hash or the URL of a .torrent, or, if content is not nil, what
// is in a .torrent file. Selected are the user's patterns, which go before the link's own selection.
func Want(ctx context.Context, c *urls.Client, text string, content []byte, selected []string) (*Wanted, error) {
	if err := selection.Check(selected); err != nil {
		return nil, err
	}
	if content != nil {
		return fromTorrent(content, selected)
	}
	l, err := link.Parse(text)
	if err != nil {
		return nil, err
	}
	switch l.Kind {
	case link.TorrentURL:
		b, err := fetch(ctx, c, l.Source)
		if err != nil {
			return nil, err
		}
		return fromTorrent(b, selected)
	case link.TorrentFile:
		return nil, fault.Usage("the content of the .torrent file is missing", "", nil)
	}
	w := &Wanted{Hash: l.InfoHash, Trackers: Tiers(l.Trackers), WebSeeds: l.WebSeeds, Selected: selected}
	for _, peer := range l.Peers {
		w.Peers = append(w.Peers, PeerText(l.Key, peer))
	}
	if len(w.Selected) == 0 && len(l.Select) > 0 {
		w.Selected = selection.ByIndex(l.Select)
	}
	return w, nil
}

func fromTorrent(b []byte, selected []string) (*Wanted, error) {
	if len(b) > maxTorrent {
		return nil, fault.New(fault.ExitFailed, "damaged-torrent", "this .torrent file is over 32 MiB", "", nil)
	}
	t, err := metainfo.Parse(b)
	if err != nil {
		return nil, err
	}
	return &Wanted{Hash: t.Info.Hash, Torrent: t, Trackers: t.Trackers, WebSeeds: t.WebSeeds, Selected: selected}, nil
}

// Explains reports whether the torrent is the one that a link names: each info-hash of the link is its own.
func (w *Wanted) Explains(named metainfo.InfoHash) bool {
	if w.Torrent == nil {
		return false
	}
	v1, has1 := named.V1()
	v2, has2 := named.V2()
	own1, _ := w.Hash.V1()
	own2, _ := w.Hash.V2()
	return (!has1 || v1 == own1) && (!has2 || v2 == own2)
}
