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
	whole *sql.Stmt // inserts batchRows rows; the end of tx closes it
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
	defer func() { b.args = b.args[:0] }()
	n := len(b.args) / b.width
	if n < batchRows {
		_, err := b.tx.ExecContext(ctx, b.statement(n), b.args...)
		return err
	}
	if b.whole == nil {
		stmt, err := b.tx.PrepareContext(ctx, b.statement(n))
		if err != nil {
			return err
		}
		b.whole = stmt
	}
	_, err := b.whole.ExecContext(ctx, b.args...)
	return err
}

// statement inserts n rows.
func (b *bulk) statement(n int) string {
	return b.head + " VALUES " + strings.Repeat(tuple(b.width)+",", n-1) + tuple(b.width)
}

// tuple is n parameters in parentheses.
func tuple(n int) string { return "(?" + strings.Repeat(",?", n-1) + ")" }
