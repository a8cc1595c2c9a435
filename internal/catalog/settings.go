package catalog

import (
	"context"
	"database/sql"
	"errors"
)

// Setting returns what is stored under key, and whether anything is.
func (c *Catalog) Setting(ctx context.Context, key string) (value string, ok bool, err error) {
	err = c.reader.QueryRowContext(ctx, "SELECT value FROM settings WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return value, err == nil, c.explain("setting "+key, err)
}

// SetSetting stores value under key.
func (c *Catalog) SetSetting(ctx context.Context, key, value string) error {
	if key == "" || len(key) > maxString || len(value) > maxString {
		return invalid("settings", "%.100q is empty, or it or its value is too long", key)
	}
	return c.write(ctx, "set "+key, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO settings VALUES (?, ?)", key, value)
		return err
	})
}

// DeleteSetting forgets what is stored under key, if anything is.
func (c *Catalog) DeleteSetting(ctx context.Context, key string) error {
	return c.write(ctx, "delete "+key, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM settings WHERE key = ?", key)
		return err
	})
}
