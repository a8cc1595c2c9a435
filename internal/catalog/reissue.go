package catalog

import (
	"context"
	"database/sql"
)

// Reissue puts new contents in the place of an object's old ones, and changes its record, in one transaction: what was
// known of the old bytes is forgotten. The id and the kind stay.
func (c *Catalog) Reissue(ctx context.Context, id string, change func(*Record), whole Contents) error {
	return c.write(ctx, "reissue", func(tx *sql.Tx) error {
		n, _, err := lookup(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := changeRecord(ctx, tx, n, change); err != nil {
			return err
		}
		for _, table := range []string{"files", "verified", "digests", "piece_layers"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+table+" WHERE object = ?", n); err != nil {
				return err
			}
		}
		return putContents(ctx, tx, n, whole)
	})
}
