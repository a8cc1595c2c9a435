package catalog

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/potluck-p2p/potluck/internal/content"
)

// Identity is what tells a file on disk from a changed one: all of it as the file system gave it when the bytes were
// hashed. Times are nanoseconds since 1970. The zero value is none.
type Identity struct {
	// Name is the path below the object's own place as the disk spells it, with slashes; empty when that is Path.
	Name    string
	Size    int64
	ModTime int64
	Changed int64
	Inode   uint64
	Device  uint64
}

// values are the columns of an identity in their order in table files, disk_name first.
func (d Identity) values() []any {
	return []any{d.Name, d.Size, d.ModTime, d.Changed, int64(d.Inode), int64(d.Device)}
}

// Priority is how much a file is wanted.
type Priority uint8

// The numbers are stored: they are never given another meaning.
const (
	Skip Priority = iota
	Low
	Normal
	High
)

// FileRow is one file of an object.
type FileRow struct {
	// Path lies below the object's own place, with slashes. That of a lone file is its name.
	Path     string
	Size     int64
	Identity Identity
	Priority Priority
	// Finished says that the file lies under its own name, every wanted byte of it durable.
	Finished bool
}

// validPath reports whether a path stays below the folder it is joined to.
func validPath(path string) bool {
	if path == "" || len(path) > maxString || strings.ContainsRune(path, 0) {
		return false
	}
	return !slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool {
		return s == "" || s == "." || s == ".."
	})
}

func validateFiles(files []FileRow) error {
	var total int64
	for i, f := range files {
		switch {
		case !validPath(f.Path):
			return invalid("files", "the path of file %d, %.100q, is not one below a folder", i, f.Path)
		case f.Identity.Name != "" && !validPath(f.Identity.Name):
			return invalid("files", "the name on disk of file %d, %.100q, is not one below a folder", i, f.Identity.Name)
		case f.Size < 0 || f.Size > content.MaxObjectSize-total:
			return invalid("files", "the size of file %d, %d, is out of bounds", i, f.Size)
		case f.Priority > High:
			return invalid("files", "the priority of file %d, %d, is unknown", i, f.Priority)
		}
		total += f.Size
	}
	return nil
}

// SetFiles replaces the files of an object. File numbers may mean other bytes now, so what was verified and indexed of
// them is forgotten.
func (c *Catalog) SetFiles(ctx context.Context, id string, files []FileRow) error {
	return c.write(ctx, "set files", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		for _, table := range []string{"files", "verified", "digests"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE object = ?", n); err != nil {
				return err
			}
		}
		return putFiles(ctx, tx, n, files)
	})
}

func putFiles(ctx context.Context, tx *sql.Tx, n int64, files []FileRow) error {
	if err := validateFiles(files); err != nil {
		return err
	}
	b := bulk{tx: tx, head: "INSERT INTO files"}
	for i, f := range files {
		row := append([]any{n, i, f.Path, f.Size}, f.Identity.values()...)
		if err := b.add(ctx, append(row, int64(f.Priority), f.Finished)...); err != nil {
			return err
		}
	}
	if err := b.flush(ctx); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE objects SET files = ? WHERE n = ?", len(files), n)
	return err
}

// fileColumns are those that scanFile reads.
const fileColumns = "file, path, files.size, disk_name, disk_size, mtime, ctime, inode, device, priority, finished"

// scanFile reads a row of table files, and before it other columns.
func scanFile(rows *sql.Rows, before ...any) (at int, f FileRow, err error) {
	var inode, device int64
	d := &f.Identity
	err = rows.Scan(append(before, &at, &f.Path, &f.Size, &d.Name, &d.Size, &d.ModTime, &d.Changed, &inode, &device, &f.Priority, &f.Finished)...)
	d.Inode, d.Device = uint64(inode), uint64(device)
	return at, f, err
}

// Files returns the files of an object in order; none before its metadata is known.
func (c *Catalog) Files(ctx context.Context, id string) (files []FileRow, err error) {
	err = c.read(ctx, "files", func(tx *sql.Tx) error {
		n, count, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, "SELECT "+fileColumns+" FROM files WHERE object = ? ORDER BY file", n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			at, f, err := scanFile(rows)
			if err != nil {
				return badRow(id, err)
			}
			if at != len(files) {
				return &RecordError{ID: id, Err: invalid("files", "file %d is not there", len(files))}
			}
			files = append(files, f)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if len(files) != count {
			return &RecordError{ID: id, Err: invalid("files", "%d of %d are there", len(files), count)}
		}
		if err := validateFiles(files); err != nil {
			return &RecordError{ID: id, Err: err}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}

const updateIdentity = "UPDATE files SET disk_name = ?, disk_size = ?, mtime = ?, ctime = ?, inode = ?, device = ?"

// SetIdentity records what the given files are on disk now.
func (c *Catalog) SetIdentity(ctx context.Context, id string, identities map[int]Identity) error {
	if err := validNames(identities); err != nil {
		return err
	}
	return setEach(ctx, c, id, updateIdentity, identities, Identity.values)
}

func validNames(identities map[int]Identity) error {
	for i, d := range identities {
		if d.Name != "" && !validPath(d.Name) {
			return invalid("files", "the name on disk of file %d, %.100q, is not one below a folder", i, d.Name)
		}
	}
	return nil
}

// SetPriority records how much the given files are wanted.
func (c *Catalog) SetPriority(ctx context.Context, id string, priorities map[int]Priority) error {
	for i, p := range priorities {
		if p > High {
			return invalid("files", "the priority of file %d, %d, is unknown", i, p)
		}
	}
	return setEach(ctx, c, id, "UPDATE files SET priority = ?", priorities, func(p Priority) []any { return []any{int64(p)} })
}

// SetFinished records that the given files lie finished under their own names, and what they are on disk. A zero Identity is
// that of a file that does not any more.
func (c *Catalog) SetFinished(ctx context.Context, id string, identities map[int]Identity) error {
	if err := validNames(identities); err != nil {
		return err
	}
	return setEach(ctx, c, id, updateIdentity+", finished = ?", identities, func(d Identity) []any {
		return append(d.values(), d != Identity{})
	})
}

// setEach runs an update of table files for every file number in values, in one transaction.
func setEach[V any](ctx context.Context, c *Catalog, id, update string, values map[int]V, args func(V) []any) error {
	return c.write(ctx, "update files", func(tx *sql.Tx) error {
		n, files, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		return updateEach(ctx, tx, n, files, update, values, args)
	})
}

func updateEach[V any](ctx context.Context, tx *sql.Tx, n int64, files int, update string, values map[int]V, args func(V) []any) error {
	stmt, err := tx.PrepareContext(ctx, update+" WHERE object = ? AND file = ?")
	if err != nil {
		return err
	}
	defer stmt.Close()
	for i, v := range values {
		if i < 0 || i >= files {
			return invalid("files", "there is no file %d of %d", i, files)
		}
		if _, err := stmt.ExecContext(ctx, append(args(v), n, i)...); err != nil {
			return err
		}
	}
	return nil
}
