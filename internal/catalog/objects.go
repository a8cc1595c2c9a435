package catalog

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

const (
	idLength  = 8 // hex digits of an id
	minPrefix = 4 // hex digits that may stand for an id
	// A home would need thousands of objects before even one draw is likely to be taken; this many in a row is a
	// broken source of randomness.
	maxDraws = 16
)

// selectRecords reads what scanRecord scans.
const selectRecords = "SELECT " + columns + ", (SELECT raw FROM infos WHERE object = objects.n) FROM objects "

// Contents is what is known of an object's bytes when it is added.
type Contents struct {
	Files       []FileRow
	Verified    []content.Ranges // by file; nil for nothing
	PieceLayers map[metainfo.HashV2][]metainfo.HashV2
	// Former are the files of the version that these contents take the place of, as far as they may still lie on the disk.
	Former []FormerFile
}

// Add stores a new object and returns the id drawn for it. r.ID must be empty.
func (c *Catalog) Add(ctx context.Context, r Record) (id string, err error) {
	return c.AddWhole(ctx, r, Contents{})
}

// AddWhole stores a new object together with its files, in one transaction.
func (c *Catalog) AddWhole(ctx context.Context, r Record, whole Contents) (id string, err error) {
	if r.ID != "" {
		return "", invalid("id", "a new object has none, got %q", r.ID)
	}
	err = c.write(ctx, "add", func(tx *sql.Tx) error {
		if r.ID, err = c.drawID(ctx, tx); err != nil {
			return err
		}
		if err := r.validate(); err != nil {
			return err
		}
		values := r.values()
		res, err := tx.ExecContext(ctx, "INSERT INTO objects ("+columns+") VALUES "+tuple(len(values)), values...)
		if err != nil {
			return err
		}
		n, err := res.LastInsertId()
		if err != nil {
			return err
		}
		if err := putInfo(ctx, tx, n, r.Info); err != nil {
			return err
		}
		return putContents(ctx, tx, n, whole)
	})
	if err != nil {
		return "", err
	}
	return r.ID, nil
}

func putContents(ctx context.Context, tx *sql.Tx, n int64, whole Contents) error {
	if err := putFiles(ctx, tx, n, whole.Files); err != nil {
		return err
	}
	if err := putVerified(ctx, tx, n, len(whole.Files), whole.Verified); err != nil {
		return err
	}
	if err := putFormer(ctx, tx, n, whole.Former); err != nil {
		return err
	}
	return putLayers(ctx, tx, n, whole.PieceLayers)
}

func (c *Catalog) drawID(ctx context.Context, tx *sql.Tx) (string, error) {
	var b [idLength / 2]byte
	for range maxDraws {
		if _, err := io.ReadFull(c.random, b[:]); err != nil {
			return "", fmt.Errorf("catalog: no randomness for an id: %w", err)
		}
		id := hex.EncodeToString(b[:])
		_, _, err := lookup(ctx, tx, id)
		if errors.Is(err, ErrNotFound) {
			return id, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", errors.New("catalog: every id drawn was taken")
}

// Update changes the record of an object by change, which may alter anything but the id and the kind.
func (c *Catalog) Update(ctx context.Context, id string, change func(*Record)) error {
	return c.write(ctx, "update", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		return changeRecord(ctx, tx, n, change)
	})
}

func changeRecord(ctx context.Context, tx *sql.Tx, n int64, change func(*Record)) error {
	r, err := scanRecord(tx.QueryRowContext(ctx, selectRecords+"WHERE n = ?", n).Scan)
	if err != nil {
		return err
	}
	id, kind, info := r.ID, r.Kind, bytes.Clone(r.Info)
	change(&r)
	if r.ID != id || r.Kind != kind {
		return invalid("id", "the id and kind of an object are kept for ever")
	}
	if err := r.validate(); err != nil {
		return err
	}
	set := strings.ReplaceAll(columns, ",", " = ?,") + " = ?"
	if _, err := tx.ExecContext(ctx, "UPDATE objects SET "+set+" WHERE n = ?", append(r.values(), n)...); err != nil {
		return err
	}
	if bytes.Equal(info, r.Info) {
		return nil
	}
	return putInfo(ctx, tx, n, r.Info)
}

func putInfo(ctx context.Context, tx *sql.Tx, n int64, info []byte) error {
	if info == nil {
		_, err := tx.ExecContext(ctx, "DELETE FROM infos WHERE object = ?", n)
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO infos VALUES (?, ?)", n, info)
	return err
}

// Get finds an object by its id, a prefix of it of 4 digits or more, or an info-hash in hex. Several objects that answer
// are an [AmbiguousError], none is [ErrNotFound].
func (c *Catalog) Get(ctx context.Context, ref string) (Record, error) {
	where, args, ok := whereRef(ref)
	if !ok {
		return Record{}, fmt.Errorf("%w: %q is no id, no prefix of one with %d digits or more, and no info-hash",
			ErrNotFound, ref, minPrefix)
	}
	rs, err := c.records(ctx, "get", where, args...)
	if len(rs) > 1 {
		ids := make([]string, len(rs))
		for i, r := range rs {
			ids[i] = r.ID
		}
		return Record{}, &AmbiguousError{Ref: ref, IDs: ids}
	}
	if err != nil {
		return Record{}, err
	}
	if len(rs) == 0 {
		return Record{}, fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	return rs[0], nil
}

// whereRef turns what a user types for an object into a condition.
func whereRef(ref string) (where string, args []any, ok bool) {
	ref = strings.ToLower(ref)
	if !isHex(ref) {
		return "", nil, false
	}
	switch n := len(ref); {
	case n >= minPrefix && n <= idLength:
		// "g" sorts behind every hex digit.
		return "id >= ? AND id < ?", []any{ref, ref + "g"}, true
	case n == 2*len(metainfo.HashV1{}) || n == 2*len(metainfo.HashV2{}):
		b, err := hex.DecodeString(ref)
		if err != nil {
			return "", nil, false
		}
		where, args = whereHash(b)
		return where, args, true
	}
	return "", nil, false
}

// whereHash matches a hash of 20 bytes with v1 and truncated v2 hashes, and one of 32 with v2 hashes.
func whereHash(h []byte) (where string, args []any) {
	rest := len(metainfo.HashV2{}) - len(h)
	if rest == 0 {
		return "v2 = ?", []any{h}
	}
	low := append(bytes.Clone(h), make([]byte, rest)...)
	high := append(bytes.Clone(h), bytes.Repeat([]byte{0xff}, rest)...)
	return "v1 = ? OR v2 BETWEEN ? AND ?", []any{h, low, high}
}

// List returns every object in the order they were added. Records that cannot be used are left out and named by the
// error, joined of one [RecordError] each; the others come with it.
func (c *Catalog) List(ctx context.Context) ([]Record, error) {
	return c.records(ctx, "list", "true")
}

// FindByInfoHash returns the objects that go by h: those with its v1 or its v2 hash.
func (c *Catalog) FindByInfoHash(ctx context.Context, h metainfo.InfoHash) ([]Record, error) {
	where, args := "false", []any(nil)
	if v1, ok := h.V1(); ok {
		where, args = where+" OR v1 = ?", append(args, v1[:])
	}
	if v2, ok := h.V2(); ok {
		where, args = where+" OR v2 = ?", append(args, v2[:])
	}
	return c.records(ctx, "find by info-hash", where, args...)
}

// FindShared returns the shared objects whose root is the given path, oldest first. One path may have been shared in
// several formats or under several names.
func (c *Catalog) FindShared(ctx context.Context, root string) ([]Record, error) {
	return c.records(ctx, "find by path", "kind = ? AND root = ?", string(Shared), root)
}

func (c *Catalog) records(ctx context.Context, op, where string, args ...any) (rs []Record, err error) {
	var bad []error
	err = c.read(ctx, op, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, selectRecords+"WHERE "+where+" ORDER BY n", args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			r, err := scanRecord(rows.Scan)
			var e *RecordError
			switch {
			case errors.As(err, &e):
				bad = append(bad, e)
			case err != nil:
				return err
			default:
				rs = append(rs, r)
			}
		}
		return rows.Err()
	})
	return rs, errors.Join(append(bad, err)...)
}

// Delete forgets an object and everything known about it.
func (c *Catalog) Delete(ctx context.Context, id string) error {
	return c.write(ctx, "delete", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM objects WHERE n = ?", n)
		return err
	})
}
