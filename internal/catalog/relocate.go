package catalog

import (
	"context"
	"database/sql"
	"strings"
)

// Relocate records in one step that an object lies below another folder, and what the given files are on disk there.
func (c *Catalog) Relocate(ctx context.Context, id, root string, identities map[int]Identity) error {
	if root == "" || len(root) > maxString || strings.ContainsRune(root, 0) {
		return invalid("root", "is empty, too long or holds a NUL")
	}
	if err := validNames(identities); err != nil {
		return err
	}
	return c.write(ctx, "relocate", func(tx *sql.Tx) error {
		n, files, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE objects SET root = ? WHERE n = ?", root, n); err != nil {
			return err
		}
		return updateEach(ctx, tx, n, files, updateIdentity, identities, Identity.values)
	})
}
