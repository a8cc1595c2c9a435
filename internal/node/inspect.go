package node

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// Inspect tells what a link says, without a node and without asking peers: a .torrent file or URL is read and gives a
// torrent, of a magnet link or an info-hash there is the link alone.
func Inspect(ctx context.Context, fs vfs.FS, nw netx.Network, text string) (*metainfo.Torrent, link.Link, error) {
	l, err := link.Parse(text)
	if err != nil {
		return nil, l, explain(err)
	}
	var b []byte
	switch l.Kind {
	case link.TorrentFile:
		b, err = ReadTorrent(fs, l.Source)
	case link.TorrentURL:
		c := netx.NewClient(netx.ClientOptions{Network: nw, UserAgent: "potluck"})
		defer c.Close()
		b, err = fetchTorrent(ctx, c, l.Source)
	default:
		return nil, l, nil
	}
	if err != nil {
		return nil, l, explain(err)
	}
	t, err := ParseTorrent(b)
	return t, l, err
}

// ParseTorrent reads the content of a .torrent file.
func ParseTorrent(b []byte) (*metainfo.Torrent, error) {
	t, err := metainfo.Parse(b)
	if err != nil {
		return nil, explain(err)
	}
	return t, nil
}

// ReadTorrent reads a .torrent file that the user named.
func ReadTorrent(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, explain(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxTorrent+1))
	if err != nil {
		return nil, explain(err)
	}
	if len(b) > maxTorrent {
		return nil, &Error{"damaged-torrent", fmt.Sprintf("%s is over %d MiB, too large for a .torrent file", name, maxTorrent>>20), "", ExitFailed, nil}
	}
	return b, nil
}

// fetchTorrent fetches a .torrent file from an address that the user named.
func fetchTorrent(ctx context.Context, c *netx.Client, address string) ([]byte, error) {
	guard := netx.Guard{Purpose: netx.ForTorrent, Trusted: true}
	res, b, err := c.Fetch(ctx, netx.Request{Guard: guard, URL: address, MaxBody: maxTorrent})
	if err != nil {
		return nil, &Error{"unreachable", fmt.Sprintf("cannot fetch %s: %v", address, err), "check the address and the network", ExitBlocked, err}
	}
	if res.StatusCode != http.StatusOK {
		return nil, &Error{"unreachable", fmt.Sprintf("cannot fetch %s: the server says %s", address, res.Status), "check the address", ExitFailed, nil}
	}
	return b, nil
}
