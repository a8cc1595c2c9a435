package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/internal/config"
	"github.com/potluck-p2p/potluck/internal/host"
)

// config reads what the user wants: flags, environment and file.
func (a *app) config() (*config.Config, error) {
	paths, err := config.Locate(a.env, a.flags)
	if err != nil {
		return nil, configError(err)
	}
	b, err := a.readIfThere(paths.File)
	if err != nil {
		return nil, err
	}
	return a.resolve(paths, b)
}

// resolve is config for a given content of the file; nil if there is none.
func (a *app) resolve(paths config.Paths, file []byte) (*config.Config, error) {
	in := config.Input{Env: a.env, Flags: a.flags, Room: host.Room(a.disk)}
	if file != nil {
		var err error
		if in.File, err = parseConfig(paths.File, file); err != nil {
			return nil, err
		}
		in.FileName, in.Lines = paths.File, config.Lines(file)
	}
	if paths.UserDirs != "" {
		// The desktop's file is no reason to fail.
		in.UserDirs, _ = a.readIfThere(paths.UserDirs)
	}
	cfg, err := config.Resolve(in)
	if err != nil {
		return nil, configError(err)
	}
	// Who is told of the home may be in another folder.
	if cfg.Home, err = filepath.Abs(cfg.Home); err != nil {
		return nil, ending.Disk("cannot tell where "+cfg.Home+" is", err)
	}
	return cfg, nil
}

// parseConfig reads the content of a configuration file. An error names the file.
func parseConfig(name string, data []byte) (config.Layer, error) {
	l, err := config.Parse(data)
	var e *config.Error
	if errors.As(err, &e) {
		e.Where = name
	}
	return l, configError(err)
}

// maxConfig bounds a configuration file that is read.
const maxConfig = 4 << 20

// readIfThere reads a small file; none if it is not there.
func (a *app) readIfThere(name string) ([]byte, error) {
	f, err := a.disk.OpenFile(name, os.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, ending.Disk("cannot read "+name, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.NewSectionReader(f, 0, maxConfig))
	if err != nil {
		return nil, ending.Disk("cannot read "+name, err)
	}
	return b, nil
}

func configError(err error) error {
	var e *config.Error
	if !errors.As(err, &e) {
		return err
	}
	said := *e
	said.Hint = ""
	return ending.Usage(e.Hint, "%v", &said)
}
