package potluck

import (
	"context"
	"time"

	"github.com/potluck-p2p/potluck/internal/create"
	"github.com/potluck-p2p/potluck/internal/inspect"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Torrent is what a .torrent file or a link says of an object. A link says less: its Files are empty and its PieceLength
// is 0.
type Torrent struct {
	Name        string
	InfoHashV1  string // in hex, empty if there is none
	InfoHashV2  string
	PieceLength int64
	Size        int64 // -1 if it is not known
	Private     bool
	Files       []TorrentFile
	Trackers    [][]string // tiers
	WebSeeds    []string
	Peers       []string // host:port, of a link
	Comment     string
	CreatedBy   string
	Created     time.Time
	Link        string // a magnet link of the same
	Feed        *Feed  // that the object publishes or follows, whose link Link is then; nil for others
}

// TorrentFile is a file as a torrent lists it.
type TorrentFile struct {
	Path string
	Size int64
}

// Create makes a .torrent file of a file or folder, which is read once and not changed. It needs no node.
func Create(ctx context.Context, path string, opt TorrentOptions) ([]byte, Torrent, error) {
	t, err := create.Torrent(ctx, vfs.OS(), time.Now, opt.create(path), opt.Progress, opt.Note)
	if err != nil {
		return nil, Torrent{}, errorOf(err)
	}
	return t.Append(nil), torrentOf(t), nil
}

// Inspect tells what a link says, without a node and without asking peers. A .torrent file is read and a URL fetched.
func Inspect(ctx context.Context, link string) (Torrent, error) {
	return Options{}.Inspect(ctx, link)
}

// ParseTorrent reads the content of a .torrent file.
func ParseTorrent(b []byte) (Torrent, error) {
	t, err := inspect.Torrent(b)
	if err != nil {
		return Torrent{}, errorOf(err)
	}
	return torrentOf(t), nil
}

// ReadTorrent reads a .torrent file that the user named, as it is.
func ReadTorrent(path string) ([]byte, error) {
	b, err := inspect.ReadTorrent(vfs.OS(), path)
	return b, errorOf(err)
}

// TorrentPath tells whether a link is the path of a .torrent file, and which.
func TorrentPath(text string) (string, bool) {
	l, err := link.Parse(text)
	return l.Source, err == nil && l.Kind == link.TorrentFile
}

// IsFeed tells whether a link is that of a feed, which has to be looked up before there is anything to fetch.
func IsFeed(text string) bool {
	l, err := link.Parse(text)
	return err == nil && l.Kind == link.Feed
}

func torrentOf(t *metainfo.Torrent) Torrent {
	i := t.Info
	p := Torrent{
		Name: i.Name.String(), PieceLength: i.PieceLength, Size: i.Object().Size(), Private: i.Private, Trackers: t.Trackers,
		WebSeeds: t.WebSeeds, Comment: t.Comment, CreatedBy: t.CreatedBy,
	}
	p.setHash(i.Hash)
	if t.CreationDate != 0 {
		p.Created = time.Unix(t.CreationDate, 0)
	}
	for _, f := range i.Files {
		p.Files = append(p.Files, TorrentFile{Path: f.Path.String(), Size: f.Size})
	}
	l := link.Link{Kind: link.Magnet, InfoHash: i.Hash, Name: i.RawName(), Length: p.Size, WebSeeds: t.WebSeeds}
	for _, tier := range t.Trackers {
		l.Trackers = append(l.Trackers, tier...)
	}
	p.Link = l.Magnet()
	return p
}

func linkOf(l link.Link) Torrent {
	p := Torrent{Name: l.Name, Size: -1, WebSeeds: l.WebSeeds, Peers: l.Peers, Link: l.Magnet()}
	if l.Length > 0 {
		p.Size = l.Length
	}
	for _, u := range l.Trackers {
		p.Trackers = append(p.Trackers, []string{u})
	}
	p.setHash(l.InfoHash)
	return p
}

func (t *Torrent) setHash(h metainfo.InfoHash) {
	if v1, ok := h.V1(); ok {
		t.InfoHashV1 = v1.String()
	}
	if v2, ok := h.V2(); ok {
		t.InfoHashV2 = v2.String()
	}
}

// CheckLink tells whether a text is a link of any kind; if not, the error has the code [CodeNotALink]. It does not look
// whether there is anything behind it.
func CheckLink(text string) error {
	if _, err := link.Parse(text); err != nil {
		return &Error{
			Code: CodeNotALink, Message: Printable(text) + " is " + err.Error(), Exit: ExitUsage, Err: err,
			Hint: "give a magnet link, a .torrent file or URL, or an info-hash",
		}
	}
	return nil
}
