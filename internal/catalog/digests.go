package catalog

import (
	"context"
	"database/sql"

	"github.com/potluck-p2p/potluck/internal/content"
)

// DigestKind says how a digest was computed, so that equal bytes of different meaning never meet.
type DigestKind uint8

// The numbers are stored: they are never given another meaning.
const (
	DigestFileRoot DigestKind = 1 // BEP 52: pieces root of a file
	DigestPiece    DigestKind = 2 // BEP 52: hash in a piece layer
)

// maxDigest is the longest digest the index takes.
const maxDigest = 64

// Digest names the bytes of one extent.
type Digest struct {
	Digest []byte
	Extent content.Extent
}

// Location is an extent of an object.
type Location struct {
	ID     string
	Extent content.Extent
}

// AddDigests puts digests of an object's extents into the index.
func (c *Catalog) AddDigests(ctx context.Context, id string, kind DigestKind, digests []Digest) error {
	return c.write(ctx, "index digests", func(tx *sql.Tx) error {
		n, files, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		b := bulk{tx: tx, head: "INSERT OR REPLACE INTO digests"}
		for _, d := range digests {
			e := d.Extent
			if len(d.Digest) == 0 || len(d.Digest) > maxDigest || e.File < 0 || e.File >= files || !validExtent(e) {
				return invalid("digests", "%d bytes for extent %s of %d files", len(d.Digest), e, files)
			}
			if err := b.add(ctx, int64(kind), d.Digest, n, e.File, e.Offset, e.Length); err != nil {
				return err
			}
		}
		return b.flush(ctx)
	})
}

// Find returns where the bytes of a digest lie, oldest object first. It is a hint: whether the object still has them is
// for its identity and verified ranges to say.
func (c *Catalog) Find(ctx context.Context, kind DigestKind, digest []byte) (found []Location, err error) {
	err = c.read(ctx, "find digest", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, file, start, length FROM digests JOIN objects ON n = object
			WHERE digests.kind = ? AND digest = ? ORDER BY n, file, start`, int64(kind), digest)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var l Location
			if err := rows.Scan(&l.ID, &l.Extent.File, &l.Extent.Offset, &l.Extent.Length); err != nil {
				return err
			}
			if l.Extent.File < 0 || !validExtent(l.Extent) {
				return &RecordError{ID: l.ID, Err: invalid("digests", "extent %s cannot be", l.Extent)}
			}
			found = append(found, l)
		}
		return rows.Err()
	})
	return found, err
}

// validExtent reports whether an extent could be one of some file.
func validExtent(e content.Extent) bool {
	return e.Offset >= 0 && e.Length > 0 && e.Offset <= content.MaxObjectSize && e.Length <= content.MaxObjectSize-e.Offset
}
