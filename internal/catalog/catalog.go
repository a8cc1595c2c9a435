// Package catalog keeps what one home knows in a SQLite database: its objects, their files and what is verified of
// them, piece layers, an index from digests to extents, and settings. It knows the nouns of content and no network, no
// disk layout and no swarm. A change is on disk when the method that made it returns.
//
// The schema has a number (user_version) and only goes forward, by the files in migrations. A copy of the last good state
// lies beside the catalog as NAME.bak; a damaged catalog is noticed when it is opened, kept, and replaced by [Recover].
//
// SQLite opens its own files; everything else that touches the disk is handed in. A Catalog is safe for concurrent use:
// one connection writes, a few read beside it.
package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
)

// readers is how many connections read beside the one that writes.
const readers = 4

// Catalog is an open catalog.
type Catalog struct {
	path   string
	random io.Reader
	writer *sql.DB
	reader *sql.DB
	close  func() error
}

// Open opens the catalog at path, making it if it is not there and taking its schema forward. Ids of new objects are
// drawn from random. It returns a [DamagedError] for a file that is not whole, or is gone while its backup is there, and
// a [NewerError] for one of a later potluck; both leave the file as it is.
func Open(ctx context.Context, path string, random io.Reader) (*Catalog, error) {
	return open(ctx, path, random, embedded)
}

func open(ctx context.Context, path string, random io.Reader, steps fs.FS) (*Catalog, error) {
	ms, err := loadMigrations(steps)
	if err != nil {
		return nil, err
	}
	c := &Catalog{path: path, random: random}
	if err := c.start(ctx, ms); err != nil {
		return nil, errors.Join(c.explain("open", err), c.hangUp())
	}
	c.close = sync.OnceValue(c.shut)
	return c, nil
}

func (c *Catalog) start(ctx context.Context, ms []migration) (err error) {
	if c.writer, err = connect(c.path, writing, 1); err != nil {
		return err
	}
	have, whose, err := version(ctx, c.writer)
	if cannotOpen(err) {
		have, whose, err = c.create(ctx)
	}
	if err != nil {
		return err
	}
	var tables int
	if err := c.writer.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	switch {
	case have == 0 && c.hasBackup():
		return &DamagedError{Path: c.path, Backup: true, Reason: "it is empty"}
	case whose != applicationID && (have > 0 || tables > 0):
		return invalid("path", "%s is a database of another program", c.path)
	case have > len(ms):
		return &NewerError{Path: c.path, Have: have, Known: len(ms)}
	}
	complaint, err := check(ctx, c.writer)
	if err != nil {
		return err
	}
	if complaint != "" {
		return &DamagedError{Path: c.path, Backup: c.hasBackup(), Reason: complaint}
	}
	if c.reader, err = connect(c.path, reading, readers); err != nil {
		return err
	}
	if have == len(ms) {
		return nil
	}
	if have > 0 {
		// A step that turns out wrong must not cost the state before it.
		if err := c.Backup(ctx); err != nil {
			return err
		}
	}
	return migrate(ctx, c.writer, have, ms)
}

// create makes the file, unless its backup says that there was one: an empty catalog in place of a lost one would look
// as if the user had shared nothing.
func (c *Catalog) create(ctx context.Context) (have, whose int, err error) {
	if c.hasBackup() {
		return 0, 0, &DamagedError{Path: c.path, Backup: true, Reason: "it is gone or cannot be opened"}
	}
	if err := c.writer.Close(); err != nil {
		return 0, 0, err
	}
	if c.writer, err = connect(c.path, creating, 1); err != nil {
		return 0, 0, err
	}
	return version(ctx, c.writer)
}

// Close brings the backup up to date and closes the catalog. Closing twice does nothing.
func (c *Catalog) Close() error { return c.close() }

func (c *Catalog) shut() error {
	return errors.Join(c.Backup(context.Background()), c.hangUp())
}

// hangUp closes the connections; the last one to close folds the write-ahead log into the file.
func (c *Catalog) hangUp() error {
	var errs []error
	for _, db := range []*sql.DB{c.reader, c.writer} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// write runs f in a transaction that is on disk when write returns nil, and did not happen otherwise.
func (c *Catalog) write(ctx context.Context, op string, f func(*sql.Tx) error) error {
	err := inTx(ctx, c.writer, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE state SET generation = generation + 1")
		return err
	})
	return c.explain(op, err)
}

// read runs f on one snapshot of the catalog.
func (c *Catalog) read(ctx context.Context, op string, f func(*sql.Tx) error) error {
	return c.explain(op, inTx(ctx, c.reader, f))
}

func inTx(ctx context.Context, db *sql.DB, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing once committed
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// lookup finds the row number of an object and how many files it has.
func lookup(ctx context.Context, tx *sql.Tx, id string) (n int64, files int, err error) {
	err = tx.QueryRowContext(ctx, "SELECT n, files FROM objects WHERE id = ?", id).Scan(&n, &files)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, 0, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return n, files, err
}
