package catalog

import (
	"context"
	"database/sql"
)

const (
	// MaxTogether bounds the objects whose files are asked for at once.
	MaxTogether = 256
	// fewFiles is how many an object has at most whose files are read together with those of others: they are in memory together, too.
	fewFiles = 64
)

// FilesOf returns the files of many objects that have few each, by the ids of the objects. To ask for those of each alone costs more
// than the files. An object that has many is left out, and so is one that cannot be used: Files says why.
func (c *Catalog) FilesOf(ctx context.Context, ids []string) (files map[string][]FileRow, err error) {
	if len(ids) > MaxTogether {
		return nil, invalid("files", "those of %d objects are too many", len(ids))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	args := make([]any, 0, len(ids)+1)
	for _, id := range ids {
		args = append(args, id)
	}
	files, counts := make(map[string][]FileRow, len(ids)), make(map[string]int, len(ids))
	unusable := make(map[string]bool)
	err = c.read(ctx, "files of many", func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "SELECT id, files, "+fileColumns+" FROM objects JOIN files ON object = n WHERE id IN "+tuple(len(ids))+
			" AND files <= ? ORDER BY n, file", append(args, fewFiles)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var count int
			at, f, err := scanFile(rows, &id, &count)
			if err != nil || at != len(files[id]) {
				unusable[id] = true
				continue
			}
			files[id], counts[id] = append(files[id], f), count
		}
		return rows.Err()
	})
	if err != nil {
		return nil, err
	}
	for id, all := range files {
		if unusable[id] || len(all) != counts[id] || validateFiles(all) != nil {
			delete(files, id)
		}
	}
	return files, nil
}
