package catalog

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
)

// mode says what a connection may do.
type mode uint8

const (
	creating mode = iota // one that writes, and makes the file
	writing              // one that writes to a file that is there
	reading              // one that only reads
	copying              // the far end of a backup
)

// dsn names the database for the driver. A path is percent-encoded, so that no character of it is taken for a parameter.
func dsn(path string, m mode) string {
	path = filepath.ToSlash(path)
	if len(path) > 1 && path[1] == ':' {
		path = "/" + path // sqlite.org/uri: a drive letter stands behind a slash
	}
	escaped := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	q := url.Values{"_pragma": {"busy_timeout(5000)", "foreign_keys(1)", "trusted_schema(0)"}, "mode": {"rw"}}
	pragma := func(p ...string) { q["_pragma"] = append(q["_pragma"], p...) }
	switch m {
	case creating, writing:
		// FULL: a commit is on disk before it returns, so power loss takes back nothing that was acknowledged.
		pragma("journal_mode(WAL)", "synchronous(FULL)", "journal_size_limit(16777216)")
		q.Set("_txlock", "immediate")
		if m == creating {
			q.Set("mode", "rwc")
		}
	case reading:
		pragma("query_only(1)")
	case copying:
		// With a rollback journal a copy is one transaction on one file: it is there whole or not at all.
		pragma("journal_mode(DELETE)", "synchronous(FULL)")
		q.Set("mode", "rwc")
	}
	return "file:" + escaped + "?" + q.Encode()
}

// connect opens a pool of at most n connections. Nothing is touched before the first use.
func connect(path string, m mode, n int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, m))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}
