package catalog

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

//go:embed migrations/*.sql
var embedded embed.FS

// applicationID marks the file as potluck's in SQLite's header ("potl"), so that another program's database is never
// taken for ours.
const applicationID = 0x706f746c

// migration is one numbered step of the schema.
type migration struct {
	number int
	name   string
	sql    string
}

// loadMigrations reads NNNN_name.sql files in order. Their numbers are 1, 2, 3 and so on: a gap is a mistake of ours.
func loadMigrations(fsys fs.FS) ([]migration, error) {
	names, err := fs.Glob(fsys, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var ms []migration
	for _, name := range names {
		digits, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, err := strconv.Atoi(digits)
		if err != nil || n != len(ms)+1 {
			return nil, fmt.Errorf("catalog: migration %s: want number %d", name, len(ms)+1)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		ms = append(ms, migration{number: n, name: name, sql: string(text)})
	}
	return ms, nil
}

// version reads the schema's number, and whose the file is. A file without tables is version 0.
func version(ctx context.Context, db *sql.DB) (number, application int, err error) {
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&number); err != nil {
		return 0, 0, err
	}
	err = db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&application)
	return number, application, err
}

// migrate takes the schema forward, each step in a transaction of its own together with its number: a crash leaves the
// version before or behind the step, never between.
func migrate(ctx context.Context, db *sql.DB, have int, ms []migration) error {
	for _, m := range ms[have:] {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, m.sql)
		if err == nil {
			_, err = tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, m.number))
		}
		if err == nil {
			err = tx.Commit()
		}
		if err != nil {
			_ = tx.Rollback()
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// check asks SQLite whether the file's structure is whole, and returns its complaint.
func check(ctx context.Context, db interface {
	QueryRowContext(context.Context, string, ...any) *sql.Row
}) (complaint string, err error) {
	var answer string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&answer); err != nil {
		return "", err
	}
	if answer == "ok" {
		return "", nil
	}
	return answer, nil
}
