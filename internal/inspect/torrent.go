// Package inspect understands what a user typed or named: links, .torrent files and their URLs, trackers, web seeds, addresses
// of peers. What it returns has been parsed and bounded; what cannot be understood is a fault that says how it is meant to be.
package inspect

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/potluck-p2p/potluck/internal/fault"
	"github.com/potluck-p2p/potluck/internal/link"
	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/vfs"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// maxTorrent bounds a .torrent file, in bytes.
const maxTorrent = 32 << 20

// Link tells what a link says, without a node and without asking peers: a .torrent file or URL is read and gives a
// torrent, of a magnet link or an info-hash there is the link alone.
func Link(ctx context.Context, fsys vfs.FS, nw netx.Network, userAgent, text string) (*metainfo.Torrent, link.Link, error) {
	l, err := link.Parse(text)
	if err != nil {
		return nil, l, fault.Explain(err)
	}
	var b []byte
	switch l.Kind {
	case link.TorrentFile:
		b, err = ReadTorrent(fsys, l.Source)
	case link.TorrentURL:
		c := urls.NewClient(urls.ClientOptions{Network: nw, UserAgent: userAgent})
		defer c.Close()
		b, err = fetch(ctx, c, l.Source)
	default:
		return nil, l, nil
	}
	if err != nil {
		return nil, l, fault.Explain(err)
	}
	t, err := Torrent(b)
	return t, l, err
}

// Torrent reads the content of a .torrent file.
func Torrent(b []byte) (*metainfo.Torrent, error) {
	t, err := metainfo.Parse(b)
	if err != nil {
		return nil, fault.Explain(err)
	}
	return t, nil
}

// ReadTorrent reads a .torrent file that the user named.
func ReadTorrent(fsys vfs.FS, name string) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, fault.Explain(err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxTorrent+1))
	if err != nil {
		return nil, fault.Explain(err)
	}
	if len(b) > maxTorrent {
		return nil, fault.New(fault.ExitFailed, "damaged-torrent", fmt.Sprintf("%s is over %d MiB, too large for a .torrent file", name, maxTorrent>>20), "", nil)
	}
	return b, nil
}

// fetch fetches a .torrent file from an address that the user named.
func fetch(ctx context.Context, c *urls.Client, address string) ([]byte, error) {
	guard := urls.Guard{Purpose: urls.ForTorrent, Trusted: true}
	res, b, err := c.Fetch(ctx, urls.Request{Guard: guard, URL: address, MaxBody: maxTorrent})
	if err != nil {
		return nil, fault.New(fault.ExitBlocked, "unreachable", fmt.Sprintf("cannot fetch %s: %v", address, err), "check the address and the network", err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, fault.New(fault.ExitFailed, "unreachable", fmt.Sprintf("cannot fetch %s: the server says %s", address, res.Status), "check the address", nil)
	}
	return b, nil
}
