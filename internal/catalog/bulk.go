package catalog

import (
	"context"
	"database/sql"
	"strings"
)

// batchRows is how many rows one statement inserts: each statement has a fixed cost that a row alone would not pay for.
const batchRows = 200

// bulk inserts many rows with few statements. head is the statement up to VALUES.
type bulk struct {
	tx    *sql.Tx
	head  string
	width int
	args  []any
}

// add puts a row in, sooner or later.
func (b *bulk) add(ctx context.Context, row ...any) error {
	b.width = len(row)
	if b.args = append(b.args, row...); len(b.args) < batchRows*b.width {
		return nil
	}
	return b.flush(ctx)
}

// flush puts in what add held back.
func (b *bulk) flush(ctx context.Context) error {
	if len(b.args) == 0 {
		return nil
	}
	rows := strings.Repeat(tuple(b.width)+",", len(b.args)/b.width)
	_, err := b.tx.ExecContext(ctx, b.head+" VALUES "+strings.TrimSuffix(rows, ","), b.args...)
	b.args = b.args[:0]
	return err
}

// tuple is n parameters in parentheses.
func tuple(n int) string { return "(?" + strings.Repeat(",?", n-1) + ")" }
