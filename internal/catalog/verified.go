package catalog

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/potluck-p2p/potluck/internal/content"
)

const (
	// An object's rows are written again as one when there are this many, or when they hold more than twice what the
	// largest of them does: on average a byte is then written a constant number of times, and reading stays cheap.
	compactRows  = 128
	compactSlack = 64 << 10
)

// AddVerified records that bytes of an object's files are verified and durable, in addition to what is known. Its cost
// is that of the ranges given, however many files the object has.
func (c *Catalog) AddVerified(ctx context.Context, id string, added map[int]content.Ranges) error {
	return c.write(ctx, "record verified bytes", func(tx *sql.Tx) error {
		n, files, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := insertVerified(ctx, tx, n, files, added); err != nil {
			return err
		}
		var rows, total, largest int64
		err = tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(length(ranges)), 0), coalesce(max(length(ranges)), 0)
			FROM verified WHERE object = ?`, n).Scan(&rows, &total, &largest)
		if err != nil || rows <= compactRows && total <= 2*largest+compactSlack {
			return err
		}
		all, err := readVerified(ctx, tx, n, files)
		if err != nil {
			return recordError(id, err)
		}
		return replaceVerified(ctx, tx, n, files, all)
	})
}

// ReplaceVerified records what is verified of each file, and forgets what was before. nil is nothing.
func (c *Catalog) ReplaceVerified(ctx context.Context, id string, verified []content.Ranges) error {
	return c.write(ctx, "replace verified bytes", func(tx *sql.Tx) error {
		n, files, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		return replaceVerified(ctx, tx, n, files, verified)
	})
}

// Verified returns what is verified of each file of an object. A [RecordError] says that this cannot be known: nothing
// of the object is verified then.
func (c *Catalog) Verified(ctx context.Context, id string) (verified []content.Ranges, err error) {
	err = c.read(ctx, "verified bytes", func(tx *sql.Tx) error {
		n, files, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		if verified, err = readVerified(ctx, tx, n, files); err != nil {
			return recordError(id, err)
		}
		return recordError(id, withinFiles(ctx, tx, n, verified))
	})
	if err != nil {
		return nil, err
	}
	return verified, nil
}

func replaceVerified(ctx context.Context, tx *sql.Tx, n int64, files int, verified []content.Ranges) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM verified WHERE object = ?", n); err != nil {
		return err
	}
	return putVerified(ctx, tx, n, files, verified)
}

// putVerified adds a row with what is verified of every file.
func putVerified(ctx context.Context, tx *sql.Tx, n int64, files int, verified []content.Ranges) error {
	if verified == nil {
		return nil
	}
	if len(verified) != files {
		return invalid("verified", "ranges of %d files for an object of %d", len(verified), files)
	}
	return insertVerified(ctx, tx, n, files, maps.Collect(slices.All(verified)))
}

func insertVerified(ctx context.Context, tx *sql.Tx, n int64, files int, added map[int]content.Ranges) error {
	var b []byte
	last := -1
	for _, i := range slices.Sorted(maps.Keys(added)) {
		if i < 0 || i >= files {
			return invalid("verified", "there is no file %d of %d", i, files)
		}
		if r := added[i]; !r.IsEmpty() {
			b = binary.AppendUvarint(b, uint64(i-last-1))
			b = r.Append(b)
			last = i
		}
	}
	if b == nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO verified (object, ranges) VALUES (?, ?)", n, b)
	return err
}

// errVerified says that a row holds what insertVerified never writes.
var errVerified = errors.New("malformed row of verified ranges")

// mergeVerified adds a stored row to all, which has an element for each file. A row is, for each file with ranges in
// rising order, how many files it skips since the last one, as a varint, and the ranges.
func mergeVerified(all []content.Ranges, row []byte) error {
	for i := 0; len(row) > 0; i++ {
		skip, k := binary.Uvarint(row)
		if k <= 0 || i >= len(all) || skip >= uint64(len(all)-i) {
			return errVerified
		}
		i += int(skip)
		r, rest, err := content.ParseRanges(row[k:])
		if err != nil {
			return err
		}
		row = rest
		if all[i].IsEmpty() {
			all[i] = r
		} else {
			all[i].AddAll(r)
		}
	}
	return nil
}

func readVerified(ctx context.Context, tx *sql.Tx, n int64, files int) ([]content.Ranges, error) {
	all := make([]content.Ranges, files)
	rows, err := tx.QueryContext(ctx, "SELECT ranges FROM verified WHERE object = ? ORDER BY length(ranges) DESC", n)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var row sql.RawBytes
		if err := rows.Scan(&row); err != nil {
			return nil, err
		}
		if err := mergeVerified(all, row); err != nil {
			return nil, invalid("verified", "%v", err)
		}
	}
	return all, rows.Err()
}

// withinFiles holds ranges against the sizes of the files they are of.
func withinFiles(ctx context.Context, tx *sql.Tx, n int64, verified []content.Ranges) error {
	rows, err := tx.QueryContext(ctx, "SELECT file, size FROM files WHERE object = ?", n)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var file int
		var size int64
		if err := rows.Scan(&file, &size); err != nil {
			return err
		}
		if file < 0 || file >= len(verified) {
			return invalid("files", "file %d of %d", file, len(verified))
		}
		beyond := verified[file].Clone()
		beyond.Remove(0, size)
		if !beyond.IsEmpty() {
			return invalid("verified", "bytes of file %d behind its end", file)
		}
	}
	return rows.Err()
}

// recordError blames what is stored of one object for an InvalidError; other errors pass.
func recordError(id string, err error) error {
	var bad *InvalidError
	if errors.As(err, &bad) {
		return &RecordError{ID: id, Err: err}
	}
	return err
}
