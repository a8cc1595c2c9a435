package tracker

import (
	"net/url"
	"strings"

	"github.com/potluck-p2p/potluck/internal/wire/bencode"
)

// MaxHTTPScrape is how many info-hashes one scrape over HTTP asks for, so that its URL stays one that servers take.
const MaxHTTPScrape = 40

// ScrapeURL is the URL at which an HTTP tracker is asked about info-hashes, made of that of its announces; ok is false if it
// cannot be asked. At most MaxHTTPScrape info-hashes are asked for; further ones are left out.
//
// BEP 48: "This is done by locating the string announce in the Path section of the Announce URL and replacing it with the
// string scrape." By convention it has to begin the last part of the path: otherwise the tracker has no scrape, or the
// string is part of a key.
func ScrapeURL(announce *url.URL, hashes [][20]byte) (scrape string, ok bool) {
	path := announce.EscapedPath()
	last := strings.LastIndexByte(path, '/') + 1
	rest, ok := strings.CutPrefix(path[last:], "announce")
	if !ok {
		return "", false
	}
	escaped := path[:last] + "scrape" + rest
	u := *announce
	u.Fragment, u.RawFragment, u.ForceQuery = "", "", false
	var err error
	if u.Path, err = url.PathUnescape(escaped); err != nil {
		return "", false
	}
	u.RawPath = escaped
	q := []byte(u.RawQuery)
	for _, h := range hashes[:min(len(hashes), MaxHTTPScrape)] {
		if len(q) > 0 && q[len(q)-1] != '&' {
			q = append(q, '&')
		}
		q = appendEscaped(append(q, "info_hash="...), string(h[:]))
	}
	u.RawQuery = string(q)
	return u.String(), true
}

// ParseScrapeResponse reads the body of an HTTP tracker's answer to a scrape for hashes, in whose order the result is. What
// the tracker did not say is -1. The error is a *Failure or a *FormatError.
func ParseScrapeResponse(body []byte, hashes [][20]byte) ([]Scrape, error) {
	v, _, err := bencode.ParsePrefix(body)
	if err != nil {
		return nil, &FormatError{err.Error()}
	}
	if v.Kind() != bencode.Dict {
		return nil, &FormatError{"not a dictionary but " + v.Kind().String()}
	}
	// BEP 48 writes "failure_reason" and refers to BEP 3, where it is "failure reason".
	for _, key := range []string{"failure reason", "failure_reason"} {
		if reason, ok := v.Get(key).Bytes(); ok {
			return nil, failure(reason, v.Get("retry in"))
		}
	}
	files := v.Get("files")
	if files.Kind() != bencode.Dict {
		return nil, &FormatError{"no files"}
	}
	// One pass over the dictionary, which may be long, whatever was asked for.
	said := make(map[string]bencode.Value, len(hashes))
	for _, h := range hashes {
		said[string(h[:])] = bencode.Value{}
	}
	for hash, file := range files.Entries() {
		if _, asked := said[string(hash)]; asked {
			said[string(hash)] = file
		}
	}
	list := make([]Scrape, len(hashes))
	for i, h := range hashes {
		file := said[string(h[:])]
		list[i] = Scrape{
			Seeders: count(file.Get("complete")), Completed: count(file.Get("downloaded")),
			Leechers: count(file.Get("incomplete")), Downloaders: count(file.Get("downloaders")),
		}
	}
	return list, nil
}
