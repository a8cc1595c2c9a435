package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/potluck-p2p/potluck"
	"github.com/potluck-p2p/potluck/cmd/potluck/ending"
	"github.com/potluck-p2p/potluck/cmd/potluck/lines"
	"github.com/potluck-p2p/potluck/internal/config"
)

type configCmd struct {
	Get     configGetCmd     `cmd:"" help:"Show one setting or all."`
	Set     configSetCmd     `cmd:"" help:"Change a setting in the configuration file."`
	Explain configExplainCmd `cmd:"" help:"Show what settings are for, and where their values come from."`
}

type configGetCmd struct {
	Key string `arg:"" optional:"" help:"The setting; all if there is none."`
}

// Run shows values.
func (c *configGetCmd) Run(a *app) error {
	list, err := a.settings(c.Key)
	if err != nil {
		return err
	}
	for _, s := range list {
		switch {
		case a.out.JSON:
			a.out.Emit(settingOf(s))
		case c.Key != "":
			a.out.Result(potluck.Printable(s.Value))
		default:
			a.out.Result(s.Key + " = " + potluck.Printable(s.Value))
		}
	}
	return nil
}

type configExplainCmd struct {
	Key string `arg:"" optional:"" help:"The setting; all if there is none."`
}

// Run shows values and where they come from.
func (c *configExplainCmd) Run(a *app) error {
	list, err := a.settings(c.Key)
	if err != nil {
		return err
	}
	rows := [][]string{{"KEY", "VALUE", "FROM", "ABOUT"}}
	for _, s := range list {
		if a.out.JSON {
			a.out.Emit(settingOf(s))
			continue
		}
		from := s.Source.String()
		if s.Where != "" {
			from = s.Where
		}
		rows = append(rows, []string{s.Key, potluck.Printable(s.Value), potluck.Printable(from), s.About})
	}
	if !a.out.JSON {
		a.out.Table(rows)
	}
	return nil
}

// settings is one setting, or all if key is empty.
func (a *app) settings(key string) ([]config.Setting, error) {
	cfg, err := a.config()
	if err != nil {
		return nil, err
	}
	if key == "" {
		return cfg.Explain(), nil
	}
	s, err := cfg.Get(key)
	if err != nil {
		return nil, configError(err)
	}
	return []config.Setting{s}, nil
}

type configSetCmd struct {
	Key   string `arg:"" help:"The setting."`
	Value string `arg:"" help:"What it is to be."`
}

// Run changes the configuration file, if what it says then is right.
func (c *configSetCmd) Run(a *app) error {
	paths, err := config.Locate(a.env, a.flags)
	if err != nil {
		return configError(err)
	}
	old, err := a.readIfThere(paths.File)
	if err != nil {
		return err
	}
	if _, err := parseConfig(paths.File, old); err != nil {
		return err
	}
	data, err := config.Edit(old, c.Key, c.Value)
	if err != nil {
		return configError(err)
	}
	cfg, err := a.resolve(paths, data)
	if err != nil {
		return err
	}
	if err := a.replaceFile(paths.File, data); err != nil {
		return ending.Disk("cannot write "+paths.File, err)
	}
	s, err := cfg.Get(c.Key)
	if err != nil {
		return configError(err)
	}
	if a.out.JSON {
		a.out.Emit(settingOf(s))
	}
	if s.Source > config.File {
		a.out.Say("%s is written to %s, but %s overrules it.", c.Key, paths.File, s.Where)
	}
	a.out.Say("A node that is running takes it when it starts again.")
	return nil
}

// replaceFile puts a small file in the place of another in one step that a crash does not halve.
func (a *app) replaceFile(name string, data []byte) error {
	dir, base := filepath.Split(name)
	if err := a.disk.MkdirAll(dir); err != nil {
		return err
	}
	root, err := a.disk.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	perm := fs.FileMode(0o600)
	info, err := root.Lstat(base)
	switch {
	case err == nil && !info.Mode.IsRegular():
		return fmt.Errorf("%s is not a regular file: change the file that it stands for with an editor", name)
	case err == nil:
		perm = info.Mode.Perm()
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	fresh := base + ".new"
	if err := root.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(fresh, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(data, 0)
	if err = errors.Join(err, f.Datasync(), f.Close()); err != nil {
		return errors.Join(err, root.Remove(fresh))
	}
	if err := root.RenameOver(fresh, base); err != nil {
		return errors.Join(err, root.Remove(fresh))
	}
	return root.SyncDir(".")
}

func settingOf(s config.Setting) lines.Setting {
	return lines.Setting{Type: "setting", Key: s.Key, Value: s.Value, Source: s.Source.String(), Where: s.Where, About: s.About}
}
