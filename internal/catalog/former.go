package catalog

import (
	"context"
	"database/sql"

	"github.com/potluck-p2p/potluck/internal/wire/metainfo"
)

// FormerFile is a file of an object's earlier version that may still lie on the disk.
type FormerFile struct {
	// Identity is what it was when it was known to be right; Name is its path below the object's root.
	Identity Identity
	// Root is that of its hash tree (BEP 52); zero if it is not known.
	Root metainfo.HashV2
}

func putFormer(ctx context.Context, tx *sql.Tx, n int64, files []FormerFile) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM former_files WHERE object = ?", n); err != nil {
		return err
	}
	b := bulk{tx: tx, head: "INSERT INTO former_files"}
	for i, f := range files {
		if !validPath(f.Identity.Name) {
			return invalid("former files", "the path of file %d, %.100q, is not one below a folder", i, f.Identity.Name)
		}
		var root []byte
		if f.Root != (metainfo.HashV2{}) {
			root = f.Root[:]
		}
		if err := b.add(ctx, append(append([]any{n, i}, f.Identity.values()...), root)...); err != nil {
			return err
		}
	}
	return b.flush(ctx)
}

// FormerFiles returns what was given with Contents.Former and is not forgotten yet.
func (c *Catalog) FormerFiles(ctx context.Context, id string) (files []FormerFile, err error) {
	err = c.read(ctx, "former files", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT path, size, mtime, ctime, inode, device, sum FROM former_files
			WHERE object = ? ORDER BY place`, n)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var (
				f             FormerFile
				inode, device int64
				root          []byte
			)
			if err := rows.Scan(&f.Identity.Name, &f.Identity.Size, &f.Identity.ModTime, &f.Identity.Changed, &inode, &device, &root); err != nil {
				return badRow(id, err)
			}
			f.Identity.Inode, f.Identity.Device = uint64(inode), uint64(device)
			if len(root) == len(f.Root) {
				f.Root = metainfo.HashV2(root)
			}
			if !validPath(f.Identity.Name) {
				return &RecordError{ID: id, Err: invalid("former files", "the path %.100q is not one below a folder", f.Identity.Name)}
			}
			files = append(files, f)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	return files, nil
}

// ForgetFormerFiles says that none is left.
func (c *Catalog) ForgetFormerFiles(ctx context.Context, id string) error {
	return c.write(ctx, "forget former files", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM former_files WHERE object = ?", n)
		return err
	})
}
