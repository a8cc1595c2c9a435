package tracker

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/potluck-p2p/potluck/internal/netx"
	"github.com/potluck-p2p/potluck/internal/netx/urls"
	wire "github.com/potluck-p2p/potluck/internal/wire/tracker"
)

// ErrNoScrape says that a tracker cannot be asked about objects without announcing them.
var ErrNoScrape = errors.New("the tracker has no scrape")

// Scrape asks a tracker what it knows about info-hashes, without announcing anything. The result is in their order; what the
// tracker did not say is -1. Many are asked for in several requests.
func (c *Client) Scrape(ctx context.Context, server Server, family netx.Family, hashes [][20]byte) (list []wire.Scrape, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a bug in potluck: %v", p)
		}
		if err != nil {
			list, err = nil, &Error{Tracker: printable(server.URL), Err: err}
		}
	}()
	guard := urls.Guard{Purpose: urls.ForTracker, Trusted: server.Trusted}
	u, err := guard.Parse(server.URL)
	if err != nil {
		return nil, err
	}
	p, err := c.lines.enter(ctx, u.Host)
	if err != nil {
		return nil, err
	}
	defer c.lines.leave(p)
	if u.Scheme != "udp" {
		for some := range slices.Chunk(hashes, wire.MaxHTTPScrape) {
			part, err := c.scrapeHTTP(ctx, guard, u, family, some)
			if err != nil {
				return nil, err
			}
			list = append(list, part...)
		}
		return list, nil
	}
	addrs, err := c.locate(ctx, guard, u, family)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(hashes, wire.MaxScrape) {
		part, err := c.udp.scrape(ctx, addrs, some)
		if err != nil {
			return nil, err
		}
		list = append(list, part...)
	}
	return list, nil
}

func (c *Client) scrapeHTTP(ctx context.Context, guard urls.Guard, announce *url.URL, family netx.Family, hashes [][20]byte) ([]wire.Scrape, error) {
	at, ok := wire.ScrapeURL(announce, hashes)
	if !ok {
		return nil, ErrNoScrape
	}
	resp, body, err := c.http[family].Fetch(ctx, urls.Request{Guard: guard, URL: at, MaxBody: maxBody})
	if err != nil {
		return nil, err
	}
	list, err := wire.ParseScrapeResponse(body, hashes)
	var failure *wire.Failure
	if resp.StatusCode != http.StatusOK && !errors.As(err, &failure) {
		return nil, &StatusError{resp.StatusCode}
	}
	return list, err
}

// scrape asks the addresses of one tracker in turn until one answers.
func (c *udpClient) scrape(ctx context.Context, addrs []netip.AddrPort, hashes [][20]byte) ([]wire.Scrape, error) {
	for n := range maxSends {
		list, err := c.tryScrape(ctx, addrs[n%len(addrs)], firstWait<<n, hashes)
		if !errors.Is(err, ErrNoAnswer) {
			return list, err
		}
	}
	return nil, ErrNoAnswer
}

// tryScrape makes one scrape, with a connect before it if need be.
func (c *udpClient) tryScrape(ctx context.Context, addr netip.AddrPort, wait time.Duration, hashes [][20]byte) ([]wire.Scrape, error) {
	id, known := c.connection(addr)
	for {
		if !known {
			var err error
			if id, err = c.connect(ctx, addr, wait); err != nil {
				return nil, err
			}
		}
		b, err := c.exchange(ctx, addr, wait, func(transaction uint32) []byte {
			return wire.AppendScrape(nil, id, transaction, hashes)
		})
		if err != nil {
			return nil, err
		}
		list, err := wire.ParseScrape(b)
		var failure *wire.Failure
		if known && errors.As(err, &failure) {
			known = false // the tracker may have been restarted and know the connection no more
			continue
		}
		if err != nil {
			return nil, err
		}
		for len(list) < len(hashes) {
			list = append(list, wire.Unsaid)
		}
		return list[:len(hashes)], nil
	}
}
