package catalog

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"modernc.org/sqlite"
)

// ErrNoBackup says that there is no backup to recover from.
var ErrNoBackup = errors.New("catalog: there is no usable backup")

// Folder is what recovery does to the folder the catalog lies in; the names are those of files in it. RenameNoReplace
// answers fs.ErrNotExist for a file that is not there.
type Folder interface {
	RenameNoReplace(from, to string) error
	Remove(name string) error
	SyncDir(name string) error
}

// Recovery tells what [Recover] did.
type Recovery struct {
	Kept    string // where the damaged file is now; empty if it was gone
	Objects int    // how many objects the backup knew
}

func backupOf(path string) string { return path + ".bak" }

// hasBackup reports whether a backup lies beside the catalog. Whether it is whole is seen when it is needed.
func (c *Catalog) hasBackup() bool {
	db, err := connect(backupOf(c.path), writing, 1)
	if err != nil {
		return false
	}
	defer db.Close()
	have, _, err := version(context.Background(), db)
	return err == nil && have > 0
}

// Backup makes NAME.bak a copy of the catalog as it is, unless it is one already. It is worth calling after a start and
// now and then; Close does it too. A catalog that is not whole is a [DamagedError] and leaves the last backup alone.
func (c *Catalog) Backup(ctx context.Context) error {
	conn, err := c.reader.Conn(ctx)
	if err != nil {
		return c.explain("back up", err)
	}
	defer conn.Close()
	var now int64
	if err := conn.QueryRowContext(ctx, generation).Scan(&now); err != nil {
		return c.explain("back up", err)
	}
	if c.backupGeneration(ctx) == now {
		return nil
	}
	complaint, err := check(ctx, conn)
	if err != nil {
		return c.explain("back up", err)
	}
	if complaint != "" {
		return &DamagedError{Path: c.path, Backup: c.hasBackup(), Reason: complaint}
	}
	return c.explain("back up", copyTo(conn, backupOf(c.path)))
}

const generation = "SELECT generation FROM state"

// backupGeneration is the generation the backup was made of, or -1.
func (c *Catalog) backupGeneration(ctx context.Context) int64 {
	db, err := connect(backupOf(c.path), reading, 1)
	if err != nil {
		return -1
	}
	defer db.Close()
	var g int64
	if err := db.QueryRowContext(ctx, generation).Scan(&g); err != nil {
		return -1
	}
	return g
}

// copyTo makes the database at path a copy of the one conn reads, in one step of one transaction: writers go on, and a
// crash leaves the old copy.
func copyTo(conn *sql.Conn, path string) error {
	return conn.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(uri string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("catalog: the driver makes no backups")
		}
		b, err := source.NewBackup(dsn(path, copying))
		if err != nil {
			return err
		}
		_, err = b.Step(-1)
		return errors.Join(err, b.Finish())
	})
}

// Recover replaces a damaged or lost catalog by its backup and opens it. The damaged file is kept under another name in
// the same folder, which folder must be. The catalog must not be open. A crash on the way leaves the backup, and a catalog that
// still wants recovering.
func Recover(ctx context.Context, path string, folder Folder, random io.Reader) (*Catalog, Recovery, error) {
	var done Recovery
	fresh := path + ".new"
	if err := dropDatabase(folder, filepath.Base(fresh)); err != nil {
		return nil, done, err
	}
	if err := restore(ctx, backupOf(path), fresh); err != nil {
		return nil, done, err
	}
	var mark [4]byte
	if _, err := io.ReadFull(random, mark[:]); err != nil {
		return nil, done, fmt.Errorf("catalog: no randomness for a file name: %w", err)
	}
	kept := path + ".damaged-" + hex.EncodeToString(mark[:])
	// The log goes first: one left behind would be taken for that of the fresh file.
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		err := folder.RenameNoReplace(filepath.Base(path)+suffix, filepath.Base(kept)+suffix)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, done, &DiskError{Op: "set aside the damaged", Path: path, Err: err}
		case suffix == "":
			done.Kept = kept
		}
	}
	if err := folder.RenameNoReplace(filepath.Base(fresh), filepath.Base(path)); err != nil {
		return nil, done, &DiskError{Op: "put the backup in place of", Path: path, Err: err}
	}
	if err := folder.SyncDir("."); err != nil {
		return nil, done, &DiskError{Op: "put the backup in place of", Path: path, Err: err}
	}
	c, err := Open(ctx, path, random)
	if err != nil {
		return nil, done, err
	}
	err = c.reader.QueryRowContext(ctx, "SELECT count(*) FROM objects").Scan(&done.Objects)
	if err != nil {
		return nil, done, errors.Join(c.explain("recover", err), c.hangUp())
	}
	return c, done, nil
}

// restore copies a backup that is whole to a new place.
func restore(ctx context.Context, backup, to string) error {
	db, err := connect(backup, writing, 1)
	if err != nil {
		return err
	}
	defer db.Close()
	have, whose, err := version(ctx, db)
	if err == nil && (have == 0 || whose != applicationID) {
		err = errors.New("it is no catalog")
	}
	if err == nil {
		var complaint string
		if complaint, err = check(ctx, db); complaint != "" {
			err = errors.New(complaint)
		}
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoBackup, backup, err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return copyTo(conn, to)
}

// dropDatabase removes what a recovery that did not finish left.
func dropDatabase(folder Folder, name string) error {
	for _, suffix := range []string{"-wal", "-shm", "-journal", ""} {
		if err := folder.Remove(name + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &DiskError{Op: "remove", Path: name + suffix, Err: err}
		}
	}
	return nil
}
