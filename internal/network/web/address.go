package web

import (
	"net/url"
	"strings"

	"github.com/potluck-p2p/potluck/internal/netx/urls"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// addresses is where the files of an object lie at one server.
type addresses struct {
	name  string // of the server, safe to show
	base  string // without query
	query string // with its question mark
	info  *metainfo.Info
	paths [][]string // as in the info dictionary; nil for a single file
}

// locate checks the URL of a server.
func locate(guard urls.Guard, raw string, info *metainfo.Info) (*addresses, error) {
	u, err := guard.Parse(raw)
	if err != nil {
		return nil, err
	}
	a := &addresses{name: urls.Printable(u), info: info}
	raw, _, _ = strings.Cut(raw, "#")
	a.base, a.query, _ = strings.Cut(raw, "?")
	if strings.Contains(raw, "?") {
		a.query = "?" + a.query
	}
	if info.Dir {
		a.paths = info.RawPaths()
	}
	return a, nil
}

// of is the URL of a file; false if it has none.
//
// BEP 19: "If the "url-list" URL ends in a slash, "/" the client must add the "name" from the torrent to make the full URL."
// And of several files: "the "url-list" would be a root folder where a client could add the same "name" and "path/file" to
// create the URL".
func (a *addresses) of(file int) (string, bool) {
	var b strings.Builder
	b.WriteString(a.base)
	folder := strings.HasSuffix(a.base, "/")
	var names []string
	switch {
	case a.info.Dir:
		if !folder {
			b.WriteByte('/')
		}
		names = append([]string{a.info.RawName()}, a.paths[file]...)
	case folder:
		names = []string{a.info.RawName()}
	}
	for i, name := range names {
		// A server would take these for a way out of the folder.
		if name == "" || name == "." || name == ".." {
			return "", false
		}
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(url.PathEscape(name))
	}
	b.WriteString(a.query)
	return b.String(), true
}
