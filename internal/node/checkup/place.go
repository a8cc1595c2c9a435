package checkup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/potluck-p2p/potluck/internal/reach/doctor"
	"github.com/potluck-p2p/potluck/internal/vfs"
)

// trial is a file that is made to see whether one can be.
const trial = ".potluck-trial"

// place looks whether a folder can be written to; of one that is not there yet, the one it would be in.
func place(disk vfs.FS, name, dir string) doctor.Place {
	for {
		if _, err := disk.Stat(dir); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	p := doctor.Place{Name: name, Path: dir, Free: -1}
	if free, err := disk.Free(dir); err == nil {
		p.Free = free
	}
	if err := tryToWrite(disk, dir); err != nil {
		var where *fs.PathError
		if errors.As(err, &where) {
			err = where.Err
		}
		p.Problem = err.Error()
	}
	return p
}

func tryToWrite(disk vfs.FS, dir string) error {
	root, err := disk.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(trial, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), root.Remove(trial))
}
